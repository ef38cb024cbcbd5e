"""The two agents: what reads the input topics, batch by batch."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from faust.types import TP

from streamer.settings import Settings
from streamer.stream.ending import or_end
from streamer.stream.transport import BatchSchema, ReadBatch

__all__ = ["add_agents"]


def add_agents(app: Any, settings: Settings) -> None:
    """Give the app an agent for each input topic; ``app`` is a `streamer.stream.app.ScoringApp`."""

    @app.agent(app.topic(settings.transactions_topic, schema=BatchSchema()), name="score")
    async def score(stream: AsyncIterable[Any]) -> None:
        async for event in stream.events():  # type: ignore[attr-defined]
            read: ReadBatch = event.value
            put_off = await or_end(app.scoring.handle(read.batch, read.reading))
            if put_off is not None:
                tp = TP(settings.transactions_topic, read.batch.partition)
                app.claims.failed(tp, read.reading, put_off)

    @app.agent(app.topic(settings.feedback_topic, schema=BatchSchema()), name="store_feedback")
    async def store_feedback(stream: AsyncIterable[Any]) -> None:
        async for event in stream.events():  # type: ignore[attr-defined]
            read: ReadBatch = event.value
            tp = TP(settings.feedback_topic, read.batch.partition)
            if app.claims.is_current(tp, read.reading):
                next_offset = await or_end(app.feedback_storing.handle(read.batch))
                if next_offset is None:
                    app.claims.void(tp)
                else:
                    app.consumer.durable[tp] = next_offset
