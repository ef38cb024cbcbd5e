"""Stock Faust: an agent per event or by ``take`` (PEER_MODEL=rows), cards in a table or a dict."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import faust
import orjson
from job import SESSION_S, Card, Count, Job, alert_of, visit
from models import model_of

_AT_ONCE, _WITHIN_S = 1_000, 0.1

job = Job.from_environment()
count = Count(job.count)
app = faust.App(
    job.group,
    broker=f"kafka://{job.broker}",
    store="memory://",
    datadir=str(job.folder),
    topic_partitions=4,
    topic_disable_leader=True,
    broker_max_poll_records=4_000,
    broker_session_timeout=SESSION_S,
    broker_heartbeat_interval=SESSION_S / 3,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
# Bytes, decoded by orjson in the agent: Faust's own way from JSON to a dict costs more.
payments = app.topic(
    job.topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
)
alerts = app.topic(job.alerts, key_type=bytes, key_serializer="raw", value_serializer="json")
# Every change of a table is a message to its changelog, which is most of what a payment then costs.
cards: Any = app.Table("cards", partitions=4) if job.state == "table" else {}


async def tell(payment: dict[str, Any], card: Card, score: float) -> None:
    await alerts.send(key=payment["card_id"].encode(), value=alert_of(payment, card, score))


def visited(payment: dict[str, Any]) -> tuple[Card, tuple[float, ...]]:
    card, x = visit(cards.get(payment["card_id"]), payment)
    cards[payment["card_id"]] = card
    return card, x


if job.model == "rows":
    import numpy as np
    from row_clusters import THRESHOLD, RowClusters

    rows = RowClusters()

    @app.agent(payments)
    async def score_many(stream: Any) -> None:
        async for batch in stream.take(_AT_ONCE, within=_WITHIN_S):
            batch = [orjson.loads(value) for value in batch]
            found = [visited(payment) for payment in batch]
            scores = rows.score(np.array([x for _, x in found]))
            for i in np.flatnonzero(scores > THRESHOLD):
                await tell(batch[i], found[i][0], float(scores[i]))
            count.add(len(batch))

else:
    model = model_of(job.model)

    @app.agent(payments)
    async def score_each(stream: AsyncIterable[bytes]) -> None:
        async for value in stream:
            payment = orjson.loads(value)
            card, x = visited(payment)
            score = model.score(x)
            if score > model.threshold:
                await tell(payment, card, score)
            count.add()


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()
