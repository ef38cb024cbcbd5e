"""Verdicts from reviewers and chargebacks: decoded, and stored for the model to learn from.

Invariants:
* A verdict's Kafka offset makes its id in Redis, so one that is read twice is stored once.
* Nothing is stored of a topic that is not the one that was claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
import structlog

from streamer.contract.batch import Batch
from streamer.contract.card_aliases import is_alias
from streamer.contract.messages import Feedback
from streamer.errors import FencedError, UnavailableError
from streamer.intake.decoding import PLAIN, DeadLetter, decode_batch
from streamer.intake.hidden_numbers import without_card_numbers
from streamer.store import PartitionRecord
from streamer.stream.judging.alert_sources import AlertSources
from streamer.stream.partitions.worker_spans import REDIS, BatchTrace
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.telemetry.tracing import child
from streamer.verdicts.sent import SentVerdict, completed, decode_verdicts, unknown_alert

__all__ = ["FeedbackStoring"]

_log = structlog.get_logger(__name__)

_encoder: Final = msgspec.json.Encoder()


class FeedbackStoring:
    """All that one worker does with the feedback topic."""

    def __init__(self, kit: Kit, held: Held, claiming: Claiming) -> None:
        pipeline = kit.pipeline
        self._believable = pipeline.believable
        self._card_key = pipeline.card_key
        self._cards = pipeline.cards
        self._store = kit.store
        self._publisher = kit.publisher
        self._metrics = kit.metrics
        self._dead_letter_log = held.dead_letter_log
        self._claiming = claiming
        self._tracing = kit.tracing
        self._sources = AlertSources(
            kit.settings,
            kit.store,
            lambda batch: (
                decode_batch(
                    batch, pipeline.believable, pipeline.intake, pipeline.cards
                ).transactions
            ),
            claiming.is_same_log,
        )

    def forget(self, names: Sequence[str]) -> None:
        """Let go of the payments of cards that are called so."""
        self._sources.forget(names)

    async def handle(self, batch: Batch) -> int | None:
        """Store a batch of verdicts and return the next offset.

        None when the partition has to be claimed anew: its log is another one, it was reset, or Redis
        or Kafka is away.  Nothing waits here: payments come through the same consumer, and would wait
        behind a batch that is held.
        """
        topic, partition = batch.topic, batch.partition
        known = self._claiming.feedback.get(partition)
        if known is None:
            # The batch before this one was turned away, and what follows it would leave a gap.
            return None
        first = batch.first_offset if known.offset is None else known.offset
        if not await self._claiming.is_same_log(topic, partition, known.log, first):
            self._turn_away(partition, known)
            return None
        try:
            if self._tracing is None:
                return await self._store_all(batch, known, None)
            with self._tracing.batch(batch) as trace:
                return await self._store_all(batch, known, trace)
        except UnavailableError as error:
            _log.warning("verdicts wait", topic=topic, partition=partition, error=str(error))
        except FencedError as error:
            _log.warning("verdicts are read from another offset", why=str(error))
        self._turn_away(partition, known)
        return None

    async def _store_all(
        self, batch: Batch, known: PartitionRecord, trace: BatchTrace | None
    ) -> int:
        topic, partition = batch.topic, batch.partition
        sent, letters = decode_verdicts(batch, self._believable, self._cards)
        verdicts: list[tuple[int, Feedback]] = []
        for one in sent:
            verdict = await self._completed(one)
            if isinstance(verdict, Feedback):
                verdicts.append((one.record.offset, verdict))
            else:
                letters.append(verdict)
        # Those that the payment has contradicted as well.
        letters = without_card_numbers(letters, self._cards, PLAIN.contents)
        if letters:
            # Published and then not counted, they would be published again.
            await self._store.ping()
        for letter in letters:
            self._publisher.publish_dead_letter(letter, batch, trace)
            self._metrics.dead_letters.labels(batch.topic, letter.reason).inc()
        self._dead_letter_log.add(letters, batch)
        await self._publisher.flush()
        entries = [(offset, _entry(verdict)) for offset, verdict in verdicts]
        next_offset = batch.next_offset
        with child("store verdicts", "client", REDIS | {"streamer.verdicts": len(entries)}):
            await self._store.add_feedback(topic, partition, next_offset, entries, known)
        if self._claiming.feedback.get(partition) is known:
            self._claiming.feedback[partition] = replace(known, offset=next_offset)
        for _, verdict in verdicts:
            self._metrics.verdicts_received.labels(verdict.verdict).inc()
        return next_offset

    def _turn_away(self, partition: int, known: PartitionRecord) -> None:
        """Take nothing more of a reading; the next claim of the partition begins another."""
        if self._claiming.feedback.get(partition) is known:
            del self._claiming.feedback[partition]

    async def _completed(self, sent: SentVerdict) -> Feedback | DeadLetter:
        if is_alias(sent.card_id):
            # What it stands for is the card of the payment, which is known by that.
            sent = replace(sent, card_id=None)
        names = (sent.transaction_id, sent.card_id, sent.merchant_id)
        # A card beside the alert may be its pseudonym, which only the payment can tell.
        if sent.alert_id is None or (None not in names and self._card_key is None):
            return completed(sent, None, self._card_key)
        found = await self._sources.find(sent.alert_id)
        if not isinstance(found, str):
            return completed(sent, found, self._card_key)
        if sent.transaction_id is None:
            return unknown_alert(sent, found)
        return completed(sent, None, self._card_key)


def _entry(verdict: Feedback) -> dict[str, str]:
    return {"feedback": _encoder.encode(verdict).decode()}
