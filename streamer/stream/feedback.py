"""Verdicts from reviewers and chargebacks: decoded, and stored for the model to learn from.

Invariant: a verdict's Kafka offset is its id in Redis, so one that is read twice is stored once.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import structlog

from streamer.batch import Batch
from streamer.decoding import DeadLetter, TimestampRange, diagnose, unbelievable
from streamer.errors import UnavailableError
from streamer.events import Feedback
from streamer.settings import Settings
from streamer.store import Store
from streamer.stream.publisher import Publisher
from streamer.telemetry.metrics import Metrics

__all__ = ["FeedbackStoring"]

_log = structlog.get_logger(__name__)

_RETRY_S: Final = 1.0
_decoder: Final = msgspec.json.Decoder(Feedback)
_encoder: Final = msgspec.json.Encoder()


class FeedbackStoring:
    """All that one worker does with the feedback topic."""

    def __init__(
        self,
        settings: Settings,
        believable: TimestampRange,
        store: Store,
        publisher: Publisher,
        metrics: Metrics,
    ) -> None:
        self._believable = believable
        self._topic = settings.feedback_topic
        self._store = store
        self._publisher = publisher
        self._metrics = metrics

    async def position(self, partition: int) -> int | None:
        """Return the offset to read from; None leaves it to Kafka's group."""
        return await self._store.feedback_offset(self._topic, partition)

    async def handle(self, batch: Batch) -> int:
        """Store a batch of verdicts and return the next offset; waits while Redis is away."""
        verdicts, letters = _decode(batch, self._believable)
        for letter in letters:
            self._publisher.publish_dead_letter(letter, batch)
            self._metrics.dead_letters.labels(letter.reason).inc()
        await self._publisher.flush()
        entries = [(offset, _entry(verdict)) for offset, verdict in verdicts]
        next_offset = batch.next_offset
        while True:
            try:
                await self._store.add_feedback(self._topic, batch.partition, next_offset, entries)
                break
            except UnavailableError as error:
                _log.warning("feedback waits for Redis", error=str(error))
                await asyncio.sleep(_RETRY_S)
        for _, verdict in verdicts:
            self._metrics.feedback.labels(verdict.verdict).inc()
        return next_offset


def _decode(
    batch: Batch, believable: TimestampRange
) -> tuple[list[tuple[int, Feedback]], list[DeadLetter]]:
    verdicts: list[tuple[int, Feedback]] = []
    letters: list[DeadLetter] = []
    latest_ms = batch.received_at_ms + believable.max_ahead_ms
    for record in batch.records:
        try:
            verdict = _decoder.decode(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            letters.append(diagnose(record, error))
            continue
        # One verdict from the far future would make all earlier ones on its merchant look ancient.
        time_ms = int(verdict.decided_at.timestamp() * 1000)
        if believable.earliest_ms <= time_ms <= latest_ms:
            verdicts.append((record.offset, verdict))
        else:
            letters.append(unbelievable(record, "decided_at", time_ms, believable, latest_ms))
    return verdicts, letters


def _entry(verdict: Feedback) -> dict[str, str]:
    return {"feedback": _encoder.encode(verdict).decode()}
