"""Bytewax: a keyed `stateful_map` for cards, a map for the model, one worker; no recovery store."""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main
from job import Card, Count, Job, alert_of, visit
from models import model_of

job = Job.from_environment()
count, model = Count(job.count), model_of(job.model)
Visited = tuple[dict[str, Any], Card, tuple[float, ...]]


def keyed(message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, dict[str, Any]]:
    payment = orjson.loads(message.value)
    return payment["card_id"], payment


def visited(card: Card | None, payment: dict[str, Any]) -> tuple[Card, Visited]:
    card, x = visit(card, payment)
    return card, (payment, card, x)


def alerted(item: tuple[str, Visited]) -> KafkaSinkMessage[bytes, bytes] | None:
    key, (payment, card, x) = item
    score = model.score(x)
    count.add()
    if score <= model.threshold:
        return None
    return KafkaSinkMessage(key.encode(), orjson.dumps(alert_of(payment, card, score)))


flow = Dataflow("peer")
messages = op.input("payments", flow, KafkaSource([job.broker], [job.topic], batch_size=4_000))
payments = op.map("keyed", messages, keyed)
with_cards = op.stateful_map("cards", payments, visited)
alerts = op.filter_map("alerted", with_cards, alerted)
op.output("alerts", alerts, KafkaSink([job.broker], job.alerts))

if __name__ == "__main__":
    cluster_main(flow, [], 0)
