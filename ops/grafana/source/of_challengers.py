"""Challengers against the model in use; the row is empty where none runs."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["CHALLENGERS"]

_RUNBOOK: Final = "alerts.md#streamerfeaturedrift"

CHALLENGERS: Final = Row(
    "Challengers",
    (
        Panel(
            title="Alerts of both, and of one alone",
            kind="bargauge",
            unit="none",
            width=6,
            queries=(
                Query(
                    "max by (challenger, alerted_by) (streamer_challenger_alerts{<worker>})",
                    "{{challenger}}: {{alerted_by}}",
                    quiet="no challenger runs",
                ),
            ),
            shows="Payments above the main line, the challenger's, or both, since it was started.",
            normal="as many of one alone as of the other: both keep the same budget.",
            action="`streamer challenger compare` has the figures.",
            runbook=_RUNBOOK,
            decimals=0,
        ),
        Panel(
            title="Frauds, by who had alerted them",
            kind="bargauge",
            unit="none",
            width=6,
            queries=(
                Query(
                    "max by (challenger, alerted_by) (streamer_challenger_frauds{<worker>})",
                    "{{challenger}}: {{alerted_by}}",
                    quiet="no challenger runs",
                ),
            ),
            shows="What verdicts called fraud, each judged payment for as many as it stands for.",
            normal="few verdicts tell little: look at the intervals of `challenger compare`.",
            action="more of the challenger alone: run `streamer gate` on its configuration.",
            runbook=_RUNBOOK,
            decimals=0,
        ),
        Panel(
            title="Scores have moved",
            kind="timeseries",
            unit="none",
            width=6,
            queries=(
                Query(
                    "max by (challenger, line) (streamer_challenger_score_psi{<worker>})",
                    "{{challenger}}: {{line}}",
                    quiet="no challenger runs",
                ),
            ),
            shows="Recent scores against what their version expects, as a stability index.",
            normal="below 0.1.",
            action="above 0.2 of the challenger alone: it forgets too fast, or too slowly.",
            runbook=_RUNBOOK,
            decimals=2,
        ),
        Panel(
            title="Payments compared, and what it costs",
            kind="stat",
            unit="none",
            width=6,
            queries=(
                Query(
                    "max by (challenger) (streamer_challenger_payments{<worker>})",
                    "{{challenger}}: payments",
                    quiet="no challenger runs",
                ),
                Query(
                    "100 * avg by (challenger) (streamer_challenger_cost_ratio{<worker>})",
                    "{{challenger}}: % of the main line's CPU",
                    quiet="no challenger runs",
                ),
            ),
            shows="On how many payments the comparison stands, and a challenger's CPU.",
            normal="about 15%.",
            action="where the CPU is wanted: `streamer challenger stop`.",
            runbook=_RUNBOOK,
            decimals=0,
        ),
    ),
)
