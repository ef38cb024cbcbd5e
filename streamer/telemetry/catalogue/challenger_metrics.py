"""Challengers against the main line, as all workers together have counted by the last checkpoint."""

from __future__ import annotations

from streamer.telemetry.family import gauge

__all__ = ["ChallengerMetrics"]


class ChallengerMetrics:
    """Challengers"""

    challenger_payments = gauge(
        "payments",
        "Payments that a challenger and the main line have both scored since it was started, over all "
        "workers.",
        "challenger",
    )
    challenger_alerts = gauge(
        "alerts",
        "Of these, payments above a line, by whose; a challenger's are not published.",
        *("challenger", "alerted_by"),
    )
    challenger_frauds = gauge(
        "frauds",
        "Payments that verdicts called fraud, by who had alerted them: a judged payment of the sample "
        "counts for as many as it stands for, any other for one.",
        *("challenger", "alerted_by"),
    )
    challenger_score_psi = gauge(
        "index",
        "Population stability index of recent scores against what their version expects, of the "
        "challenger and of the main line: how far scores have moved.",
        *("challenger", "line"),
    )
    challenger_cost_ratio = gauge(
        "ratio",
        "CPU time of a challenger over that of the main line, on the same payments.",
        "challenger",
    )
