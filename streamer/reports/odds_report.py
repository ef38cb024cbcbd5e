"""What the odds have learned, for a person: are they in use, are they better, on how many verdicts."""

from __future__ import annotations

import math
from typing import Any

from streamer.model import Scorer, trial_precisions

__all__ = ["describe_odds"]


def describe_odds(version: Scorer) -> dict[str, Any]:
    """Return the state of the odds as a JSON object.

    The weights of verdicts are decayed, and each verdict counts for the payments that it stands for.
    """
    sums = version.sums
    legitimate, fraud = sums.verdict_weights.tolist()
    told = {
        "ranks": version.ranks_by_odds,
        "verdicts_learned": sums.verdicts_learned,
        "verdict_weights": {"legitimate": legitimate, "fraud": fraud},
        "average_precision_on_recent_verdicts": trial_precisions(sums),
        "frauds_needed": version.config.odds_min_frauds,
        "threshold_log_odds": version.threshold_log_odds if version.ranks_by_odds else None,
    }
    if version.ranked_by == "expected_loss":
        told |= {
            "threshold_log_odds": None,
            "threshold_expected_loss": math.exp(version.threshold_log_loss),
        }
    return told
