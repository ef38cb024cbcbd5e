"""How much worse than what it replaced a version may be before workers go back by themselves."""

from __future__ import annotations

import msgspec

__all__ = ["WatchLimits"]


class WatchLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits, as the table ``[watch]`` of a gate's policy says them; the default is as here.

    They travel with the promotion, so that all workers go by the same.
    """

    minutes: float = 30.0
    """For so long a promotion is watched."""
    min_payments: int = 500
    """Nothing but a score that is no number counts before there are so many."""
    max_latency_ratio: float = 5.0
    """Processing time of a payment, over that of before."""
    max_error_rise: float = 0.05
    """Share of dead letters, above that of before."""
    max_budget_ratio: float = 2.0
    """Alerts and what the fuse held back, over what was due; four standard errors more are chance."""
    max_overflow_ratio: float = 0.25
    """What the fuse held back, over what was due; four standard errors more are chance."""
    min_verdicts: int = 50
    """Precision is not compared before there are so many verdicts on alerts."""
    max_precision_drop: float = 0.3
    """Share of frauds among judged alerts, below that of before."""
    max_score_shift: float = 0.5
    """Mean ln distance, off that of before: 0.5 is a factor of 1.6."""
