"""The dashboard of those who answer for what is found: alerts, budget, reasons, verdicts, the model."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import GOOD, alarm
from ops.grafana.source.is_drifting import drift_by_feature
from ops.grafana.source.of_challengers import CHALLENGERS
from ops.grafana.source.of_verdicts import VERDICTS
from ops.grafana.source.panel import Dashboard, Panel, Query, Row

__all__ = ["DETECTION"]

_ALERTS: Final = Row(
    "What reviewers get",
    (
        Panel(
            title="Alerts an hour",
            kind="timeseries",
            unit="none",
            width=12,
            queries=(
                Query(
                    "3600 * sum by (severity) "
                    "(rate(streamer_alerts_total{<worker>}[$__rate_interval]))",
                    "{{severity}}",
                ),
                Query(
                    "-3600 * sum(rate(streamer_alerts_joined_total{<worker>}[$__rate_interval]))",
                    "of these, of a wave that was there",
                ),
            ),
            shows="Alerts published, by severity; below the line, those that are not the first of a wave.",
            normal="the day's curve, or the agreed number an hour.",
            action="more `critical` ones than usual are a wave of fraud; more of all, look at the budget.",
            runbook="alerts.md#streameralertbudgetmissed",
            is_stacked=True,
        ),
        Panel(
            title="Alert budget: share of payments",
            kind="timeseries",
            unit="percentunit",
            width=12,
            queries=(
                Query(
                    'max(streamer_alert_budget_achieved{<worker>, unit="share"})',
                    "achieved, as the model counts",
                ),
                Query('max(streamer_alert_budget_requested{<worker>, unit="share"})', "requested"),
                Query(
                    "sum(rate(streamer_alerts_total{<worker>}[$__rate_interval])) "
                    "/ (sum(rate(streamer_transactions_scored_total{<worker>}[$__rate_interval])) > 0)",
                    "published",
                ),
            ),
            shows="Share of payments that alert, against what was agreed.",
            normal="within 15% over any 50,000 payments, never above twice over 5,000.",
            action="over it since a promotion: promote the version before. Else the threshold follows.",
            runbook="alerts.md#streameralertbudgetmissed",
            alerts=("StreamerAlertBudgetMissed",),
            decimals=2,
        ),
        Panel(
            title="Alert budget: an hour of event time",
            kind="timeseries",
            unit="none",
            width=8,
            queries=tuple(
                Query(
                    f'max(streamer_alert_budget_{each}{{<worker>, unit="per_hour"}})',
                    each,
                    quiet="STREAMER_ALERTS_PER_HOUR is not set",
                )
                for each in ("achieved", "requested")
            ),
            shows="The budget where STREAMER_ALERTS_PER_HOUR sets one; else nothing.",
            normal="as requested.",
            action="below it: STREAMER_ALERT_BUDGET, the cap, is too low.",
            runbook="alerts.md#streameralertbudgetmissed",
        ),
        Panel(
            title="Held back and suppressed",
            kind="timeseries",
            unit="cps",
            width=8,
            queries=(
                Query(
                    "sum(rate(streamer_alerts_overflowed_total{<worker>}[$__rate_interval]))",
                    "on the overflow topic",
                ),
                Query(
                    "sum(rate(streamer_alerts_suppressed_total{<worker>}[$__rate_interval]))",
                    "were out before a crash",
                ),
            ),
            shows="Alerts that did not reach reviewers: beyond twice the budget, or not sent twice.",
            normal="0.",
            action="have the overflow topic looked at; it holds them whole.",
            runbook="recovery.md#the-fuse-blew",
        ),
        Panel(
            title="Fuses",
            kind="state-timeline",
            unit="bool",
            width=8,
            queries=(
                Query(
                    "max by (partition) (streamer_alert_fuse_blown{<partition>})",
                    "partition {{partition}}",
                ),
            ),
            shows="Which partitions held alerts back, and when.",
            normal="whole.",
            action="a wave of fraud, or a bad promotion: `streamer model list`.",
            runbook="alerts.md#streamerfuseblown",
            steps=alarm("StreamerFuseBlown"),
            states=((0, "whole", GOOD), (1, "blown", "red")),
        ),
    ),
)

_REASONS: Final = Row(
    "What alerts are about",
    (
        Panel(
            title="First reason of alerts, over the range",
            kind="bargauge",
            unit="none",
            width=12,
            queries=(
                Query(
                    "sort_desc(sum by (feature) "
                    "(increase(streamer_alert_reasons_total{<worker>}[$__range])) > 0)",
                    "{{feature}}",
                ),
            ),
            shows="Alerts by the feature that speaks loudest for fraud, over the dashboard's time.",
            normal="several features.",
            action="one feature alone is a pattern of fraud, or a field that a producer has changed: read "
            "some with `streamer explain ALERT_ID`.",
            runbook="alerts.md#streamerfeaturedrift",
            decimals=0,
        ),
        Panel(
            title="First reason of alerts, over time",
            kind="timeseries",
            unit="none",
            width=12,
            queries=(
                Query(
                    "3600 * sum by (feature) "
                    "(rate(streamer_alert_reasons_total{<worker>}[$__rate_interval])) > 0",
                    "{{feature}}",
                ),
            ),
            shows="Alerts an hour by the feature that speaks loudest.",
            normal="the same mixture, day by day.",
            action="a feature that comes up at once: compare with its drift below.",
            runbook="alerts.md#streamerfeaturedrift",
            is_stacked=True,
            height=9,
        ),
    ),
)

_DRIFT: Final = Row(
    "Drift of every feature",
    (
        Panel(
            title="Stability index now",
            kind="bargauge",
            unit="none",
            width=12,
            queries=(
                Query(
                    "sort_desc(max by (feature) (streamer_feature_drift_psi{<worker>}))",
                    "{{feature}}",
                ),
            ),
            shows="Population stability index of every feature against the reference.",
            normal="below 0.1. Everything moves while the reference has not settled.",
            action="`streamer status` tells what moved from where to where.",
            runbook="alerts.md#streamerfeaturedrift",
            alerts=("StreamerFeatureDrift",),
            steps=alarm("StreamerFeatureDrift"),
            decimals=2,
        ),
        Panel(
            title="Kolmogorov-Smirnov now",
            kind="bargauge",
            unit="none",
            width=12,
            queries=(
                Query(
                    "sort_desc(max by (feature) (streamer_feature_drift_ks{<worker>}))",
                    "{{feature}}",
                ),
            ),
            shows="The largest gap between the two distributions of a feature, 0 to 1: how many payments "
            "have moved, where the index says how unlikely that is.",
            normal="below 0.1.",
            action="high here and low in the index: many payments, a little.",
            runbook="alerts.md#streamerfeaturedrift",
            decimals=2,
            maximum=1,
        ),
        drift_by_feature(
            "max by (feature) (streamer_feature_drift_psi{<worker>})",
            "Stability index over time",
            24,
        ),
    ),
)

_CENTERS: Final = Row(
    "Centers",
    (
        Panel(
            title="Share of each center",
            kind="timeseries",
            unit="percentunit",
            width=8,
            queries=(
                Query("max by (center) (streamer_center_share_ratio{<worker>})", "{{center}}"),
            ),
            shows="How the model's weight lies at its centers.",
            normal="slow curves.",
            action="one that takes nearly all: the others tell nothing; see the silhouette.",
            runbook="alerts.md#streamerfeaturedrift",
            maximum=1,
            is_stacked=True,
            height=9,
        ),
        Panel(
            title="Nobody came near for",
            kind="bargauge",
            unit="s",
            width=8,
            queries=(
                Query(
                    "sort_desc(min by (center) (streamer_center_idle_seconds{<worker>}))",
                    "center {{center}}",
                ),
            ),
            shows="Time since a payment was nearest to a center, on any worker.",
            normal="minutes, for all but the rarest.",
            action="a center that nobody visits decays, and is re-seeded in time.",
            runbook="alerts.md#streamerfeaturedrift",
        ),
        Panel(
            title="Simplified silhouette",
            kind="timeseries",
            unit="none",
            width=4,
            queries=(
                Query(
                    "avg(streamer_simplified_silhouette{<worker>})",
                    "silhouette",
                ),
            ),
            shows="How well the centers tell payments apart, -1 to 1.",
            normal="steady; 0.2 to 0.5.",
            action="near 0: fit another number of clusters, `streamer fit`.",
            runbook="alerts.md#streamerfeaturedrift",
            minimum=None,
            decimals=2,
            height=9,
        ),
        Panel(
            title="Dead and revived",
            kind="timeseries",
            unit="none",
            width=4,
            queries=(
                Query("max(streamer_clusters_dead{<worker>})", "dead"),
                Query(
                    "sum(increase(streamer_clusters_revived_total{<worker>}[$__rate_interval]))",
                    "revived",
                ),
            ),
            shows="Clusters too light to live, and those re-seeded from the heaviest.",
            normal="few in a day.",
            action="many: the number of clusters is too high for this traffic.",
            runbook="alerts.md#streamerfeaturedrift",
            height=9,
        ),
    ),
)

DETECTION: Final = Dashboard(
    name="detection",
    title="streamer: detection",
    description="What reviewers get, what it is about, how often it is right, and what the model is made "
    "of.",
    since="now-6h",
    rows=(_ALERTS, _REASONS, VERDICTS, _DRIFT, _CENTERS, CHALLENGERS),
)
