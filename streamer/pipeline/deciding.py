"""Which of a scored batch's payments alert, which the fuse holds back, and which may teach.

The line of a payment is its version's, at the pace that its partition keeps (`pacing`).  What pacing
withholds is no alert, and goes to no topic; but where it is above the version's own line, it teaches
nothing, or a flood would teach the model to take it for usual.

What is on a topic already, from before a crash, is never decided again: an alert stays an alert and
what overflowed stays overflowed, even if the model that the payment meets now would let it pass.

What is held back is an alert in all but its topic: it teaches nothing, and the threshold's feedback
counts it.  The fuse would otherwise hide a flood from the very control that is to end it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.model import ModelConfig, Scored, Scorer, hour_of, may_teach
from streamer.pipeline.fuse import Limit, admit, limit_of
from streamer.pipeline.pacing import alerts_due, paced
from streamer.pipeline.partition_state import PartitionState

__all__ = ["Decision", "decide", "may_be_taught"]


class Decision(NamedTuple):
    """What becomes of n scored payments, each (n,): ``above`` the threshold, of those ``alerted`` the
    ones that reviewers get, and ``is_out`` those that are on a topic already.

    ``rows`` are the places of those above; there is most often none.  ``shares`` are those of recent
    traffic that were to alert when each came.  ``untaught`` are those above either line, the version's
    own or the one at the partition's pace.
    """

    rows: list[int]
    above: Flags
    alerted: Flags
    is_out: Flags
    shares: Floats
    untaught: Flags

    @property
    def overflowed(self) -> Flags:
        """What the fuse holds back."""
        return self.above & ~self.alerted


def decide(
    decoded: Decoded, state: PartitionState, version: Scorer, scored: Scored | None
) -> Decision:
    """Return the decision on a batch; ``scored`` is None while warming, when nothing new alerts.

    ``state`` is IN/OUT: its debt goes on.
    """
    n = len(decoded)
    published = np.zeros(n, dtype=bool)
    overflowed = published.copy()
    if state.has_published:
        offsets = decoded.offsets.tolist()
        published[:] = [offset in state.published for offset in offsets]
        overflowed[:] = [offset in state.overflowed for offset in offsets]
        overflowed &= ~published
    is_out = published | overflowed
    if scored is None:
        rows = np.flatnonzero(is_out).tolist()
        return Decision(rows, is_out, published, is_out, np.zeros(n), is_out)
    above, shares, debt = is_out.copy(), np.empty(n), np.array([state.debt])
    unit = alerts_due(version.asked.target)
    paced(debt, above, shares, scored.scores, scored.asked, scored.due, unit)
    state.debt = debt.item()
    alerted = published.copy()
    candidates = np.flatnonzero(above & ~is_out)
    if len(candidates):
        ranked = candidates[np.argsort(-scored.values[candidates], kind="stable")]
        places = (state.ledger.scored + ranked).tolist()
        counted = _counted(decoded, state, published)
        limits = _limits(decoded, version, ranked)
        alerted[ranked] = admit(counted, places, limits)
    rows, untaught = np.flatnonzero(above).tolist(), above | scored.alerted
    return Decision(rows, above, alerted, is_out, shares, untaught)


def _counted(decoded: Decoded, state: PartitionState, published: Flags) -> list[int]:
    """Return the places of all alerts that are on their topic, before, in and behind the batch.

    Where one behind the batch will have its place is known from its message.  One that says nothing,
    or what cannot be, is taken to be as near as it can be.
    """
    first = state.ledger.scored
    counted = state.recent_alerts + (first + np.flatnonzero(published)).tolist()
    next_place, next_offset = first + len(published), decoded.batch.next_offset
    for offset, place in state.published.items():
        if offset >= next_offset:
            is_possible = place is not None and 0 <= place - next_place <= offset - next_offset
            counted.append(place if place is not None and is_possible else next_place)
    return counted


def _limits(decoded: Decoded, version: Scorer, ranked: NDArray[np.intp]) -> list[Limit]:
    """Return each payment's limit: by the budget, or by what its own hour of the day was to have."""
    if version.config.alerts_per_hour is None:
        return [limit_of(version.config.alert_budget)] * len(ranked)
    by_hour = [limit_of(share) for share in version.asked.hourly_targets.tolist()]
    return [by_hour[hour_of(int(decoded.times_ms[i]))] for i in ranked.tolist()]


def may_be_taught(draws: Floats, history: History, untaught: Flags, model: ModelConfig) -> Flags:
    """Return which transactions may teach: those below the line, no card too often.

    ``draws`` (n,) are what their offsets' hashes say (`uniform_hash`).
    """
    teaching = may_teach(draws, history.card_payments_1d, model.card_daily_lessons)
    return teaching & ~untaught if np.count_nonzero(untaught) else teaching
