"""Is it keeping up?  How late alerts are, what waits, and where the time goes."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import GOOD, Step, alarm, burns
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["CPU", "KEEPING_UP", "burning"]

_BURNS: Final = ("Trend", "Day", "Slow", "Fast")


def burning(objective: str, indicator: str, what: str, width: int, action: str) -> Panel:
    """Return the panel of how fast an error budget burns, over the windows of its alerts."""
    alerts = tuple(f"Streamer{objective}BudgetBurn{speed}" for speed in _BURNS)
    steps, budget = burns(*alerts)
    return Panel(
        title=f"{objective}: speed of burning the error budget",
        kind="timeseries",
        unit="none",
        width=width,
        queries=tuple(
            Query(
                f"max by (namespace) ({indicator}{window}{{<service>}}) / {budget:g}",
                f"over {window} {{{{namespace}}}}",
            )
            for window in ("5m", "1h", "6h", "3d")
        ),
        shows=f"{what}, as a multiple of what the objective allows ({budget:.1%}).",
        normal="below 1: the month's budget lasts. With little traffic one event is a high peak here, "
        "and no alert: those want several.",
        action=action,
        runbook=f"alerts.md#streamer{objective.lower()}budgetburn",
        alerts=alerts,
        steps=(*steps[:2], *steps[3:4]),
    )


CPU: Final = Panel(
    title="CPU of a worker",
    kind="timeseries",
    unit="percentunit",
    width=8,
    queries=(Query("rate(process_cpu_seconds_total{<worker>}[$__rate_interval])", "{{instance}}"),),
    shows="Cores that each worker uses; it cannot use much more than one.",
    normal="below 70%, so that a backlog can be worked off.",
    action="above: add workers, up to the number of partitions. `kill -USR2 PID` writes a "
    "flame graph.",
    runbook="alerts.md#streamerlatencyhigh",
    steps=(Step(None, GOOD), Step(0.7, "yellow")),
)

KEEPING_UP: Final = Row(
    "Is it keeping up?",
    (
        Panel(
            title="Alert latency",
            kind="timeseries",
            unit="s",
            width=12,
            queries=tuple(
                Query(
                    f"histogram_quantile({q:g}, sum by (le) "
                    "(rate(streamer_alert_latency_seconds_bucket{<worker>}[$__rate_interval])))",
                    name,
                    has_exemplars=q == 0.99,
                )
                for q, name in ((0.5, "median"), (0.95, "95%"), (0.99, "99%"))
            ),
            shows="From a payment's Kafka time until Kafka acknowledged its alert. Points are traces.",
            normal="95% below 200 ms. A gap is a time without alerts.",
            action="after an outage it falls by itself as the backlog goes. Else *Time by stage* and "
            "*Event loop* below tell a slow server from too few workers.",
            runbook="alerts.md#streamerlatencyhigh",
            alerts=("StreamerLatencyHigh",),
            steps=alarm("StreamerLatencyHigh"),
            height=8,
        ),
        Panel(
            title="Alert latency, every alert",
            kind="heatmap",
            unit="s",
            width=12,
            queries=(
                Query(
                    "sum by (le) "
                    "(increase(streamer_alert_latency_seconds_bucket{<worker>}[$__rate_interval]))",
                    "{{le}}",
                ),
            ),
            shows="How many alerts took how long: one worker or partition that is late is a band of its "
            "own, which a percentile hides.",
            normal="one band, below 200 ms.",
            action="two bands: look at *Records that wait* for the partition that is behind.",
            runbook="alerts.md#streamerlatencyhigh",
        ),
        Panel(
            title="Records that wait",
            kind="timeseries",
            unit="short",
            width=8,
            queries=(
                Query(
                    "max by (partition) (streamer_lag_records{<partition>})",
                    "partition {{partition}}",
                ),
            ),
            shows="Lag: records in each partition that are not read yet.",
            normal="a second's worth of traffic; after an outage, a hill that is worked off.",
            action="growing on all: too few workers, add some, up to the number of partitions. Growing "
            "on one: it stands still, or its worker is slow.",
            runbook="alerts.md#streamerlatencyhigh",
        ),
        burning(
            "Latency",
            "streamer:alert_latency_slow:ratio_rate",
            "Alerts later than 200 ms",
            8,
            "above 6 over 6 h or 14.4 over 1 h it pages. Roll back at once if it began with a release.",
        ),
        Panel(
            title="Time by stage, 95%",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (stage, le) "
                    "(rate(streamer_stage_seconds_bucket{<worker>}[$__rate_interval])))",
                    "{{stage}}",
                ),
            ),
            shows="What one batch spends on each of its stages.",
            normal="milliseconds each.",
            action="`look_up` is Redis, `publish` the Kafka client's queue, the rest is CPU.",
            runbook="alerts.md#streamerlatencyhigh",
        ),
        Panel(
            title="Age of the last checkpoint",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query(
                    "max by (partition) (streamer_checkpoint_age_seconds{<partition>})",
                    "partition {{partition}}",
                ),
            ),
            shows="What a crash now would process again.",
            normal="a few seconds while payments come; it grows without bound while none do.",
            action="Redis is slow or away, or a topic takes no messages: /readyz names it.",
            runbook="alerts.md#streamercheckpointtooold",
            alerts=("StreamerCheckpointTooOld",),
            steps=alarm("StreamerCheckpointTooOld"),
        ),
        Panel(
            title="Event loop, 99% of delays",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query(
                    "histogram_quantile(0.99, sum by (instance, le) "
                    "(rate(streamer_event_loop_lag_seconds_bucket{<worker>}[$__rate_interval])))",
                    "{{instance}}",
                ),
            ),
            shows="How late a worker turns to what is due: heartbeats, scrapes, timers.",
            normal="a batch's time: tens of milliseconds.",
            action="half a second and more is a worker that lacks CPU, or a machine that is shared.",
            runbook="alerts.md#streamerlatencyhigh",
        ),
        CPU,
        Panel(
            title="Waiting inside the workers",
            kind="timeseries",
            unit="short",
            width=8,
            queries=(
                Query("sum(streamer_batches_in_flight{<worker>})", "batches to process"),
                Query("sum(streamer_publish_queue_messages{<worker>})", "messages to Kafka"),
            ),
            shows="Batches that were fetched and not processed, messages that Kafka has not taken.",
            normal="a few.",
            action="batches: the workers are behind. Messages: the broker is slow or away.",
            runbook="recovery.md#kafka-away",
        ),
        Panel(
            title="Writing a checkpoint, 95%",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (instance, le) "
                    "(rate(streamer_checkpoint_seconds_bucket{<worker>}[$__rate_interval])))",
                    "{{instance}}",
                ),
            ),
            shows="Time until Redis had a checkpoint.",
            normal="tens of milliseconds. A gap is a time without checkpoints.",
            action="seconds: Redis is slow, or its machine writes to a slow disk.",
            runbook="recovery.md#redis-away-hung-or-slow",
        ),
        Panel(
            title="Checkpoints that failed",
            kind="timeseries",
            unit="cps",
            width=8,
            queries=(
                Query(
                    "sum by (cause) "
                    "(rate(streamer_checkpoint_failures_total{<worker>}[$__rate_interval]))",
                    "{{cause}}",
                ),
            ),
            shows="Checkpoints that were not written, and tried again, by cause.",
            normal="0.",
            action="`redis`: no answer. `kafka`: an alert is not acknowledged yet. `fenced`: another "
            "worker has the partition, which ends by itself.",
            runbook="alerts.md#streamercheckpointtooold",
        ),
    ),
)
