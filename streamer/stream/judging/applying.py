"""From stored verdicts to what the partitions learn: read in Redis, applied between two batches.

Every partition learns from the verdicts of every feedback partition: what they say of a merchant
holds for all cards, wherever they are processed.  How far it has come is part of its checkpoint,
together with what it learned, so each partition learns a verdict once, whatever crashes.

Invariant: a partition's verdicts are applied under the scoring lock, never in the middle of a batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from streamer.contract.messages import Feedback
from streamer.errors import InvariantError, UnavailableError
from streamer.store import StoredVerdicts
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.stream.scoring.watched import count_verdicts
from streamer.verdicts import Applied, apply_verdicts

__all__ = ["Applying"]

_log = structlog.get_logger(__name__)

_INTERVAL_S: Final = 1.0
# A verdict takes about 5 µs to apply, during which no payment is scored.
_CHUNK: Final = 1_000
# A share of 0.5 among so many is known to within 0.05.
_ALERTS_JUDGED: Final = 500
_decoder: Final = msgspec.json.Decoder(Feedback)


@dataclass(frozen=True, slots=True)
class _Read:
    """What is stored from a place on, and as verdicts."""

    stored: StoredVerdicts
    verdicts: list[Feedback]


class Applying:
    """Brings verdicts to the partitions of one worker."""

    def __init__(self, kit: Kit, held: Held) -> None:
        self._kit = kit
        self._held = held
        self._topic = kit.settings.feedback_topic
        self._judged: deque[bool] = deque(maxlen=_ALERTS_JUDGED)
        self._kit.metrics.alert_precision_ratio.set(float("nan"))

    async def run(self) -> None:
        """Apply for ever."""
        if not self._kit.pipeline.verdicts.capacity:
            return
        while True:
            try:
                has_more = await self.apply()
            except UnavailableError as error:
                _log.warning("verdicts wait for Redis", error=str(error))
                has_more = False
            await asyncio.sleep(0.0 if has_more else _INTERVAL_S)

    async def apply(self) -> bool:
        """Apply the verdicts that each partition has not seen; return whether more are left."""
        has_more = False
        for partition in await self._kit.store.feedback_partitions(self._topic):
            name = f"{self._topic}/{partition}"
            # Those that have come equally far, as most have, read the same.
            read: dict[int, _Read] = {}
            for assigned in list(self._held.assigned.values()):
                first = assigned.state.verdicts.cursors.get(name, 0)
                if first not in read:
                    read[first] = await self._read(partition, first)
                has_more |= await self._apply(assigned, name, read[first])
        return has_more

    async def _read(self, feedback_partition: int, first: int) -> _Read:
        stored = await self._kit.store.read_feedback(self._topic, feedback_partition, first, _CHUNK)
        name = f"{self._topic}/{feedback_partition}"
        return _Read(stored, [_verdict(entry, name) for _, entry in stored.entries])

    async def _apply(self, assigned: Assigned, name: str, read: _Read) -> bool:
        stored = read.stored
        if not stored.entries:
            return False
        async with self._held.lock:
            if self._held.assigned.get(assigned.partition) is not assigned:
                return False
            state = assigned.state
            applied = apply_verdicts(
                read.verdicts,
                state.verdicts,
                state.tables,
                state.delta,
                self._held.version_of(assigned.partition),
                self._kit.pipeline.card_key,
            )
            self._held.contending.teach(assigned)
            state.verdicts.cursors[name] = stored.entries[-1][0] + 1
            n_frauds = sum(applied.alerts_judged)
            n_judged = len(applied.alerts_judged)
            side = self._held.side_of(assigned.partition)
            count_verdicts(assigned, side, n_frauds, n_judged - n_frauds)
        self._count(applied)
        if stored.n_lost:
            self._kit.metrics.verdicts_lost.inc(stored.n_lost)
            _log.warning(
                "verdicts were trimmed before they were learned",
                partition=assigned.partition,
                feedback=name,
                at_most=stored.n_lost,
            )
        return len(stored.entries) == _CHUNK

    def _count(self, applied: Applied) -> None:
        metrics = self._kit.metrics
        metrics.verdicts_applied.labels("standing").inc(applied.n_standing)
        metrics.verdicts_applied.labels("ignored").inc(applied.n_ignored)
        metrics.verdicts_learned.inc(applied.n_learned)
        for is_fraud in applied.alerts_judged:
            metrics.alerts_judged.labels("fraud" if is_fraud else "legitimate").inc()
        self._judged.extend(applied.alerts_judged)
        if self._judged:
            metrics.alert_precision_ratio.set(sum(self._judged) / len(self._judged))


def _verdict(entry: Mapping[str, str], name: str) -> Feedback:
    try:
        return _decoder.decode(entry["feedback"])
    except (KeyError, msgspec.MsgspecError) as error:
        raise InvariantError(
            f"stored feedback of {name} must be a verdict, got something else "
            f"({type(error).__name__}); another release or something else has written it"
        ) from error
