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

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.compiled import compiled
from streamer.intake.decoding import Decoded
from streamer.model import (
    MAIN,
    QUIET,
    RESERVE,
    SAMPLE,
    Scored,
    Scorer,
    Split,
    hour_of,
    may_teach,
    stake_of,
)
from streamer.pipeline.budgets import counting, followed
from streamer.pipeline.drawing import fill_draws
from streamer.pipeline.fuse import Limit, admit, limit_of
from streamer.pipeline.pacing import alerts_due, paced
from streamer.pipeline.partition_state import PartitionState
from streamer.pipeline.waves import join_waves
from streamer.verdicts import N_BESIDE

__all__ = ["Decision", "decide"]


_NO_WAVES: Final = np.zeros((0, 4), np.int64)


class Decision(NamedTuple):
    """What becomes of n scored payments, each (n,): ``above`` the threshold, of those ``alerted`` the
    ones that reviewers get, and ``is_out`` those that are on a topic already.

    ``rows`` are the places of those above; there is most often none.  ``shares`` are those of recent
    traffic that were to alert when each came, over all ``lanes`` (`streamer.model.lanes`).
    ``weights`` are how many payments each of the sample stands for, 0 for the others.  ``teaching``
    are those that may teach: none above any line, the version's own or those at the partition's pace,
    and no card too often.  ``draws`` decide what waits for a verdict, ``recent_draws`` what is kept as
    recent; ``beside`` (n, 3) is what waits with a payment (`streamer.verdicts.Waiting`).  ``waves``
    (m, 4) are those of ``rows`` (`streamer.pipeline.waves`).
    """

    rows: list[int]
    above: Flags
    alerted: Flags
    is_out: Flags
    shares: Floats
    lanes: Integers
    weights: Floats
    teaching: Flags
    draws: Floats
    recent_draws: Floats
    beside: Floats
    waves: Integers = _NO_WAVES

    @property
    def overflowed(self) -> Flags:
        """What the fuse holds back."""
        return self.above & ~self.alerted


def decide(
    decoded: Decoded,
    state: PartitionState,
    version: Scorer,
    scored: Scored | None,
    card_payments_1d: Floats,
) -> Decision:
    """Return the decision on a batch; ``scored`` is None while warming, when nothing new alerts.

    ``state`` is IN/OUT: its budgets and debt go on, which cards the reserve told of, and its waves.
    ``card_payments_1d`` (n,) as in `History`.
    """
    decision = _decided(decoded, state, version, scored, card_payments_1d)
    if not decision.rows:
        return decision
    columns, rows = decoded.columns, np.array(decision.rows, np.int64)
    waves, lanes = np.empty((len(rows), 4), np.int64), decision.lanes
    known = rows, lanes, columns.cards, columns.merchants, columns.times_ms
    join_waves(state.waves, *known, waves)
    return decision._replace(waves=waves)


def _decided(
    decoded: Decoded,
    state: PartitionState,
    version: Scorer,
    scored: Scored | None,
    card_payments_1d: Floats,
) -> Decision:
    """Return what `decide` does, but for the waves."""
    n = len(decoded)
    published, is_out, lanes, weights = _before(decoded, state)
    if scored is None:
        return _warming(published, is_out)
    shares, draws, recent_draws = np.empty(n), np.empty(n), np.empty(n)
    above, teaching = np.empty(n, np.bool_), np.empty(n, np.bool_)
    beside = np.empty((n, N_BESIDE))
    split, place = version.split, state.ledger.scored
    state.budgets, state.debt = followed(state.budgets, state.debt, place, version)
    state.debt, n_above = decide_rows(
        state.debt,
        decoded.offsets,
        scored.scores,
        scored.distance_ranks,
        scored.odds_ranks,
        scored.asked,
        scored.due,
        scored.alerted,
        card_payments_1d,
        alerts_due(version.asked.target),
        split.main,
        split.reserve,
        split.sample,
        version.config.card_daily_lessons,
        decoded.columns.cards,
        decoded.times_ms,
        state.told,
        scored.log_losses,
        version.lines.least_log_loss,
        lanes,
        weights,
        shares,
        draws,
        recent_draws,
        above,
        teaching,
        beside,
    )
    known = shares, lanes, weights, teaching, draws, recent_draws, beside
    if not n_above:
        return Decision([], above, published, is_out, *known)
    alerted, candidates = published.copy(), np.flatnonzero(above & ~is_out)
    if len(candidates):
        ranked = candidates[_order(candidates, lanes, scored, version)]
        places = (place + ranked).tolist()
        counted = _counted(decoded, state, published)
        limits = _limits(decoded, version, ranked)
        alerted[ranked] = admit(counted, places, limits, counting(state.budgets, counted))
    return Decision(np.flatnonzero(above).tolist(), above, alerted, is_out, *known)


