"""Progress is health: ready means that every assigned partition with lag advances.

A fault is what keeps payments or verdicts from being processed: the worker is not ready.  A warning is
what somebody should know of while it does its work: Redis away, checkpoints that wait, losses.
"""

from __future__ import annotations

from datetime import datetime

from streamer.model import achieved_per_hour, achieved_share, trial_precisions
from streamer.store import ModelHead
from streamer.stream.claiming import Claiming
from streamer.stream.claims import Claims
from streamer.stream.lateness import late_checkpoints, waits_for
from streamer.stream.progress import STALLED_AFTER_S, Stall
from streamer.stream.scoring import Scoring
from streamer.stream.watch import Watch

__all__ = ["Health", "head_age_s"]


class Health:
    """Answers whether the worker is ready, and if not, why."""

    def __init__(self, scoring: Scoring, claims: Claims, claiming: Claiming, watch: Watch) -> None:
        self._scoring = scoring
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
            if tp not in claims.faults
        ]
        silent_s = self._scoring.membership.silent_s()
        if silent_s > STALLED_AFTER_S:
            faults.append(f"the consumer group must answer, got nothing for {silent_s:.0f} s")
        faults += [
            f"topic {name} must exist, got none: it was deleted; create it again"
            for name in sorted(watch.progress.missing)
        ]
        return faults + [self._told(stall) for stall in self._stalls()]

    def _stalls(self) -> list[Stall]:
        """Return the partitions that stand still, but for verdicts that wait for Redis as declared."""
        scoring = self._scoring
        return [
            stall
            for stall in self._watch.progress.stalls(scoring.clock.monotonic())
            if stall.waiting is None
            or stall.tp.topic == scoring.settings.transactions_topic
            or scoring.is_redis_up
        ]

    def _told(self, stall: Stall) -> str:
        tp, stalled_s = stall.tp, self._scoring.clock.monotonic() - stall.since
        where = f"partition {tp.partition} of {tp.topic}"
        if stall.waiting is not None:
            return (
                f"{where} must advance, got none for {stalled_s:.0f} s with {stall.waiting} records "
                f"waiting: {waits_for(self._scoring)}"
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
            f"beyond that is on {self._scoring.settings.overflow_topic}"
            for assigned in self._scoring.assigned.values()
            if assigned.state.is_fuse_blown
        ]
        # Losses that this worker has declared, and what it found older than it should be.
        return [*self._claiming.notices, *blown, *self._redis(), *late_checkpoints(self._scoring)]

    def _redis(self) -> list[str]:
        breaker = self._scoring.store.breaker
        if breaker.opened_at is None:
            return []
        away_s = self._scoring.clock.monotonic() - breaker.opened_at
        return [
            f"scoring goes on from memory and checkpoints wait, for {away_s:.0f} s: {breaker.error}"
        ]

    def update_metrics(self) -> None:
        """Bring the gauges up to date; they are read when somebody looks."""
        scoring, metrics = self._scoring, self._scoring.metrics
        now = scoring.clock.monotonic()
        metrics.assigned_partitions.set(len(scoring.assigned))
        if self.startup is None:
            metrics.dependency_up.labels("redis").set(scoring.is_redis_up)
        for tp in self._claims.all():
            if tp.topic == scoring.settings.transactions_topic:
                is_faulted = tp in self._claims.faults
                metrics.partition_faulted.labels(str(tp.partition)).set(is_faulted)
        # None is left of a partition that went away.
        metrics.partition_stalled_seconds.clear()
        for tp in self._claims.being_read():
            metrics.partition_stalled_seconds.labels(tp.topic, str(tp.partition)).set(0)
        for stall in self._stalls():
            labels = stall.tp.topic, str(stall.tp.partition)
            metrics.partition_stalled_seconds.labels(*labels).set(now - stall.since)
        tracked: dict[str, int] = {}
        for assigned in scoring.assigned.values():
            partition, ledger = str(assigned.partition), assigned.state.ledger
            metrics.ledger_imbalance.labels(partition).set(ledger.imbalance)
            metrics.lag_records.labels(partition).set(assigned.lag)
            metrics.alert_fuse_blown.labels(partition).set(assigned.state.is_fuse_blown)
            metrics.checkpoint_age_seconds.labels(partition).set(now - assigned.checkpointed_at)
            for table in assigned.state.tables.all():
                tracked[table.kind.name] = tracked.get(table.kind.name, 0) + len(table)
        metrics.publish_queue_messages.set(scoring.publisher.n_queued)
        metrics.publish_queue_bytes.set(scoring.publisher.queued_bytes)
        metrics.labels_waiting.set(
            sum(len(a.state.labels.buffer) for a in scoring.assigned.values())
        )
        for kind, n in tracked.items():
            metrics.entities_tracked.labels(kind).set(n)
        version = scoring.version
        metrics.model_transactions_seen.set(version.sums.transactions_seen)
        metrics.alert_budget_requested.labels("share").set(version.asked.target)
        metrics.alert_budget_achieved.labels("share").set(achieved_share(version.sums))
        if version.config.alerts_per_hour is not None:
            per_hour = achieved_per_hour(version.sums)
            metrics.alert_budget_requested.labels("per_hour").set(version.config.alerts_per_hour)
            metrics.alert_budget_achieved.labels("per_hour").set(per_hour or 0.0)
        metrics.head_active.set(version.is_head_active)
        for detector, precision in trial_precisions(version.sums).items():
            metrics.head_average_precision.labels(detector).set(precision)
        if not version.is_warming:
            metrics.model_threshold_distance.set(version.threshold_sq**0.5)
        drift = scoring.drift
        metrics.drift_reference_settled.set(drift.is_settled)
        for name, psi, ks in zip(version.config.feature_names, drift.psi, drift.ks, strict=True):
            metrics.feature_drift_psi.labels(name).set(psi)
            metrics.feature_drift_ks.labels(name).set(ks)
        age_s = None if scoring.head is None else head_age_s(scoring.head, scoring.clock.now_ms())
        if age_s is not None:
            metrics.model_age_seconds.set(age_s)


def head_age_s(head: ModelHead, now_ms: int) -> float | None:
    """Return how old a model version is; None for the one before the first merge."""
    if not head.header.created_at:
        return None
    return now_ms / 1000 - datetime.fromisoformat(head.header.created_at).timestamp()
