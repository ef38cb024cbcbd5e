"""What one worker holds while it runs: its partitions, the version that scores, what is up.

Scoring, claiming, checkpointing and teaching act on it; health, gauges and endpoints read it.  It calls
none of them.

Invariants:
* Who changes a partition's state, or takes something out of it, has `lock`, and then makes sure that
  the partition is still assigned: it may have been released while the lock was waited for.
* A version that has been adopted is replaced as a whole, never changed; so are the model's parameters
  with it, when another policy is in force.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from streamer.contract.messages import Mode
from streamer.errors import UnavailableError
from streamer.model import Drift, ModelConfig, Scorer, Sums, delta_limit, drift_of
from streamer.reports.center_watch import CenterWatch
from streamer.reports.drift_monitor import DistanceMonitor
from streamer.store import Heads, StoredVersion
from streamer.stream.kafka.membership import Membership
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.publishing.dead_letter_log import DeadLetterLog
from streamer.stream.scoring.contending import Contending
from streamer.stream.scoring.kit import Kit

__all__ = ["Held"]

_log = structlog.get_logger(__name__)

# So many deltas of full size.
_MAX_BEHIND: Final = 4
_NO_WATCH: Final = -1


class Held:
    """The state of one worker."""

    def __init__(self, kit: Kit) -> None:
        settings, self.model = kit.settings, kit.pipeline.model
        self.policy_id = ""
        """The policy that ``model`` goes by; empty before the first is known."""
        self._max_transactions = settings.checkpoint_max_transactions
        self._is_reproducible = settings.reproducible
        self._store = kit.store
        self._metrics = kit.metrics
        self.lock = asyncio.Lock()
        # Whoever comes first is first: a version that was read earlier never replaces a later one.
        self._adopting = asyncio.Lock()
        self.assigned: dict[int, Assigned] = {}
        self.unsaved_since: dict[int, float] = {}
        """Since when a partition has progress that no checkpoint holds, in this and earlier claims."""
        self.membership = Membership(settings.kafka_session_timeout_s)
        self.redis_error = ""
        """What Redis has failed with since it was last of use."""
        self.version = Scorer.of("", Sums.zero(self.model), self.model)
        """The model version that scores now."""
        self.drift: Drift = drift_of(self.version.sums, self.model)
        """How far the features of that version have moved from its reference."""
        self.head: StoredVersion | None = None
        """The head as this worker last saw it; None before it has seen one."""
        self.contending = Contending(kit.store)
        self.heads: Heads | None = None
        """The same with a canary and what is watched."""
        self._canary: Scorer | None = None
        self.distance_monitor = DistanceMonitor()
        self.center_watch = CenterWatch()
        self.dead_letter_log = DeadLetterLog(kit.clock.monotonic)

    async def adopt(self, heads: Heads) -> None:
        """Score with ``heads`` from the next batch on; what is derived from them, is in a thread."""
        async with self._adopting:
            head, canary = heads.head, heads.canary
            version, drift = self.version, self.drift
            if self.head is None or head.id != self.head.id:
                version, drift = await asyncio.to_thread(_derived, head, self.model)
            scorer = self._canary
            if canary is None:
                scorer = None
            elif scorer is None or canary.id != scorer.id:
                scorer = await asyncio.to_thread(Scorer.of, canary.id, canary.sums, self.model)
            # An older version, promoted again, has fewer of them.
            n_revived = max(head.sums.revivals - self.version.sums.revivals, 0)
            self._metrics.clusters_revived.inc(n_revived)
            self.heads, self.head, self.version, self.drift = heads, head, version, drift
            self._canary = scorer

    def version_of(self, partition: int) -> Scorer:
        """Return what scores a partition: the head, or the canary on its partitions."""
        heads = self.heads
        if self._canary is not None and heads is not None and heads.watch.scores(partition):
            return self._canary
        return self.version

    def side_of(self, partition: int) -> tuple[int, bool]:
        """Return what is watched, and whether a partition is beside its canary (`Counted`)."""
        if self.heads is None:
            return _NO_WATCH, False
        watch = self.heads.watch
        return watch.id, watch.is_canary and not watch.scores(partition)

    async def adopt_policy(self, policy_id: str, model: ModelConfig) -> None:
        """Score under another policy from the next batch on, which makes ``model`` of the settings."""
        async with self._adopting:
            scorer, head = self.version, self.head
            version_id, sums = (scorer.id, scorer.sums) if head is None else (head.id, head.sums)
            version = await asyncio.to_thread(Scorer.of, version_id, sums, model)
            canary = self._canary
            if canary is not None:
                canary = await asyncio.to_thread(Scorer.of, canary.id, canary.sums, model)
            self.policy_id, self.model, self.version = policy_id, model, version
            self._canary = canary

    async def take_up(self, heads: Heads) -> None:
        """Adopt ``heads``, and score with the challengers that run, as they are by now."""
        await self.adopt(heads)
        await self.contending.refresh(self.version.config, self.assigned)

    @property
    def delta_limit(self) -> int:
        """After how many transactions, over all partitions, the model is to be renewed."""
        return delta_limit(self.version.sums.transactions_seen, self._max_transactions)

    @property
    def max_unmerged(self) -> int:
        """How many of them may wait for their checkpoint before scoring waits for it."""
        limit = self.delta_limit
        # A young model's threshold moves with every merge.
        is_young = limit < self._max_transactions
        return limit if is_young or self._is_reproducible else _MAX_BEHIND * limit

    @property
    def is_due_by_count(self) -> bool:
        """Whether the model is to be renewed; a reproducible worker sees to that between two payments
        (`Scoring.handle`), and not at any time."""
        return not self._is_reproducible and self.n_unmerged >= self.delta_limit

    @property
    def next_piece(self) -> int:
        """How many payments to score before it is asked again whether that has been reached.

        A reproducible worker stops exactly where the model is due; where it should long have been, it
        goes on as any other.
        """
        left = self.delta_limit - self.n_unmerged
        return left if self._is_reproducible and left > 0 else self.delta_limit

    @property
    def n_unmerged(self) -> int:
        """Transactions that the partitions have learned from since their last checkpoints."""
        return sum(a.state.delta.transactions_seen for a in self.assigned.values())

    @property
    def is_redis_up(self) -> bool:
        """Whether Redis has answered when it was last asked, whatever it was asked for."""
        return self._store.is_up

    @property
    def mode(self) -> Mode:
        """What alerts say of the state that they were raised in."""
        return "normal" if self.is_redis_up else "redis-unavailable"

    def redis_answered(self) -> None:
        """Say that Redis is back, where it was away."""
        if self.redis_error:
            _log.info("Redis is back")
        self.redis_error = ""

    def redis_failed(self, error: UnavailableError) -> None:
        """Say that Redis is away, once."""
        if not self.redis_error:
            _log.error("Redis is away; scoring goes on from memory", error=str(error))
        self.redis_error = str(error)


def _derived(head: StoredVersion, model: ModelConfig) -> tuple[Scorer, Drift]:
    """Return what scores with ``head``, and how far its features have moved."""
    return Scorer.of(head.id, head.sums, model), drift_of(head.sums, model)
