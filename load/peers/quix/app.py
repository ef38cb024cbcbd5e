"""Quix Streams: an apply per payment, cards in its store (RocksDB with a changelog) or in a dict."""

from __future__ import annotations

from typing import Any

from job import SESSION_S, Card, Count, Job, alert_of, visit
from models import model_of
from quixstreams import Application, State

job = Job.from_environment()
count, model = Count(job.count), model_of(job.model)
cards: dict[str, Card] = {}


def judged(payment: dict[str, Any], card: Card, x: tuple[float, ...]) -> dict[str, Any] | None:
    score = model.score(x)
    count.add()
    return alert_of(payment, card, score) if score > model.threshold else None


def with_store(payment: dict[str, Any], state: State) -> dict[str, Any] | None:
    card, x = visit(state.get("card"), payment)
    state.set("card", card)
    return judged(payment, card, x)


def with_dict(payment: dict[str, Any]) -> dict[str, Any] | None:
    card, x = visit(cards.get(payment["card_id"]), payment)
    cards[payment["card_id"]] = card
    return judged(payment, card, x)


app = Application(
    broker_address=job.broker,
    consumer_group=job.group,
    auto_offset_reset="earliest",
    consumer_extra_config={"session.timeout.ms": SESSION_S * 1_000},
    state_dir=job.folder,
    loglevel="WARNING",
)
payments = app.topic(job.topic, key_deserializer="str", value_deserializer="json")
alerts = app.topic(job.alerts, key_serializer="str", value_serializer="json")
frame = app.dataframe(payments)
frame = frame.apply(with_store, stateful=True) if job.state == "store" else frame.apply(with_dict)
frame.filter(lambda alert: alert is not None).to_topic(alerts)

if __name__ == "__main__":
    app.run()
