"""What reviewers get, how soon, and how often it was right."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counter, gauge, histogram

__all__ = ["AlertMetrics"]

_SEVERITIES: Final = ("medium", "high", "critical")
_BOUNDS: Final = ("low", "estimate", "high")
_LANES: Final = ("main", "reserve", "sample")
_VERDICTS: Final = ("fraud", "legitimate")
_WAVES: Final = ("card", "merchant")
# Up to ten minutes: after an outage the backlog's alerts are late by as much as the outage.  0.2 is the
# objective for the 95th percentile: a quantile that is interpolated across it would not tell.
_LATENCY_SECONDS: Final = (*(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 15, 60, 300, 600),)


class AlertMetrics:
    """Alerts"""

    alerts = counter("alerts", "Alerts published, by severity.", "severity", starts=[_SEVERITIES])
    alert_reasons = counter(
        "alerts", "Alerts published, by the feature that speaks most for fraud.", "feature"
    )
    alerts_joined = counter(
        "alerts",
        "Alerts published that are not the first of their card or merchant, by what their wave is of.",
        "wave",
        starts=[_WAVES],
    )
    expected_loss_alerted = counter(
        "reference currency",
        "Expected losses of published alerts, probability of fraud times amount; 0 unless "
        "STREAMER_RANK_BY is expected_loss.",
    )
    alerts_suppressed = counter(
        "alerts", "Alerts not published a second time: they were published before a crash."
    )
    alerts_overflowed = counter(
        "alerts",
        "Alerts beyond twice the budget, on the overflow topic instead, by severity.",
        "severity",
        starts=[_SEVERITIES],
    )
    alert_fuse_blown = gauge(
        "0 or 1",
        "1 while alerts of the last 5,000 payments were held back as too many, else 0.",
        "partition",
    )
    alert_latency_seconds = histogram(
        "seconds",
        "End to end: from a transaction's Kafka time until Kafka acknowledged its alert.",
        _LATENCY_SECONDS,
    )
    alert_budget_requested = gauge(
        "see label",
        "Alert budget: as a share of traffic, less what is not worth its review or cannot be paid for, "
        "and per hour of event time where that is set.",
        "unit",
        starts=[["share"]],
    )
    alert_budget_achieved = gauge(
        "see label",
        "Alerts among recent payments, in the same units.",
        "unit",
        starts=[["share"]],
    )
    alert_lane_ratio = gauge(
        "ratio",
        "Parts of the alert budget: what ranks, the reserve by distance while the odds rank, and the "
        "sample from below the threshold.",
        "lane",
        starts=[_LANES],
    )
    estimated_recall_ratio = gauge(
        "ratio",
        "Share of all frauds that alerted, by verdicts on alerts and on the sample, with its 95% "
        "interval; NaN before any of the sample was judged.",
        "bound",
        starts=[_BOUNDS],
    )
    estimated_precision_ratio = gauge(
        "ratio",
        "Share of fraud among the alerts that were not sampled, by the same verdicts, with its 95% "
        "interval; NaN before any was judged.",
        "bound",
        starts=[_BOUNDS],
    )
    sample_judged = gauge(
        "alerts",
        "Payments of the sample that were judged, by verdict; they decay with the judged alerts.",
        "verdict",
        starts=[_VERDICTS],
    )
    alerts_judged = counter(
        "alerts",
        "Alerts whose first verdict was learned, by that verdict: precision over any time is the "
        "share of fraud.",
        "verdict",
        starts=[_VERDICTS],
    )
    alert_precision_ratio = gauge(
        "ratio",
        "Share of fraud among the last 500 alerts judged, as far as this worker has seen them since "
        "its start; NaN before the first. Verdicts that came later overrule none of them.",
    )
