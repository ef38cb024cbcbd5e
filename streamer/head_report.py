"""What the head has learned, for a person: is it in use, is it better, on how many labels."""

from __future__ import annotations

from typing import Any

from streamer.model import ModelVersion, trial_precisions

__all__ = ["describe_head"]


def describe_head(version: ModelVersion) -> dict[str, Any]:
    """Return the state of the head as a JSON object.

    The weights of labels are decayed, and each label counts for the payments that it stands for.
    """
    sums = version.sums
    legitimate, fraud = sums.label_weights.tolist()
    return {
        "ranks": version.is_head_active,
        "labels_learned": sums.labels_learned,
        "label_weights": {"legitimate": legitimate, "fraud": fraud},
        "average_precision_on_recent_labels": trial_precisions(sums),
        "frauds_needed": version.config.head_min_frauds,
        "threshold_log_odds": version.threshold_log_odds if version.is_head_active else None,
    }
