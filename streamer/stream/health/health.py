"""Progress is health: ready means that every assigned partition with lag advances.

A fault is what keeps payments or verdicts from being processed: the worker is not ready.  A warning is
what somebody should know of while it does its work: Redis away, checkpoints that wait, losses.
"""

from __future__ import annotations

from datetime import datetime

from faust.types import TP

from streamer.store import StoredVersion
from streamer.stream.checkpoints.lateness import late_checkpoints, waits_for
from streamer.stream.health.watch import Watch
from streamer.stream.kafka.progress import STALLED_AFTER_S, Stall
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["Health", "head_age_s"]


class Health:
    """Answers whether the worker is ready, and if not, why."""

    def __init__(
        self, kit: Kit, held: Held, claims: Claims, claiming: Claiming, watch: Watch
    ) -> None:
        self._kit = kit
        self._held = held
        self._claims = claims
        self._claiming = claiming
        self._watch = watch
        self.startup: str | None = "starting"
        """What the worker waits for before it has joined the group; None after."""
        self.is_stopping = False

    def faults(self) -> list[str]:
        """Return why the worker is not ready, one line each; empty when it is.

        One that Kafka has given no partition is ready, as long as the group answers it: it has nothing
        to do.
        """
        if self.is_stopping:
            return ["stopping"]
        if self.startup is not None:
            return [self.startup]
        claims, watch = self._claims, self._watch
        faults = [
            f"partition {tp.partition} of {tp.topic} is faulted: {why}"
            for tp, why in sorted(claims.faults.items())
        ]
        faults += [
            f"partition {tp.partition} of {tp.topic} waits to be claimed"
            + (f": {why}" if why else "")
            for tp, why in sorted(claims.waiting.items())
            if tp not in claims.faults and not self._waits_as_declared(tp)
        ]
        silent_s = self._held.membership.silent_s()
        if silent_s > STALLED_AFTER_S:
            faults.append(f"the consumer group must answer, got nothing for {silent_s:.0f} s")
        faults += [
            f"topic {name} must exist, got none: it was deleted; create it again"
            for name in sorted(watch.progress.missing)
        ]
        return faults + [self._told(stall) for stall in self.stalls()]

    def stalls(self) -> list[Stall]:
        """Return the partitions that stand still, but for verdicts that wait for Redis as declared."""
        return [
            stall
            for stall in self._watch.progress.stalls(self._kit.clock.monotonic())
            if stall.waiting is None or not self._waits_as_declared(stall.tp)
        ]

    def _waits_as_declared(self, tp: TP) -> bool:
        """Whether these are verdicts while Redis is away, which nobody can store or claim.

        And for as long after it as anything may stand still: they are claimed when their next try is
        due, seconds after the first answer.
        """
        if tp.topic != self._kit.settings.feedback_topic:
            return False
        back_for_s = self._kit.clock.monotonic() - self._kit.store.breaker.mended_at
        return not self._held.is_redis_up or back_for_s <= STALLED_AFTER_S

    def _told(self, stall: Stall) -> str:
        tp, stalled_s = stall.tp, self._kit.clock.monotonic() - stall.since
        where = f"partition {tp.partition} of {tp.topic}"
        if stall.waiting is not None:
            return (
                f"{where} must advance, got none for {stalled_s:.0f} s with {stall.waiting} records "
                f"waiting: {waits_for(self._kit, self._held)}"
            )
        match self._watch.leader(tp):
            case None:
                what = "Kafka does not know it any more; create its topic again"
            case -1:
                what = "it has no leader; start a broker that holds it"
            case broker:
                what = f"broker {broker} leads it; look at that broker and at the way to it"
        return f"{where} must answer fetches, got no answer for {stalled_s:.0f} s: {what}"

    def warnings(self) -> list[str]:
        """Return what somebody should know of, though the worker does its work; one line each."""
        blown = [
            f"partition {assigned.partition} must alert at most twice as often as agreed; what was "
            f"beyond that is on {self._kit.settings.overflow_topic}"
            for assigned in self._held.assigned.values()
            if assigned.state.is_fuse_blown
        ]
        # Losses that this worker has declared, and what it found older than it should be.
        # Checkpoints that wait for Redis are in the line on Redis.
        waiting = self._redis() or late_checkpoints(self._kit, self._held)
        return [*self._claiming.notices, *blown, *waiting]

    def _redis(self) -> list[str]:
        breaker = self._kit.store.breaker
        if breaker.opened_at is None:
            return []
        away_s = self._kit.clock.monotonic() - breaker.opened_at
        return [
            f"scoring goes on from memory and checkpoints wait, for {away_s:.0f} s: {breaker.error}"
        ]


def head_age_s(head: StoredVersion, now_ms: int) -> float | None:
    """Return how old a model version is; None for the one before the first merge."""
    if not head.header.created_at:
        return None
    return now_ms / 1000 - datetime.fromisoformat(head.header.created_at).timestamp()
