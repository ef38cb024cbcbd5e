"""Which alerts of many are worth a reader's time: few, each of another kind."""

from __future__ import annotations

from collections import Counter
from typing import Final

from streamer.contract.messages import Alert
from streamer.reports.summary import Known

__all__ = ["VariedAlerts"]

# A reader needs about this long for an alert.
_EVERY_S: Final = 2.0
# How many of each lane: by distance, by what verdicts taught, drawn at random.
_MOST: Final = {"distance": 3, "taught": 4, "drawn": 1}


class VariedAlerts:
    """Picks at most eight alerts that differ by lane, first reason, and what the label says.

    In a lane no two have the same first reason or the same fraud pattern, and one at most is a genuine
    payment: they are examples, and no measure of how right alerts are.
    """

    def __init__(self) -> None:
        self.n_seen = 0
        self.n_picked = 0
        self._picked_at: float | None = None
        self._of_lane: Counter[str] = Counter()
        self._kinds: set[tuple[str, str]] = set()

    def picks(self, alert: Alert, known: Known, now_s: float, *, is_time: bool = True) -> bool:
        """Whether to show an alert that came at ``now_s``, of any clock; else it is counted."""
        self.n_seen += 1
        if not is_time:
            return False
        if self._picked_at is not None and now_s - self._picked_at < _EVERY_S:
            return False
        lane = _lane_of(alert)
        # The first reason of one that was drawn is that it was drawn.
        reason = next((each.feature for each in alert.reasons), "none")
        kinds = {(lane, f"reason: {reason}")}
        if known.is_labelled:
            kinds.add((lane, f"label: {known.pattern}"))
        if self._of_lane[lane] >= _MOST[lane] or kinds & self._kinds:
            return False
        self._kinds |= kinds
        self._of_lane[lane] += 1
        self._picked_at = now_s
        self.n_picked += 1
        return True


def _lane_of(alert: Alert) -> str:
    if alert.sampled:
        return "drawn"
    return "distance" if alert.ranked_by == "distance" else "taught"
