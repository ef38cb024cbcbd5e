"""Is it right?  What became of every record, and whether reviewers get what was agreed."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import alarm
from ops.grafana.source.is_keeping_up import burning
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["RIGHT"]

_FATES: Final = (
    ("streamer_transactions_scored_total", "scored"),
    ("streamer_transactions_repeated_total", "repeated"),
    ("streamer_records_skipped_total", "no payment"),
)
_ODDITIES: Final = (
    ("streamer_late_events_total", "late", ""),
    ("streamer_key_mismatches_total", "key is not the card", ""),
    ("streamer_fields_left_out_total", "optional field left out", "none was"),
    ("streamer_transactions_warming_total", "scored before there was a model", ""),
)
_DEAD: Final = (
    "sum by (topic, reason) (rate(streamer_dead_letters_total{<worker>}[$__rate_interval])) > 0"
)

RIGHT: Final = Row(
    "Is it right?",
    (
        Panel(
            title="Ledger out by",
            kind="stat",
            unit="none",
            width=6,
            queries=(Query("max(abs(streamer_ledger_imbalance{<partition>}))", "records"),),
            shows="Records of which nobody knows what became of them.",
            normal="0, always.",
            action="a defect. Keep `streamer partition show` and the log; do not reset the partition.",
            runbook="alerts.md#streamerledgerimbalance",
            alerts=("StreamerLedgerImbalance",),
            steps=alarm("StreamerLedgerImbalance", least=1),
        ),
        Panel(
            title="Records declared lost",
            kind="stat",
            unit="none",
            width=6,
            queries=(
                Query(
                    "sum(streamer_records_lost_total{<partition>}) "
                    "or 0 * sum(streamer_assigned_partitions{<worker>})",
                    "records",
                ),
            ),
            shows="Records that were gone before they were read, since the workers started: the log or "
            "Redis was cut.",
            normal="0.",
            action="/readyz has partition, offsets and cause. Tell the reviewers which time was not "
            "watched.",
            runbook="alerts.md#streamerrecordslost",
            alerts=("StreamerRecordsLost",),
            steps=alarm("StreamerRecordsLost", least=1),
        ),
        Panel(
            title="Payments that cannot be read",
            kind="stat",
            unit="percentunit",
            width=6,
            queries=(
                Query(
                    "max(streamer:payments_dead_lettered:ratio_rate5m{<service>})", "dead letters"
                ),
            ),
            shows="Share of the records on the transactions topic that became dead letters, over 5 "
            "minutes.",
            normal="below 0.1%.",
            action="`streamer dlq list` says what is wrong with them, docs/dead-letters.md the cure.",
            runbook="alerts.md#streamererrorsharehigh",
            alerts=("StreamerErrorShareHigh",),
            steps=alarm("StreamerErrorShareHigh"),
            decimals=2,
        ),
        Panel(
            title="Fuses that have blown",
            kind="stat",
            unit="none",
            width=6,
            queries=(Query("sum(streamer_alert_fuse_blown{<partition>})", "partitions"),),
            shows="Partitions that would alert more than twice as often as agreed; the rest is on the "
            "overflow topic.",
            normal="0.",
            action="a wave of fraud, or a bad promotion: `streamer model list`. Have the overflow topic "
            "looked at.",
            runbook="alerts.md#streamerfuseblown",
            alerts=("StreamerFuseBlown",),
            steps=alarm("StreamerFuseBlown"),
        ),
        Panel(
            title="What became of the records",
            kind="timeseries",
            unit="recps",
            width=12,
            queries=(
                *(
                    Query(f"sum(rate({name}{{<partition>}}[$__rate_interval]))", legend)
                    for name, legend in _FATES
                ),
                Query(
                    "sum by (topic) (rate(streamer_dead_letters_total{<worker>, "
                    'topic!~".*feedback.*"}[$__rate_interval]))',
                    "dead letters of {{topic}}",
                ),
            ),
            shows="Every record that is read is one of these; dead letters are not told by partition.",
            normal="scored, nearly all.",
            action="another part that grows is mostly a producer's release.",
            runbook="alerts.md#streamererrorsharehigh",
            is_stacked=True,
        ),
        Panel(
            title="Dead letters by reason",
            kind="timeseries",
            unit="recps",
            width=12,
            queries=(Query(_DEAD, "{{topic}}: {{reason}}", quiet="no dead letters"),),
            shows="What was wrong with records of both input topics.",
            normal="nothing, or the same few a second all day.",
            action="one reason that jumps: `streamer dlq show` of one of them tells whose it is.",
            runbook="alerts.md#streamerdeadlettersurge",
            alerts=("StreamerDeadLetterSurge",),
        ),
        burning(
            "Completeness",
            "streamer:payments_dead_lettered:ratio_rate",
            "Payments that became dead letters",
            8,
            "above 6 over 6 h or 14.4 over 1 h it pages. Roll back the intake, if it changed.",
        ),
        Panel(
            title="Alerts, as a multiple of what was agreed",
            kind="timeseries",
            unit="none",
            width=8,
            queries=(
                Query(
                    "max by (namespace) (streamer:alert_budget_achieved:ratio{<service>})",
                    "alerts {{namespace}}",
                    quiet="recorded once the model has seen 100,000 payments",
                ),
            ),
            shows="Reviewers' workload against the budget; not before the threshold has had 100,000 "
            "payments to settle.",
            normal="0.85 to 1.15.",
            action="over: a promotion, drift, or a wave. Under: a cap that is too low, or a young model.",
            runbook="alerts.md#streameralertbudgetmissed",
            alerts=("StreamerAlertBudgetMissed",),
            steps=alarm("StreamerAlertBudgetMissed"),
            decimals=2,
        ),
        Panel(
            title="Records with something odd",
            kind="timeseries",
            unit="cps",
            width=8,
            queries=(
                *(
                    Query(f"sum(rate({name}{{<worker>}}[$__rate_interval]))", legend, quiet)
                    for name, legend, quiet in _ODDITIES
                ),
                Query(
                    "sum by (reason) "
                    "(rate(streamer_records_passed_over_total{<worker>}[$__rate_interval])) > 0",
                    "no payment: {{reason}}",
                    quiet="no refunds, declines and the like",
                ),
            ),
            shows="Scored all the same: late ones, those on another card's partition, those of which a "
            "field could not be used. Passed over: refunds, declines and the like.",
            normal="little, and steady.",
            action="a jump is a producer's release. A key that is not the card splits a card's history.",
            runbook="alerts.md#streamerdeadlettersurge",
        ),
    ),
)
