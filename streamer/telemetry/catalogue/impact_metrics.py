"""What judged alerts cost and are worth in money."""

from __future__ import annotations

from streamer.telemetry.family import gauge

__all__ = ["ImpactMetrics"]


class ImpactMetrics:
    """Business impact, of `streamer console`"""

    impact_per_day = gauge(
        "reference currency",
        "Money a day by the log of verdicts: what reviews of alerts cost, what frauds that alerted and "
        "that did not were worth, the latter estimated from the sample, what alerts saved, what false "
        "alarms cost beyond reviews, and the net of it. None while currencies have no values.",
        "part",
    )
    impact_best_budget_ratio = gauge(
        "ratio",
        "The alert budget that would be worth most a day by the same log, as a share of payments.",
    )
