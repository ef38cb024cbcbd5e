"""The pace: a budget that no version breaks, whatever it scores, and that no cut of a batch changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.arrays import Flags, Floats, Integers
from streamer.durations import DAY_MS, HOUR_MS
from streamer.evaluation.alert_figures import causal_alerts
from streamer.model import (
    MAIN,
    QUIET,
    RESERVE,
    SAMPLE,
    WHOLE,
    Scorer,
    Split,
    Sums,
    delta_limit,
    learn,
    learn_warming,
    uniform_hash,
)
from streamer.model.histogram import N_BINS, distribution_of, share_below
from streamer.model.model_config import AlertHours
from streamer.pipeline.drawing import sample_probability
from streamer.pipeline.pacing import alerts_due, pace, paced
from streamer.pipeline.told_cards import no_cards
from tests.explaining.helpers import euros, rows, with_odds
from tests.model.helpers import euros as small_euros
from tests.model.helpers import next_version, small_config, two_clouds

# Losses, and what a review costs: nothing.
ALL_WORTH = np.zeros(0), 0.0


def decided(
    scores: Floats, share: float, debt: float = 0.0, is_out: Flags | None = None
) -> tuple[Flags, float]:
    """Return which of ``scores`` alert at a budget, and the debt that is left."""
    found = divided(scores, np.zeros(len(scores)), share, WHOLE, debt=debt, is_out=is_out)
    return found.lanes != QUIET, found.debt


class Divided(NamedTuple):
    """Lanes and weights of payments, and the debt that is left."""

    lanes: Integers
    weights: Floats
    debt: float


def divided(
    scores: Floats,
    distance_ranks: Floats,
    share: float,
    split: Split,
    debt: float = 0.0,
    is_out: Flags | None = None,
    first: int = 0,
) -> Divided:
    """Return what becomes of payments whose offsets begin at ``first``."""
    n = len(scores)
    lanes = np.full(n, QUIET) if is_out is None else np.where(is_out, MAIN, QUIET)
    asked, weights, offsets = np.full(n, share), np.zeros(n), np.arange(first, first + n)
    known = np.empty(n), scores, distance_ranks, offsets, asked, asked
    # Each of a card of its own.
    cards = offsets, np.zeros_like(offsets), no_cards(), *ALL_WORTH
    left = paced(debt, lanes, weights, *known, alerts_due(share), split, *cards)
    return Divided(lanes, weights, left)


def most_in_a_row(alerted: Flags, n: int) -> int:
    before = np.concatenate([[0], np.cumsum(alerted)])
    return int((before[n:] - before[:-n]).max())


def test_the_line_is_the_versions_own_without_a_debt_and_falls_with_it() -> None:
    """25 due in 5,000.  Half of that too many: e^(-0.5 - 20 · 0.125) = e^-3 of what is asked."""
    assert alerts_due(0.005) == 25.0
    assert pace(0.0, 25.0) == 1.0
    assert pace(12.5, 25.0) == pytest.approx(np.exp(-3.0))
    assert pace(-7.5, 25.0) == pytest.approx(np.exp(0.3 + 0.54))
    assert pace(25.0, 25.0) < 1e-8
    assert decided(np.array([0.996, 0.994]), 0.005)[0].tolist() == [True, False]
    assert not decided(np.array([0.996, 0.9999]), 0.005, debt=12.5)[0][0]


def test_a_debt_is_what_alerted_less_what_was_due_and_little_is_saved_up() -> None:
    """Two alerts among 100 payments, 0.5 due; 10,000 quiet ones save three tenths of 25."""
    scores = np.zeros(100)
    scores[[10, 20]] = 0.9999
    alerted, debt = decided(scores, 0.005)
    assert np.flatnonzero(alerted).tolist() == [10, 20]
    assert debt == pytest.approx(1.5)
    assert decided(np.zeros(10_000), 0.005)[1] == pytest.approx(-7.5)


def test_what_is_on_a_topic_from_before_a_crash_counts_where_it_stands() -> None:
    """Twelve out already: the next of rarity 0.4% would alert, and after them does not."""
    scores, is_out = np.full(13, 0.996), np.zeros(13, bool)
    is_out[:12] = True
    assert not decided(scores, 0.005, is_out=is_out)[0][-1]
    assert decided(scores[-1:], 0.005)[0].tolist() == [True]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2_000), max_size=10))
def test_no_cut_of_a_batch_changes_a_decision_or_the_debt(seed: int, cuts: list[int]) -> None:
    scores = 1.0 - np.random.default_rng(seed).exponential(0.02, 2_000)
    whole, debt = decided(scores, 0.01)
    parts, left = [], 0.0
    for first, end in pairwise(sorted({0, 2_000, *cuts})):
        part, left = decided(scores[first:end], 0.01, left)
        parts.append(part)
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert left == debt


def test_the_loop_compiled_and_as_it_is_written_agree() -> None:
    scores = np.random.default_rng(5).random(6_000)
    n, asked = len(scores), np.full(len(scores), 0.01)
    found = []
    others = np.random.default_rng(6).random(n)
    cards, times_ms = np.arange(n) % 7, np.arange(n) * HOUR_MS
    for loop in (paced, paced.py_func):
        lanes, weights, shares = np.full(n, QUIET), np.zeros(n), np.empty(n)
        known, told = (scores, others, np.arange(n), asked, asked), no_cards()
        by_card = 50.0, Split(0.6, 0.2, 0.2), cards, times_ms, told
        debt = loop(0.0, lanes, weights, shares, *known, *by_card, others, 0.1)
        of_all = lanes.tobytes(), weights.tobytes(), shares.tobytes(), told.tobytes()
        found.append((debt, *of_all))
    assert found[0] == found[1]
    assert np.bincount(lanes, minlength=4)[1:].min() > 0


def test_a_payment_alerts_by_what_ranks_first_then_by_the_distance_and_else_only_by_a_draw() -> (
    None
):
    """At 1% with 60% for what ranks and 20% for the distance the lines are 0.6% and 0.2%."""
    scores, others = np.array([0.995, 0.5, 0.995, 0.5]), np.array([0.5, 0.999, 0.999, 0.997])
    lanes = divided(scores, others, 0.01, Split(0.6, 0.2, 0.2)).lanes
    assert lanes.tolist() == [MAIN, RESERVE, MAIN, QUIET]


def test_all_lanes_together_keep_the_budget() -> None:
    rng = np.random.default_rng(7)
    lanes = divided(rng.random(400_000), rng.random(400_000), 0.01, Split(0.7, 0.1, 0.2)).lanes
    of_lanes = np.bincount(lanes, minlength=4)[1:] / 4_000
    assert of_lanes.sum() == pytest.approx(1.0, abs=0.01)
    assert of_lanes == pytest.approx([0.7, 0.1, 0.2], abs=0.03)
    assert most_in_a_row(lanes != QUIET, 5_000) <= 2 * 50


def test_a_sample_counts_by_its_weights_for_what_is_below_the_line_wherever_that_lies() -> None:
    """A million payments; per tenfold rarity the weights sum to the payments, within 4 deviations."""
    rng = np.random.default_rng(8)
    scores, split = rng.random(1_000_000), Split(0.9, 0.0, 0.1)
    lanes, weights, _ = divided(scores, np.zeros(len(scores)), 0.01, split)
    drawn = np.flatnonzero(lanes == SAMPLE)
    assert not weights[lanes != SAMPLE].any()
    weights = weights[drawn]
    for rarest, commonest in ((0.02, 0.1), (0.1, 1.0)):
        inside = (1.0 - scores >= rarest) & (1.0 - scores < commonest)
        here = inside[drawn]
        deviation = np.sqrt((weights[here] * (weights[here] - 1.0)).sum())
        assert abs(weights[here].sum() - inside.sum()) < 4 * deviation


def test_a_version_that_ranks_all_payments_as_rare_floods_nobody_by_its_sample() -> None:
    """Half of what is asked for is the most that is drawn, and the rest pays for it."""
    scores = 1.0 - np.random.default_rng(9).random(50_000) * 1e-6
    lanes = divided(scores, scores, 0.01, Split(0.8, 0.1, 0.1)).lanes
    assert 0 < (lanes == SAMPLE).sum() <= 0.6 * 0.01 * 50_000
    assert most_in_a_row(lanes != QUIET, 5_000) <= 2 * 50
    assert sample_probability(1e-9, 0.01, 0.1) == 0.005


def test_no_draw_depends_on_the_batch_and_what_was_out_as_a_sample_stays_one() -> None:
    scores = np.random.default_rng(10).random(20_000)
    split, nothing = Split(0.7, 0.0, 0.3), np.zeros(20_000)
    whole = divided(scores, nothing, 0.02, split).lanes
    half, _, debt = divided(scores[:7_000], nothing[:7_000], 0.02, split)
    rest = divided(scores[7_000:], nothing[7_000:], 0.02, split, debt=debt, first=7_000).lanes
    assert np.concatenate([half, rest]).tolist() == whole.tolist()
    lanes, weights = np.array([SAMPLE, MAIN, QUIET]), np.array([400.0, 0.0, 0.0])
    known = np.full(3, 0.5), np.zeros(3), np.arange(3), np.full(3, 0.01), np.full(3, 0.01)
    cards = np.arange(3), np.zeros(3, np.int64), no_cards(), *ALL_WORTH
    left = paced(0.0, lanes, weights, np.empty(3), *known, 50.0, split, *cards)
    assert lanes.tolist() == [SAMPLE, MAIN, QUIET]
    assert weights.tolist() == [400.0, 0.0, 0.0]
    assert left == pytest.approx(2 - 0.03)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.002, 0.005, 0.02]),
    st.lists(st.floats(0.1, 10.0), min_size=1, max_size=6),
)
def test_a_version_that_is_off_by_ten_never_gives_twice_the_budget(
    seed: int, budget: float, factors: list[float]
) -> None:
    """20,000 payments each of versions that put a tenth to ten times as many above any line."""
    rng = np.random.default_rng(seed)
    scores = np.concatenate([1.0 - rng.random(20_000) / factor for factor in factors])
    alerted, _ = decided(scores, budget)
    assert most_in_a_row(alerted, 5_000) <= 2 * budget * 5_000
    if len(factors) > 2:
        assert most_in_a_row(alerted, 50_000) <= 1.15 * budget * 50_000


def test_scores_that_all_move_by_five_do_not_flood_anybody() -> None:
    """The version's odds rise by 5 in log-odds under its payments: above its line are now most, and
    over any 5,000 twice the budget of 2% alerts at most, without a fuse."""
    version = with_odds()
    assert version.odds is not None
    beta = version.odds.coefficients.copy()
    beta[0] += 5.0
    moved = replace(version, odds=version.odds._replace(coefficients=beta))
    X, V = rows(version, 10_000, seed=4)
    scored = moved.score(X, euros(len(X)), V)
    assert scored.alerted.mean() > 0.5
    alerted, _ = decided(scored.scores, 0.02)
    assert 100 <= most_in_a_row(alerted, 5_000) <= 200
    # The rarest of them are what alerts: by the tail, for no recent payment was as high.
    assert np.median(scored.log_odds[alerted]) > np.quantile(scored.log_odds, 0.9)


def achieved(drift: float, seed: int) -> tuple[float, float]:
    """Return alerts as a multiple of the budget: from 6,000 to 100,000 payments, and to 400,000.

    All distances grow by the factor e^drift per 100,000 payments.  Versions are made as often as a
    worker makes them, with the half-lives of the defaults and a budget of 0.5 %.
    """
    config = small_config(
        half_life=200_000, score_half_life=20_000, warmup=5_000, alert_budget=0.005, n_clusters=4
    )
    rng = np.random.default_rng(seed)
    version = Scorer.of("", Sums.zero(config), config)
    debt, alerted = 0.0, np.zeros(0, bool)
    while len(alerted) < 400_000:
        first, n = len(alerted), delta_limit(version.sums.transactions_seen, 20_000)
        growth = np.exp(drift * (first + np.arange(n)) / 100_000)
        X, delta, above = two_clouds(rng, n) * growth[:, None], Sums.zero(config), np.zeros(n, bool)
        if version.is_warming:
            learn_warming(delta, X, small_euros(X))
        else:
            scored = version.score(X, small_euros(X))
            above, debt = decided(scored.scores, 0.005, debt)
            draws = uniform_hash(np.arange(first, first + n))
            learn(delta, scored, ~above, above, X[:, 0], small_euros(X), None, draws)
        version = next_version(version, delta)
        alerted = np.append(alerted, above)
    return alerted[6_000:100_000].mean() / 0.005, alerted[100_000:].mean() / 0.005


@pytest.mark.parametrize("drift", [0.0, 0.2, -0.2])
def test_the_alert_budget_is_held_within_a_twentieth(drift: float) -> None:
    """Stationary, and with distances that grow or shrink by a fifth per 100,000 payments."""
    young, old = achieved(drift, seed=0)
    assert young == pytest.approx(1.0, abs=0.05)
    assert old == pytest.approx(1.0, abs=0.05)


def test_there_is_always_a_rarer_one() -> None:
    """A thousand recent payments in one bin: what lies ten octaves beyond is a thousandth as rare."""
    histogram = np.zeros(N_BINS)
    histogram[256] = 1_000.0
    below = distribution_of(histogram, 0.01)
    rarities = [1.0 - share_below(below, 256.0 + place) for place in (1.0, 33.0, 65.0)]
    assert rarities[0] > 100 * rarities[1] > 10_000 * rarities[2] > 0


@dataclass
class Nights:
    """A stream in which 85% of the frauds come from 22 to 4 o'clock, and what alerted of it."""

    times_ms: Integers
    frauds: Flags
    scores: Floats
    alerted: Flags

    @classmethod
    def of(cls, alert_hours: AlertHours) -> Nights:
        """Return sixty days of 4,000 payments each; frauds are four in 1,000, and some are far out."""
        config = small_config(
            half_life=200_000,
            score_half_life=20_000,
            warmup=5_000,
            alert_budget=0.005,
            alert_hours=alert_hours,
        )
        rng, n = np.random.default_rng(1), 60 * 4_000
        hours = np.arange(n) // 166 % 24
        is_night = (hours >= 22) | (hours < 4)
        frauds = rng.random(n) < np.where(is_night, 0.004 * 0.85 * 4, 0.004 * 0.15 * 4 / 3)
        X = two_clouds(rng, n)
        X[frauds, 1] += rng.normal(4.5, 1.0, int(frauds.sum()))
        found = cls(np.arange(n) * (HOUR_MS // 166), frauds, np.zeros(n), np.zeros(n, bool))
        version, debt = Scorer.of("", Sums.zero(config), config), 0.0
        while (first := version.sums.transactions_seen) < n:
            part = slice(first, first + delta_limit(first, 20_000))
            rows, when, delta = X[part], found.times_ms[part], Sums.zero(config)
            if version.is_warming:
                learn_warming(delta, rows, small_euros(rows), when)
            else:
                scored = version.score(rows, small_euros(rows), None, when)
                lanes, weights, shares = np.full(len(rows), QUIET), *np.zeros((2, len(rows)))
                offsets = np.arange(first, first + len(rows))
                known = scored.scores, scored.distance_ranks, offsets, scored.asked, scored.due
                cards = offsets, when, no_cards(), *ALL_WORTH
                debt = paced(debt, lanes, weights, shares, *known, 25.0, WHOLE, *cards)
                draws, above = uniform_hash(offsets), lanes != QUIET
                quiet = ~above
                asked = scored._replace(asked=shares)
                learn(delta, asked, quiet, above, rows[:, 0], small_euros(rows), when, draws)
                found.scores[part], found.alerted[part] = scored.distances_sq, above
            version = next_version(version, delta)
        return found

    def figures(self, alerted: Flags) -> tuple[float, float]:
        """Return precision and recall of the second half."""
        late = slice(len(alerted) // 2, None)
        caught = (alerted & self.frauds)[late].sum()
        return caught / alerted[late].sum(), caught / self.frauds[late].sum()


def test_where_fraud_has_hours_alerts_are_as_good_as_those_of_one_threshold() -> None:
    """Precision and recall within 5% of a causal threshold on the same scores; the same load at every
    hour, where that is wanted, costs frauds of the night."""
    by_risk, equal = Nights.of("risk"), Nights.of("equal")
    days = by_risk.times_ms // DAY_MS
    causal = by_risk.figures(causal_alerts(by_risk.scores, days, 0.005))
    precision, recall = by_risk.figures(by_risk.alerted)
    assert precision > 0.95 * causal[0]
    assert recall > 0.95 * causal[1]
    assert equal.figures(equal.alerted)[1] < 0.9 * recall
    for found in (by_risk, equal):
        late = found.alerted[len(days) // 2 :]
        assert late.mean() == pytest.approx(0.005, rel=0.05)
        assert most_in_a_row(late, 5_000) <= 50
        assert most_in_a_row(late, 50_000) <= 1.15 * 250
