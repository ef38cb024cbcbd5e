"""The figures of the Service dashboard's four rows, of all workers together: pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from streamer.console.moment_words import age_text
from streamer.console.service.worker_window import Window
from streamer.durations import MINUTE_MS

__all__ = ["FIGURES", "NAMES", "ROWS", "Figure", "Row"]

Row = Literal["Is it alive?", "Is it keeping up?", "Is it right?", "Is it drifting?"]
ROWS: Final[tuple[Row, ...]] = (
    "Is it alive?",
    "Is it keeping up?",
    "Is it right?",
    "Is it drifting?",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ``of`` what it is, ``told`` in words, ``is_bad`` where somebody must look."""

    row: Row
    title: str
    normal: str
    of: Callable[[Window], float | None]
    told: Callable[[float], str]
    is_bad: Callable[[float, Window], bool] = lambda _, __: False


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _per_second(value: float) -> str:
    return f"{value:,.1f}/s"


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:,.0f} ms"
    return f"{value:,.0f} s" if value * 1000 < 2 * MINUTE_MS else age_text(value * 1000)


def _yes(yes: str, no: str) -> Callable[[float], str]:
    return lambda value: yes if value else no


def _above(limit: float) -> Callable[[float, Window], bool]:
    return lambda value, _: value > limit


def _is_none(value: float, _: Window) -> bool:
    return value == 0


def _lacks_one(value: float, window: Window) -> bool:
    return value < window.n_asked


def _moved(window: Window) -> float | None:
    by_feature: dict[str, float] = {}
    for samples in window.now.values():
        for labels, value in samples.get("streamer_feature_drift_psi", ()):
            name = labels.get("feature", "")
            by_feature[name] = max(value, by_feature.get(name, 0.0))
    return sum(psi > _MOVED_PSI for psi in by_feature.values()) if by_feature else None


# Limits are those of the alert rules (ops/prometheus), the stability index that of `streamer drift`.
_MOVED_PSI: Final = 0.2
_ALIVE, _UP, _RIGHT, _DRIFT = ROWS

FIGURES: Final = (
    Figure(
        _ALIVE,
        "Workers that answer",
        "all that were deployed",
        lambda w: float(len(w.now)),
        _count,
        _lacks_one,
    ),
    Figure(
        _ALIVE,
        "Partitions that are read",
        "all that the topic has",
        lambda w: w.total("streamer_assigned_partitions"),
        _count,
        _is_none,
    ),
    Figure(
        _ALIVE,
        "Kafka",
        "answers every worker",
        lambda w: w.lowest("streamer_dependency_up", name="kafka"),
        _yes("answers", "away"),
        _is_none,
    ),
    Figure(
        _ALIVE,
        "Redis",
        "answers every worker",
        lambda w: w.lowest("streamer_dependency_up", name="redis"),
        _yes("answers", "away"),
        _is_none,
    ),
    Figure(
        _ALIVE,
        "Payments read",
        "the day's curve",
        lambda w: w.rate("streamer_transactions_consumed_total"),
        _per_second,
    ),
    Figure(
        _ALIVE,
        "Longest stand-still of a partition",
        "0",
        lambda w: w.highest("streamer_partition_stalled_seconds"),
        _seconds,
        _above(30),
    ),
    Figure(
        _UP,
        "Alert latency, median",
        "below 100 ms",
        lambda w: w.quantile(0.5, "streamer_alert_latency_seconds"),
        _seconds,
        _above(0.2),
    ),
    Figure(
        _UP,
        "Alert latency, 95%",
        "below 200 ms",
        lambda w: w.quantile(0.95, "streamer_alert_latency_seconds"),
        _seconds,
        _above(0.2),
    ),
    Figure(_UP, "Records that wait", "a second's worth of traffic", Window.waiting, _count),
    Figure(
        _UP,
        "Oldest last checkpoint",
        "a few seconds while payments come",
        lambda w: w.highest("streamer_checkpoint_age_seconds"),
        _seconds,
        lambda age, w: age > 60 and bool(w.rate("streamer_transactions_consumed_total")),
    ),
    Figure(
        _UP,
        "Event loop, 99% of delays",
        "tens of milliseconds",
        lambda w: w.quantile(0.99, "streamer_event_loop_lag_seconds"),
        _seconds,
        _above(0.5),
    ),
    Figure(
        _RIGHT,
        "Ledger out by",
        "0, always",
        lambda w: max(map(abs, w.values("streamer_ledger_imbalance")), default=None),
        _count,
        _above(0),
    ),
    Figure(
        _RIGHT,
        "Records declared lost",
        "0",
        lambda w: w.total("streamer_records_lost_total") or (0.0 if w.now else None),
        _count,
        _above(0),
    ),
    Figure(
        _RIGHT,
        "Dead letters",
        "none, or the same few all day",
        lambda w: w.rate("streamer_dead_letters_total") or (0.0 if w.now else None),
        _per_second,
    ),
    Figure(
        _RIGHT,
        "Alerts",
        "what was agreed",
        lambda w: w.rate("streamer_alerts_total"),
        lambda value: f"{3600 * value:,.0f}/h",
    ),
    Figure(
        _RIGHT,
        "Fuses that have blown",
        "0",
        lambda w: w.total("streamer_alert_fuse_blown"),
        _count,
        _above(0),
    ),
    Figure(
        _DRIFT,
        "Features that have moved",
        "0 once the reference has settled",
        _moved,
        _count,
        lambda n, w: n > 0 and bool(w.lowest("streamer_drift_reference_settled")),
    ),
    Figure(
        _DRIFT,
        "Reference of drift",
        "settled, after some months of traffic",
        lambda w: w.lowest("streamer_drift_reference_settled"),
        _yes("settled", "young"),
    ),
    Figure(
        _DRIFT,
        "Payments that the model has seen",
        "grows",
        lambda w: w.highest("streamer_model_transactions_seen"),
        _count,
    ),
    Figure(
        _DRIFT,
        "Ranked by",
        "odds, once verdicts have taught enough",
        lambda w: w.lowest("streamer_odds_active"),
        _yes("odds", "distance"),
    ),
    Figure(
        _DRIFT,
        "Age of the model version",
        "seconds while payments come",
        lambda w: w.highest("streamer_model_age_seconds"),
        _seconds,
        lambda age, w: age > 900 and bool(w.rate("streamer_transactions_consumed_total")),
    ),
)

NAMES: Final = (
    "streamer_alert_fuse_blown",
    "streamer_alert_latency_seconds_bucket",
    "streamer_alerts_total",
    "streamer_assigned_partitions",
    "streamer_checkpoint_age_seconds",
    "streamer_dead_letters_total",
    "streamer_dependency_up",
    "streamer_drift_reference_settled",
    "streamer_event_loop_lag_seconds_bucket",
    "streamer_feature_drift_psi",
    "streamer_lag_records",
    "streamer_ledger_imbalance",
    "streamer_model_age_seconds",
    "streamer_model_transactions_seen",
    "streamer_odds_active",
    "streamer_partition_stalled_seconds",
    "streamer_records_lost_total",
    "streamer_transactions_consumed_total",
)
