"""How often alerts are right, as verdicts say, and whether verdicts reach their payments."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["VERDICTS"]

_JUDGED: Final = "sum by (verdict) (increase(streamer_alerts_judged_total{<worker>}[$__range]))"

VERDICTS: Final = Row(
    "How often that is right",
    (
        Panel(
            title="Precision over the range",
            kind="stat",
            unit="percentunit",
            width=4,
            queries=(
                Query(
                    'sum(increase(streamer_alerts_judged_total{<worker>, verdict="fraud"}[$__range])) '
                    "/ (sum(increase(streamer_alerts_judged_total{<worker>}[$__range])) > 0)",
                    "precision",
                    quiet="no alert was judged",
                ),
            ),
            shows="Share of fraud among the alerts that were judged, by their first verdict.",
            normal="what reviewers are used to; at a budget of 0.5%, most alerts are no fraud.",
            action="a fall: look at the reasons above, then at promotions.",
            runbook="alerts.md#streameralertbudgetmissed",
            decimals=1,
            maximum=1,
        ),
        Panel(
            title="Precision of the last 500 judged",
            kind="timeseries",
            unit="percentunit",
            width=8,
            queries=(Query("streamer_alert_precision_ratio{<worker>}", "{{instance}}"),),
            shows="Share of fraud among the last 500 alerts judged, by worker; a gap before the first.",
            normal="steady.",
            action="a fall on all workers: a promotion or drift. On one: its partitions' producer.",
            runbook="alerts.md#streameralertbudgetmissed",
            maximum=1,
            height=5,
        ),
        Panel(
            title="Average precision on recent labels",
            kind="timeseries",
            unit="none",
            width=8,
            queries=(
                Query(
                    "max by (detector) (streamer_average_precision_ratio{<worker>})", "{{detector}}"
                ),
            ),
            shows="How well the odds and the distance rank the payments that were judged, 0 to 1.",
            normal="odds above distance, once there are labels of both kinds.",
            action="0: too few frauds among the labels. Odds below: the distance ranks, by itself.",
            runbook="alerts.md#streamermodelstale",
            maximum=1,
            decimals=3,
            height=5,
        ),
        Panel(
            title="Judged alerts over the range",
            kind="stat",
            unit="none",
            width=4,
            queries=(Query(_JUDGED, "{{verdict}}"),),
            shows="Alerts whose first verdict came in the dashboard's time.",
            normal="most of the alerts, sooner or later.",
            action="few: verdicts do not come, or do not find their payment; see the panels beside.",
            runbook="alerts.md#streamerdeadlettersurge",
            decimals=0,
        ),
        Panel(
            title="Recall, estimated",
            kind="timeseries",
            unit="percentunit",
            width=12,
            queries=(
                Query(
                    "max by (bound) (streamer_estimated_recall_ratio{<worker>})",
                    "{{bound}}",
                    quiet="none of the sample was judged",
                ),
                Query(
                    'max(streamer_estimated_precision_ratio{<worker>, bound="estimate"})',
                    "precision",
                    quiet="no alert was judged",
                ),
            ),
            shows="Share of all frauds that alerted, by verdicts on alerts and on the sample from below "
            "the threshold, with its 95% interval; and the share of fraud among alerts by the same.",
            normal="steady, in an interval that narrows with the frauds that the sample finds.",
            action="a fall: a new mode of fraud that nothing ranks; look at what the sample found.",
            runbook="alerts.md#streameralertbudgetmissed",
            maximum=1,
            height=6,
        ),
        Panel(
            title="Parts of the budget",
            kind="timeseries",
            unit="percentunit",
            width=8,
            queries=(Query("max by (lane) (streamer_alert_lane_ratio{<worker>})", "{{lane}}"),),
            shows="What ranks, the reserve for the largest distances, and the sample from below.",
            normal="steady; no reserve while the distance ranks.",
            action="a reserve that grows finds what labels do not know: look at its alerts.",
            runbook="alerts.md#streameralertbudgetmissed",
            maximum=1,
            height=6,
        ),
        Panel(
            title="Judged of the sample",
            kind="stat",
            unit="none",
            width=4,
            queries=(Query("max by (verdict) (streamer_sample_judged{<worker>})", "{{verdict}}"),),
            shows="Payments from below the threshold that were judged; they decay.",
            normal="grows as the alerts do that were judged.",
            action="few: reviewers leave the sample, and the estimate of recall says nothing.",
            runbook="alerts.md#streameralertbudgetmissed",
            decimals=0,
            height=6,
        ),
        Panel(
            title="Verdicts",
            kind="timeseries",
            unit="cps",
            width=12,
            queries=(
                Query(
                    "sum by (verdict) "
                    "(rate(streamer_verdicts_received_total{<worker>}[$__rate_interval]))",
                    "received: {{verdict}}",
                ),
                Query(
                    "sum by (outcome) "
                    "(rate(streamer_verdicts_applied_total{<worker>}[$__rate_interval]))",
                    "applied, by each partition: {{outcome}}",
                ),
                Query(
                    "sum(rate(streamer_verdicts_learned_total{<worker>}[$__rate_interval]))",
                    "learned",
                ),
                Query(
                    "sum(rate(streamer_verdicts_lost_total{<worker>}[$__rate_interval]))",
                    "lost",
                ),
                Query(
                    "sum(rate(streamer_unjudged_dropped_total{<worker>}[$__rate_interval]))",
                    "no room until they are judged",
                ),
            ),
            shows="Verdicts on their way: read, applied, and those that taught the odds.",
            normal="learned follows received; lost is 0.",
            action="received and not learned: they name payments that are not kept any more. None received: "
            "`streamer dlq list --topic fraud-feedback-dlq`. Lost: raise STREAMER_FEEDBACK_MAX_ENTRIES.",
            runbook="alerts.md#streamerdeadlettersurge",
        ),
        Panel(
            title="When frauds are found",
            kind="timeseries",
            unit="s",
            width=12,
            queries=(
                Query(
                    "max by (payments) (streamer_fraud_delay_median_seconds{<worker>})",
                    "half of them: {{payments}}",
                    quiet="not before 20 frauds were found",
                ),
            ),
            shows="How old half of the frauds are at most when a verdict finds them.",
            normal="alerted: reviewers' day. Other: that of chargebacks. Nothing while few are known.",
            action="longer than STREAMER_LABEL_PRESUMED_S: frauds are learned as legitimate first. "
            "`streamer model show head` has the shares by age.",
            runbook="alerts.md#streamermodelstale",
        ),
        Panel(
            title="Frauds found before silence counts",
            kind="timeseries",
            unit="percentunit",
            width=12,
            queries=(
                Query(
                    "max by (payments) (streamer_fraud_found_ratio{<worker>})",
                    "{{payments}}",
                    quiet="not before 20 frauds were found",
                ),
            ),
            shows="Share of the frauds that are found by STREAMER_LABEL_PRESUMED_S.",
            normal="alerted: near 100%.",
            action="low: what verdicts say comes late; the odds learn it, but shares of merchants know it "
            "when it is old.",
            runbook="alerts.md#streamermodelstale",
            maximum=1,
        ),
        Panel(
            title="Payments that wait for a label",
            kind="timeseries",
            unit="percentunit",
            width=12,
            queries=(
                Query(
                    "sum(streamer_unjudged_waiting{<worker>}) "
                    "/ (sum(streamer_unjudged_capacity{<worker>}) > 0)",
                    "room that is taken",
                ),
                Query("min(streamer_unjudged_kept_ratio{<worker>})", "share that is kept"),
            ),
            shows="How full the buffer is, and which share of payments has room in it.",
            normal="kept: 100%.",
            action="kept below 100%: a fair sample of them, counted by its weight. For all of them raise "
            "STREAMER_LABEL_CAPACITY.",
            runbook="recovery.md#worker-killed-frozen-out-of-memory",
            maximum=1,
        ),
    ),
)
