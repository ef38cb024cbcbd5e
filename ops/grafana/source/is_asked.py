"""Scoring on request: what is asked, how fast it is answered, from what, and what is refused."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import GOOD, Step, alarm
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["ASKED"]

_QUIET: Final = "no process answers requests"
_PAGE: Final = "serving.md"
_RATE: Final = "[$__rate_interval]"

ASKED: Final = Row(
    "Scoring on request",
    (
        Panel(
            title="Processes that answer requests",
            kind="stat",
            unit="none",
            width=6,
            queries=(Query("sum by (job) (streamer_serve_ready{<serve>})", "{{job}}", _QUIET),),
            shows="Processes of `streamer serve` that have a model and their loops, by job; a canary's pods "
            "are one of their own.",
            normal="as many as were deployed, or no value where nobody asks this service.",
            action="`curl http://POD:8082/readyz` says what one waits for.",
            runbook="alerts.md#streamerservedown",
            alerts=("StreamerServeDown", "StreamerServeTenantDown", "StreamerServeNotReady"),
            steps=(Step(None, "red"), Step(1, GOOD)),
        ),
        Panel(
            title="Requests, by door and status",
            kind="timeseries",
            unit="reqps",
            width=9,
            queries=(
                Query(
                    "sum by (door, code) "
                    f"(rate(streamer_serve_requests_total{{<serve>}}{_RATE})) > 0",
                    "{{door}} {{code}}",
                    _QUIET,
                ),
            ),
            shows="Requests for scores a second.",
            normal="200, and a few 4xx of who sends what is no payment; 499 is of clients that went away.",
            action="429 is more than is taken on at once, 503 late or without Redis, 500 a defect.",
            runbook=f"{_PAGE}#what-each-refusal-means",
            is_stacked=True,
        ),
        Panel(
            title="Slowest 5% of requests",
            kind="timeseries",
            unit="s",
            width=9,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (door, le) "
                    f"(rate(streamer_serve_seconds_bucket{{<serve>}}{_RATE})))",
                    "{{door}}",
                    _QUIET,
                ),
                Query(
                    "max by (job) (streamer:serve_seconds:p95_5m{<serve>})", "{{job}}, 5 m", _QUIET
                ),
            ),
            shows="95th percentile from a request to its answer, by door and over all of a job.",
            normal="some milliseconds; the limit is 200.",
            action="many in flight: more pods. Few: Redis is slow, or somebody asks in large batches.",
            runbook="alerts.md#streamerservelatencyhigh",
            alerts=("StreamerServeLatencyHigh",),
            steps=alarm("StreamerServeLatencyHigh"),
        ),
        Panel(
            title="Failed and refused",
            kind="timeseries",
            unit="percentunit",
            width=8,
            queries=(
                Query(
                    "max by (job) (streamer:serve_errors:ratio_rate5m{<serve>})",
                    "{{job}} failed",
                    _QUIET,
                ),
                Query(
                    "max by (job) (streamer:serve_refused:ratio_rate5m{<serve>})",
                    "{{job}} refused",
                    _QUIET,
                ),
            ),
            shows="Shares of requests that got 5xx, and 4xx, over 5 minutes; not of clients that had gone "
            "(499).",
            normal="0, and below 5% refused.",
            action="the panel beside it says why they were refused.",
            runbook="alerts.md#streamerserveerrorsharehigh",
            alerts=("StreamerServeErrorShareHigh", "StreamerServeRefusedShareHigh"),
            steps=alarm("StreamerServeErrorShareHigh"),
        ),
        Panel(
            title="Refused, by reason",
            kind="timeseries",
            unit="reqps",
            width=8,
            queries=(
                Query(
                    f"sum by (reason) (rate(streamer_serve_refused_total{{<serve>}}{_RATE})) > 0",
                    "{{reason}}",
                    "nothing is refused",
                ),
                Query(
                    f"sum by (reason) (rate(streamer_serve_unreadable_total{{<serve>}}{_RATE})) > 0",
                    "payments: {{reason}}",
                    "every payment can be read",
                ),
                Query(
                    "sum by (outcome) (rate("
                    f'streamer_serve_decisions_total{{<serve>, outcome!="published"}}{_RATE})) > 0',
                    "decisions {{outcome}}",
                    "every decision is published, or none is",
                ),
            ),
            shows="Requests without an answer, payments that could not be scored, also one of many, and "
            "answers that are missing on the decisions topic.",
            normal="nothing, or a trickle.",
            action="`overloaded`: more pods. What a dead letter would say: a client's release.",
            runbook="alerts.md#streamerserverefusedsharehigh",
            alerts=("StreamerServeRefusedShareHigh",),
        ),
        Panel(
            title="Payments in flight",
            kind="timeseries",
            unit="none",
            width=8,
            queries=(
                Query(
                    "max by (instance) (streamer_serve_payments_in_flight{<serve>})",
                    "{{instance}}",
                    _QUIET,
                ),
                Query(
                    "min(streamer_serve_payments_limit{<serve>})", "refused from here on", _QUIET
                ),
            ),
            shows="Payments that each process is answering; pods are added by it.",
            normal="a quarter of the limit at most.",
            action="near the limit low priorities are refused first: see how many pods there are, and why "
            "no more.",
            runbook=f"{_PAGE}#at-3-am",
        ),
        Panel(
            title="Answers, by branch and decision",
            kind="timeseries",
            unit="none",
            width=8,
            queries=(
                Query(
                    "sum by (branch, decision) "
                    f"(rate(streamer_serve_answers_total{{<serve>}}{_RATE})) > 0",
                    "{{branch}}: {{decision}}",
                    _QUIET,
                ),
            ),
            shows="Answers a second of the head, of a canary, and of versions that requests name.",
            normal="the same share of alerts on both branches.",
            action="a canary that alerts otherwise: take its weight to 0, then `streamer model rollback`.",
            runbook=f"{_PAGE}#canary-by-weight",
        ),
        Panel(
            title="Answers without state",
            kind="timeseries",
            unit="percentunit",
            width=8,
            queries=(
                Query(
                    "max by (job) (streamer:serve_without_state:ratio_rate5m{<serve>})",
                    "{{job}}",
                    _QUIET,
                ),
            ),
            shows="Share of answers of the model alone, since Redis did not answer.",
            normal="0.",
            action="bring Redis back; answers say in `mode` what they know.",
            runbook="alerts.md#streamerservewithoutstate",
            alerts=("StreamerServeWithoutState",),
            steps=alarm("StreamerServeWithoutState"),
        ),
        Panel(
            title="Circuit breaker of Redis, of requests",
            kind="state-timeline",
            unit="bool",
            width=8,
            queries=(
                Query(
                    'min by (instance) (streamer_serve_redis_breaker_state{<serve>, state="closed"})',
                    "{{instance}}",
                    _QUIET,
                ),
            ),
            shows="Whether a process asks Redis (closed), or has given up for some seconds (open).",
            normal="closed.",
            action="Redis is away, hangs or refuses.",
            runbook="alerts.md#streamerservewithoutstate",
            states=((0, "open", "red"), (1, "closed", GOOD)),
        ),
        Panel(
            title="Age of what is answered from",
            kind="timeseries",
            unit="s",
            width=12,
            queries=(
                Query(
                    "histogram_quantile(0.95, sum by (job, le) "
                    f"(rate(streamer_serve_state_age_seconds_bucket{{<serve>}}{_RATE})))",
                    "{{job}}: cards, p95",
                    _QUIET,
                ),
                Query(
                    "max by (job) (streamer_serve_model_age_seconds{<serve>})",
                    "{{job}}: model",
                    _QUIET,
                ),
                Query(
                    "max by (job) (streamer_serve_model_unread_seconds{<serve>})",
                    "{{job}}: not heard",
                    _QUIET,
                ),
            ),
            shows="Age of the checkpoint that a card's state is of, of the version that answers, and since when "
            "the store has not said which is in use.",
            normal="a few seconds each while payments come.",
            action="cards and model are old: workers write no checkpoints. Not heard: Redis.",
            runbook="alerts.md#streamerservemodelstale",
            alerts=("StreamerServeModelStale",),
            steps=alarm("StreamerServeModelStale"),
        ),
        Panel(
            title="Payments of a request, and of a call",
            kind="timeseries",
            unit="none",
            width=12,
            queries=(
                Query(
                    f"sum(rate(streamer_serve_request_payments_sum{{<serve>}}{_RATE})) "
                    f"/ sum(rate(streamer_serve_request_payments_count{{<serve>}}{_RATE}))",
                    "a request",
                    _QUIET,
                ),
                Query(
                    f"sum(rate(streamer_serve_answers_total{{<serve>}}{_RATE})) "
                    f"/ sum(rate(streamer_serve_calls_total{{<serve>}}{_RATE}))",
                    "a call",
                    _QUIET,
                ),
                Query(
                    "max by (branch, model_version) (streamer_serve_model_info{<serve>})",
                    "{{branch}} {{model_version}}",
                    _QUIET,
                ),
            ),
            shows="How many payments a request asks about, how many are answered together, and which versions "
            "answer.",
            normal="more in a call than in a request while many ask at once.",
            action="one in a call under load: requests come one after the other, over one connection.",
            runbook=f"{_PAGE}#at-3-am",
        ),
    ),
)