def _warming(published: Flags, is_out: Flags) -> Decision:
    """Return the decision where nothing has a score: what is on a topic already, and no more."""
    rows, none = np.flatnonzero(is_out).tolist(), np.zeros(len(is_out))
    lanes, beside = np.where(is_out, MAIN, QUIET), np.full((len(is_out), N_BESIDE), np.nan)
    known = none, lanes, np.zeros(len(is_out)), ~is_out, none, none, beside
    return Decision(rows, is_out, published, is_out, *known)


def _before(decoded: Decoded, state: PartitionState) -> tuple[Flags, Flags, Integers, Floats]:
    """Return what is on the topic of alerts already, what is on any, and those payments' lanes and
    weights, each (n,)."""
    n = len(decoded)
    published, lanes, weights = np.zeros(n, np.bool_), np.zeros(n, np.int64), np.zeros(n)
    if not state.has_published:
        return published, published, lanes, weights
    overflowed = published.copy()
    for row, offset in enumerate(decoded.offsets.tolist()):
        published[row] = offset in state.published
        overflowed[row] = offset in state.overflowed and not published[row]
        if published[row] or overflowed[row]:
            lanes[row] = MAIN
        if offset in state.published_samples:
            lanes[row], weights[row] = SAMPLE, state.published_samples[offset]
    return published, published | overflowed, lanes, weights


@compiled
def decide_rows(
    debt: float,
    offsets: Integers,
    scores: Floats,
    distance_ranks: Floats,
    odds_ranks: Floats,
    asked: Floats,
    due: Floats,
    above_threshold: Flags,
    card_payments_1d: Floats,
    unit: float,
    main: float,
    reserve: float,
    sample: float,
    daily_lessons: float,
    cards: Integers,
    times_ms: Integers,
    told: Integers,
    losses: Floats,
    least: float,
    lanes: Integers,
    weights: Floats,
    shares: Floats,
    draws: Floats,
    recent_draws: Floats,
    above: Flags,
    teaching: Flags,
    beside: Floats,
) -> tuple[float, int]:
    """Decide on n payments, and return the debt behind them and how many are above a line.

    ``told``, ``lanes`` and ``weights`` are IN/OUT as for `paced`, what follows them is OUT, and all of
    it as in `Decision`; the rest as for `paced` and `may_teach`.  ``odds_ranks`` are (0,) without odds.
    """
    fill_draws(offsets, draws, recent_draws)
    split = Split(main, reserve, sample)
    known = scores, distance_ranks, offsets, asked, due
    of_cards, of_losses = (cards, times_ms, told), (losses, least)
    debt = paced(debt, lanes, weights, shares, *known, unit, split, *of_cards, *of_losses)
    may = may_teach(draws, card_payments_1d, daily_lessons)
    n_above = 0
    for i in range(len(offsets)):
        above[i] = lanes[i] != QUIET
        n_above += int(above[i])
        untaught = lanes[i] == MAIN or lanes[i] == RESERVE or above_threshold[i]
        # Also of a card that the reserve has told of, which is in no lane.
        if 1.0 - distance_ranks[i] < max(asked[i], shares[i]) * reserve:
            untaught = True
        teaching[i] = may[i] and not untaught
        beside[i, 0] = distance_ranks[i]
        beside[i, 1] = odds_ranks[i] if len(odds_ranks) > 0 else math.nan
        beside[i, 2] = stake_of(lanes[i], weights[i])
    return debt, n_above


def _order(
    candidates: NDArray[np.intp], lanes: Integers, scored: Scored, version: Scorer
) -> NDArray[np.intp]:
    """Return the order in which the fuse is asked: the sample, then how far each is above its line."""
    of = lanes[candidates]
    rarities = np.where(of == RESERVE, 1.0 - scored.distance_ranks[candidates], np.nan)
    rarities = np.where(of == MAIN, 1.0 - scored.scores[candidates], rarities)
    line = np.where(of == RESERVE, max(version.split.reserve, 1e-12), version.split.main)
    return np.lexsort((-scored.values[candidates], np.where(of == SAMPLE, -1.0, rarities / line)))


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
    config = version.config
    if config.alerts_per_hour is None and not config.review_spend_per_day:
        return [limit_of(config.alert_budget)] * len(ranked)
    by_hour = [limit_of(share) for share in version.asked.hourly_targets.tolist()]
    return [by_hour[hour_of(int(decoded.times_ms[i]))] for i in ranked.tolist()]
