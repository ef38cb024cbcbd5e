"""Brings the gauges up to date; they are read when somebody scrapes, never before.

Families with a partition are replaced as a whole: one that another worker has now would stand here for
ever with its last lag, and page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property

from streamer.durations import DAY_S
from streamer.model import (
    ALERTED,
    N_HOURS,
    OTHERS,
    Scorer,
    achieved_per_hour,
    achieved_share,
    delays_of,
    estimate,
    estimated_currencies,
    trial_precisions,
)
from streamer.reports.census_report import census_in
from streamer.starting.secret_readings import secret_readings
from streamer.store import BREAKER_STATES, Store
from streamer.stream.health.challenger_gauges import read_challengers
from streamer.stream.health.health import Health, head_age_s
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.telemetry.metrics import Metrics

__all__ = ["Gauges", "read_redis"]

# The trial's names for what the catalogue calls by the glossary's.


class Gauges:
    """What one worker has to tell of its state."""

    def __init__(
        self,
        kit: Kit,
        held: Held,
        claims: Claims,
        health: Health,
        n_in_flight: Callable[[], int],
    ) -> None:
        """``n_in_flight`` returns how many batches were fetched and are not processed yet."""
        self._n_clusters = kit.pipeline.model.n_clusters
        self._kit = kit
        self._held = held
        self._claims = claims
        self._health = health
        self._n_in_flight = n_in_flight
        self._first_threshold_sq: float | None = None

    @cached_property
    def _center_names(self) -> list[str]:
        return [str(i) for i in range(self._n_clusters)]

    def update(self) -> None:
        """Read everything."""
        metrics = self._kit.metrics
        now_s = self._kit.clock.monotonic()
        assigned = list(self._held.assigned.values())
        metrics.keep_partitions(self._held.assigned.keys(), now_s)
        metrics.assigned_partitions.set(len(assigned))
        if self._health.startup is None:
            metrics.dependency_up.set(self._held.is_redis_up, "redis")
            metrics.batches_in_flight.set(self._n_in_flight())
        metrics.publish_queue_messages.set(self._kit.publisher.n_queued)
        metrics.publish_queue_bytes.set(self._kit.publisher.queued_bytes)
        self._read_partitions(assigned, now_s)
        _read_memory(metrics, assigned)
        self._read_model(now_s)
        self._read_drift()
        read_challengers(metrics, self._held.contending.standings.values())
        read_redis(metrics, self._kit.store)
        told = secret_readings(self._kit.settings, self._kit.pipeline.card_key)
        metrics.secret_faulted.replace(told.faulted)
        metrics.secrets_taken_up.replace(told.taken_up)
        if self._kit.tracing is not None:
            for outcome, n in self._kit.tracing.spans.counts().items():
                metrics.spans.set(n, outcome)

    def _read_partitions(self, assigned: Iterable[Assigned], now_s: float) -> None:
        metrics = self._kit.metrics
        named = {str(a.partition): a for a in assigned}
        metrics.ledger_imbalance.replace({p: a.state.ledger.imbalance for p, a in named.items()})
        metrics.lag_records.replace({p: a.lag for p, a in named.items()})
        metrics.alert_fuse_blown.replace({p: a.state.is_fuse_blown for p, a in named.items()})
        metrics.checkpoint_age_seconds.replace(
            {p: now_s - a.checkpointed_at for p, a in named.items()}
        )
        stalled: dict[tuple[str, ...], float] = {
            (tp.topic, str(tp.partition)): 0.0 for tp in self._claims.being_read()
        }
        for stall in self._health.stalls():
            stalled[stall.tp.topic, str(stall.tp.partition)] = now_s - stall.since
        metrics.partition_stalled_seconds.values = stalled
        metrics.partition_faulted.values = {
            (tp.topic, str(tp.partition)): float(tp in self._claims.faults)
            for tp in self._claims.all()
        }

    def _read_model(self, now_s: float) -> None:
        metrics = self._kit.metrics
        version = self._held.version
        sums = version.sums
        metrics.model_transactions_seen.set(sums.transactions_seen)
        metrics.alert_budget_requested.set(version.due_share, "share")
        metrics.alert_budget_achieved.set(achieved_share(sums), "share")
        if version.config.alerts_per_hour is not None:
            per_hour = achieved_per_hour(sums)
            requested = _due_per_hour(version, version.config.alerts_per_hour)
            metrics.alert_budget_requested.set(requested, "per_hour")
            metrics.alert_budget_achieved.set(per_hour or 0.0, "per_hour")
        self._read_census(version)
        metrics.odds_active.set(version.ranks_by_odds)
        metrics.currencies_estimated.set(estimated_currencies(sums, version.config))
        for detector, precision in trial_precisions(sums).items():
            metrics.average_precision_ratio.set(precision, detector)
        self._read_delays()
        metrics.simplified_silhouette.set(self._held.center_watch.silhouette)
        if not version.is_warming:
            # Who knows the distance knows how far to stay below it; the ratio shows that it moves.
            first_sq = self._first_threshold_sq = self._first_threshold_sq or version.threshold_sq
            if first_sq:
                metrics.model_threshold_ratio.set((version.threshold_sq / first_sq) ** 0.5)
            weights, names = sums.cluster_weights, self._center_names
            shares = (weights / weights.sum()).tolist()
            metrics.center_share_ratio.replace(dict(zip(names, shares, strict=True)))
            # Of a model that no payment has met yet nothing is known.
            idle_s = self._held.center_watch.idle_s(now_s)
            metrics.center_idle_seconds.replace(dict(zip(names, idle_s, strict=False)))
            is_dead = weights < version.config.dying_share * weights.mean()
            metrics.clusters_dead.set(int(is_dead.sum()))
        head = self._held.head
        age_s = None if head is None else head_age_s(head, self._kit.clock.now_ms())
        if age_s is not None:
            metrics.model_age_seconds.set(age_s)

    def _read_delays(self) -> None:
        metrics, presumed_s = self._kit.metrics, self._kit.settings.label_presumed_s
        for name, which in (("alerted", ALERTED), ("other", OTHERS)):
            delays = delays_of(self._held.version.sums, which)
            median_s = math.nan if delays is None else delays.median_days * DAY_S
            found = math.nan if delays is None else delays.found_by(presumed_s / DAY_S)
            metrics.fraud_delay_median_seconds.set(median_s, name)
            metrics.fraud_found_ratio.set(found, name)

    def _read_census(self, version: Scorer) -> None:
        metrics, sums = self._kit.metrics, version.sums
        for lane, share in version.split._asdict().items():
            metrics.alert_lane_ratio.set(share, lane)
        told = estimate(census_in(sums))
        for gauge, value, interval in (
            (metrics.estimated_recall_ratio, told.recall, told.recall_interval),
            (metrics.estimated_precision_ratio, told.precision, told.precision_interval),
        ):
            low, high = (math.nan, math.nan) if interval is None else interval
            gauge.set(low, "low")
            gauge.set(math.nan if value is None else value, "estimate")
            gauge.set(high, "high")
        metrics.sample_judged.set(told.n_found, "fraud")
        metrics.sample_judged.set(told.n_sampled - told.n_found, "legitimate")

    def _read_drift(self) -> None:
        metrics, drift = self._kit.metrics, self._held.drift
        names = self._held.version.config.feature_names
        metrics.drift_reference_settled.set(drift.is_settled)
        metrics.feature_drift_psi.replace(dict(zip(names, drift.psi.tolist(), strict=True)))
        metrics.feature_drift_ks.replace(dict(zip(names, drift.ks.tolist(), strict=True)))


def _due_per_hour(version: Scorer, alerts_per_hour: float) -> float:
    """Return the alerts per hour that are worth a review and can be paid for, of so many wanted."""
    config = version.config
    if config.review_spend_per_day:
        alerts_per_hour = min(
            alerts_per_hour, config.review_spend_per_day / config.review_cost / N_HOURS
        )
    return alerts_per_hour * version.due_share / version.asked.target


def read_redis(metrics: Metrics, store: Store) -> None:
    """Read what the connection to Redis has to tell."""
    breaker = store.breaker
    for state in BREAKER_STATES:
        metrics.redis_breaker_state.set(breaker.state == state, state)
    metrics.redis_failures_in_a_row.set(breaker.failures)
    for outcome, n in store.calls.items():
        metrics.redis_calls.set(n, outcome)
    metrics.redis_commands.replace(store.commands)


def _read_memory(metrics: Metrics, assigned: Iterable[Assigned]) -> None:
    buffers = [a.state.verdicts.buffer for a in assigned]
    metrics.unjudged_waiting.set(sum(map(len, buffers)))
    metrics.unjudged_capacity.set(sum(buffer.capacity for buffer in buffers))
    metrics.unjudged_kept_ratio.set(min((buffer.share for buffer in buffers), default=1.0))
    tracked: dict[str, int] = {}
    n_bytes: dict[str, int] = {}
    for one in assigned:
        for table in one.state.tables.all():
            kind = table.kind.name
            tracked[kind] = tracked.get(kind, 0) + len(table)
            n_bytes[kind] = n_bytes.get(kind, 0) + table.n_bytes
    for kind in metrics.entities_tracked.names():
        metrics.entities_tracked.set(tracked.get(kind, 0), kind)
        metrics.entities_bytes.set(n_bytes.get(kind, 0), kind)
