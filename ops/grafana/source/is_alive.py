"""Is it alive?  Alerts that fire, workers, partitions, what they depend on, and that payments come."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import GOOD, Step, alarm
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["ALIVE"]

_LABELS: Final = (
    "alertname, severity, namespace, instance, partition, topic, reason, cause, feature"
)

ALIVE: Final = Row(
    "Is it alive?",
    (
        Panel(
            title="Alerts that fire now",
            kind="table",
            unit="none",
            width=10,
            queries=(
                Query(
                    f"max by ({_LABELS}) "
                    '(ALERTS{alertname=~"Streamer.+", alertstate="firing", namespace=~"$namespace|"})',
                    quiet="nothing is wrong",
                ),
            ),
            shows="Every alert of ops/prometheus that fires, also those that Alertmanager suppresses.",
            normal="none, or one of severity info.",
            action="the runbook has a section with the alert's name: begin with the page that woke you.",
            runbook="alerts.md#alerts",
        ),
        Panel(
            title="Workers that answer",
            kind="stat",
            unit="none",
            width=4,
            queries=(
                Query("sum(up{<worker>})", "all"),
                Query("count by (version) (streamer_build_info{<worker>})", "of {{version}}"),
                Query("count by (policy) (streamer_policy_info{<worker>})", "policy {{policy}}"),
            ),
            shows="Workers whose /metrics Prometheus can read, and how many of them run which release and go "
            "by which policy.",
            normal="as many as were deployed, of one release and one policy.",
            action="`streamer status` says which is missing, and who has its partitions.",
            runbook="alerts.md#streamerworkerdown",
            alerts=("StreamerWorkerDown",),
            steps=(Step(None, "red"), Step(1, GOOD)),
        ),
        Panel(
            title="Partitions that are read",
            kind="stat",
            unit="none",
            width=4,
            queries=(Query("sum(streamer_assigned_partitions{<worker>})", "partitions"),),
            shows="Partitions of the transactions topic that some worker has claimed.",
            normal="all that the topic has; fewer for seconds while workers come and go.",
            action="with none, nothing is scored. `curl http://WORKER:8080/readyz` says what it waits for.",
            runbook="alerts.md#streamernoworker",
            alerts=("StreamerNoWorker",),
            steps=(Step(None, "red"), Step(1, GOOD)),
        ),
        Panel(
            title="Kafka and Redis",
            kind="stat",
            unit="bool",
            width=6,
            queries=(Query("min by (name) (streamer_dependency_up{<worker>})", "{{name}}"),),
            shows="Whether Kafka and Redis answer every worker.",
            normal="both answer.",
            action="Kafka away: nothing is scored, nothing is lost. Redis away: scoring goes on from "
            "memory, and checkpoints wait. Leave the workers alone; bring the server back with its data.",
            runbook="alerts.md#streamerkafkaaway",
            alerts=("StreamerKafkaAway",),
            steps=alarm("StreamerKafkaAway"),
            states=((0, "away", "red"), (1, "answers", GOOD)),
        ),
        Panel(
            title="Payments read",
            kind="timeseries",
            unit="recps",
            width=8,
            queries=(
                Query(
                    "sum by (partition) "
                    "(rate(streamer_transactions_consumed_total{<partition>}[$__rate_interval]))",
                    "partition {{partition}}",
                ),
            ),
            shows="Records read from each partition of the transactions topic, a second.",
            normal="the day's curve, in equal parts.",
            action="all at 0 is silence of the producers, or nothing reaches the workers; one at 0 "
            "with lag is a stall.",
            runbook="alerts.md#streamernotraffic",
            alerts=("StreamerNoTraffic",),
            is_stacked=True,
        ),
        Panel(
            title="Partitions that stand still",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query(
                    "max by (topic, partition) (streamer_partition_stalled_seconds{<partition>})",
                    "{{topic}}/{{partition}}",
                ),
            ),
            shows="Since when a partition with records waiting has not moved.",
            normal="0.",
            action="`curl http://WORKER:8080/readyz` answers 503 and says which and why: mostly a broker.",
            runbook="alerts.md#streamerpartitionstalled",
            alerts=("StreamerPartitionStalled",),
            steps=alarm("StreamerPartitionStalled"),
        ),
        Panel(
            title="Partitions that wait for a person",
            kind="state-timeline",
            unit="bool",
            width=8,
            queries=(
                Query(
                    "max by (topic, partition) (streamer_partition_faulted{<partition>})",
                    "{{topic}}/{{partition}}",
                ),
            ),
            shows="Partitions that cannot be read on from where they were: the topic or Redis is not the "
            "one it was.",
            normal="read.",
            action="/readyz names the case, the runbook its cure. A restart does not help.",
            runbook="alerts.md#streamerpartitionfaulted",
            alerts=("StreamerPartitionFaulted",),
            steps=alarm("StreamerPartitionFaulted"),
            states=((0, "read", GOOD), (1, "waits", "red")),
        ),
        Panel(
            title="Circuit breaker of Redis",
            kind="state-timeline",
            unit="bool",
            width=6,
            queries=(
                Query(
                    'min by (instance) (streamer_redis_breaker_state{<worker>, state="closed"})',
                    "{{instance}}",
                ),
            ),
            shows="Whether a worker asks Redis (closed), or has given up for some seconds (open).",
            normal="closed.",
            action="Redis is away, hangs or refuses. Alerts go out from memory and say so; bring Redis "
            "back with its data, and restart nothing.",
            runbook="alerts.md#streamerbreakeropen",
            alerts=("StreamerBreakerOpen",),
            steps=alarm("StreamerBreakerOpen"),
            states=((0, "open", "red"), (1, "closed", GOOD)),
        ),
        Panel(
            title="Calls to Redis",
            kind="timeseries",
            unit="cps",
            width=6,
            queries=(
                Query(
                    "sum by (outcome) (rate(streamer_redis_calls_total{<worker>}[$__rate_interval]))",
                    "{{outcome}}",
                ),
            ),
            shows="Calls to Redis, and what became of them.",
            normal="done, and nothing else.",
            action="unanswered: it is slow or away. Refused: a demoted primary, or rights that were taken "
            "away. Not tried: the breaker is open.",
            runbook="recovery.md#redis-away-hung-or-slow",
        ),
        Panel(
            title="Secrets that cannot be read",
            kind="state-timeline",
            unit="bool",
            width=6,
            queries=(
                Query(
                    "max by (instance, setting) (streamer_secret_faulted{<worker>})",
                    "{{instance}} {{setting}}",
                    "no secret comes from a file",
                ),
            ),
            shows="Whether the file of a secret that a worker follows is gone, empty or at fault.",
            normal="read.",
            action="the last good one counts, until the worker starts again. The log says what is wrong; "
            "look at who writes the file.",
            runbook="alerts.md#streamersecretfaulted",
            alerts=("StreamerSecretFaulted",),
            steps=alarm("StreamerSecretFaulted"),
            states=((0, "read", GOOD), (1, "at fault", "orange")),
        ),
        Panel(
            title="Starts within 15 minutes",
            kind="timeseries",
            unit="none",
            width=6,
            queries=(Query("changes(process_start_time_seconds{<worker>}[15m])", "{{instance}}"),),
            shows="How often the worker at an address was started anew.",
            normal="0; 1 or 2 after a release or a killed worker.",
            action="the last lines of its log say why; exit code 137 is memory.",
            runbook="alerts.md#streamerrestartloop",
            alerts=("StreamerRestartLoop",),
            steps=alarm("StreamerRestartLoop"),
            decimals=0,
        ),
    ),
)
