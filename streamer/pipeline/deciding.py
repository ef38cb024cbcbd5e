"""Which of a scored batch's payments alert, which the fuse holds back, and which may teach.

The line of a payment is its version's, at the pace that its partition keeps (`pacing`), in one of the
lanes that share the budget.  What pacing withholds is no alert, and goes to no topic; but where it is
above one of the version's own lines, it teaches nothing, or a flood would teach the model to take it
for usual.  What was drawn from below the lines teaches like its neighbours.

What is on a topic already, from before a crash, is never decided again: an alert stays an alert and
what overflowed stays overflowed, even if the model that the payment meets now would let it pass.

The fuse admits the sample first: a draw that nobody judges is missing in the estimate.  One that is
held back all the same is marked on the overflow topic, and counts if it is judged.

What is held back is an alert in all but its topic: it teaches nothing, and the threshold's feedback
counts it.  The fuse would otherwise hide a flood from the very control that is to end it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.model import (
    MAIN,
    QUIET,
    RESERVE,
    SAMPLE,
    ModelConfig,
    Scored,
    Scorer,
    hour_of,
    may_teach,
)
from streamer.pipeline.drawing import sample_draws, sample_weights
from streamer.pipeline.fuse import Limit, admit, limit_of
from streamer.pipeline.pacing import alerts_due, paced
from streamer.pipeline.partition_state import PartitionState

__all__ = ["Decision", "decide", "may_be_taught"]


class Decision(NamedTuple):
    """What becomes of n scored payments, each (n,): ``above`` the threshold, of those ``alerted`` the
    ones that reviewers get, and ``is_out`` those that are on a topic already.

    ``rows`` are the places of those above; there is most often none.  ``shares`` are those of recent
    traffic that were to alert when each came, over all ``lanes`` (`streamer.model.lanes`).
    ``weights`` are how many payments each of the sample stands for, 0 for the others.  ``untaught``
    are those above any line, the version's own or those at the partition's pace.
    """

    rows: list[int]
    above: Flags
    alerted: Flags
    is_out: Flags
    shares: Floats
    untaught: Flags
    lanes: Integers
    weights: Floats

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
    lanes, weights = np.where(is_out, MAIN, QUIET), np.zeros(n)
    if scored is None:
        rows = np.flatnonzero(is_out).tolist()
        return Decision(rows, is_out, published, is_out, np.zeros(n), is_out, lanes, weights)
    for row, weight in _sampled_before(decoded, state).items():
        lanes[row], weights[row] = SAMPLE, weight
    shares = _paced(lanes, decoded, state, version, scored)
    drawn = np.flatnonzero((lanes == SAMPLE) & ~is_out)
    if len(drawn):
        rarities = 1.0 - scored.scores[drawn]
        weights[drawn] = sample_weights(rarities, scored.asked[drawn], version.split.sample)
    above, alerted = lanes != QUIET, published.copy()
    candidates = np.flatnonzero(above & ~is_out)
    if len(candidates):
        ranked = candidates[_order(candidates, lanes, scored, version)]
        places = (state.ledger.scored + ranked).tolist()
        counted = _counted(decoded, state, published)
        limits = _limits(decoded, version, ranked)
        alerted[ranked] = admit(counted, places, limits)
    rows, untaught = np.flatnonzero(above).tolist(), _untaught(lanes, scored, version)
    return Decision(rows, above, alerted, is_out, shares, untaught, lanes, weights)


def _sampled_before(decoded: Decoded, state: PartitionState) -> dict[int, float]:
    """Return the weights, by row, of those that are on a topic already as drawn from below the line."""
    if not state.published_samples:
        return {}
    offsets = enumerate(decoded.offsets.tolist())
    known = state.published_samples
    return {row: known[offset] for row, offset in offsets if offset in known}


def _paced(
    lanes: Integers, decoded: Decoded, state: PartitionState, version: Scorer, scored: Scored
) -> Floats:
    """Divide a batch among ``lanes``, IN/OUT as is the debt of ``state``; return the shares."""
    shares, debt = np.empty(len(lanes)), np.array([state.debt])
    paced(
        debt,
        lanes,
        shares,
        scored.scores,
        scored.distance_ranks,
        sample_draws(decoded.offsets),
        scored.asked,
        scored.due,
        alerts_due(version.asked.target),
        version.split,
    )
    state.debt = debt.item()
    return shares


def _order(
    candidates: NDArray[np.intp], lanes: Integers, scored: Scored, version: Scorer
) -> NDArray[np.intp]:
    """Return the order in which the fuse is asked: the sample, then how far each is above its line."""
    of = lanes[candidates]
    rarities = np.where(of == RESERVE, 1.0 - scored.distance_ranks[candidates], np.nan)
    rarities = np.where(of == MAIN, 1.0 - scored.scores[candidates], rarities)
    line = np.where(of == RESERVE, max(version.split.reserve, 1e-12), version.split.main)
    return np.lexsort((-scored.values[candidates], np.where(of == SAMPLE, -1.0, rarities / line)))


def _untaught(lanes: Integers, scored: Scored, version: Scorer) -> Flags:
    untaught: Flags = ((lanes == MAIN) | (lanes == RESERVE)) | scored.alerted
    if version.split.reserve > 0:
        untaught |= 1.0 - scored.distance_ranks < scored.asked * version.split.reserve
    return untaught


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
