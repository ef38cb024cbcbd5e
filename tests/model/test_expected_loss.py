"""Expected losses: probability times amount in one currency, and what of it is worth a review."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCY_INDEX
from streamer.model import MAIN, QUIET, RESERVE, Split, Sums, estimated_currencies, told_at
from streamer.model.budget import asked
from streamer.model.calibration import N_CALIBRATION_BINS, calibrated
from streamer.model.expected_loss import log_loss_of, log_values, rising, told_probabilities
from streamer.model.histogram import N_BINS, distribution_of, loss_position
from streamer.model.thresholds import due_ratios
from streamer.pipeline.pacing import alerts_due, paced
from streamer.pipeline.told_cards import no_cards
from tests.explaining.helpers import EURO, euros, rows, with_losses, with_odds
from tests.model.helpers import small_config

AS_THE_ODDS_SAY = rising(calibrated(np.zeros((2, N_CALIBRATION_BINS))))
YEN = CURRENCY_INDEX["JPY"]


def loss(log_odds: float, amount: float, value: float = 1.0) -> float:
    log_amount = math.log(amount) if amount else math.nan
    return math.exp(log_loss_of(log_odds, log_amount, math.log(value), AS_THE_ODDS_SAY))


def test_three_payments_rank_by_probability_times_amount() -> None:
    """A half of 10, a tenth of 100 and nine tenths of 1; the second in yen, and of nothing."""
    nine = math.log(9.0)
    assert loss(0.0, 10.0) == pytest.approx(5.0)
    assert loss(-nine, 100.0) == pytest.approx(10.0)
    assert loss(nine, 1.0) == pytest.approx(0.9)
    assert loss(-nine, 100.0, value=0.0062) == pytest.approx(0.062)
    assert loss(0.0, 0.0) == pytest.approx(0.5e-3)


@settings(deadline=None)
@given(
    arrays(float, (2, N_CALIBRATION_BINS), elements=st.floats(0.0, 1e6)),
    st.lists(st.floats(-40.0, 40.0), min_size=2, max_size=20),
)
def test_what_is_told_rises_wherever_log_odds_do_compiled_or_not(
    counts: Floats, log_odds: list[float]
) -> None:
    """By a hundredth a unit at least: also where bins are pooled, and beyond the last."""
    told = rising(calibrated(counts))
    ascending = sorted(log_odds)
    found = np.array([told_at(each, told) for each in ascending])
    assert found.tolist() == [told_at.py_func(each, told) for each in ascending]
    assert (np.diff(found) >= 0.01 * np.diff(ascending) - 1e-12).all()
    probabilities = told_probabilities(np.array(ascending), told)
    assert probabilities == pytest.approx(1.0 / (1.0 + np.exp(-found)))


def test_a_currency_without_a_value_has_that_of_what_is_usual_in_it() -> None:
    """The usual 10 of the first are worth 20, so the 1,000 of the second are, a unit 0.02; the third
    has not come yet."""
    config = small_config(n_currencies=3, currency_values=((0, 2.0),))
    sums = Sums.zero(config)
    assert log_values(sums, config) == pytest.approx([math.log(2.0), 0.0, 0.0])
    sums.currency_weights[:2] = 50.0, 4.0
    sums.currency_sums[:2] = 50.0 * math.log(10.0), 4.0 * math.log(1_000.0)
    assert np.exp(log_values(sums, config)) == pytest.approx([2.0, 0.02, 1.0])
    assert estimated_currencies(sums, config) == 1
    unnamed = replace(config, currency_values=())
    assert log_values(sums, unnamed).tolist() == [0.0] * 3
    assert estimated_currencies(sums, unnamed) == 0


def test_a_version_ranks_by_loss_and_asks_for_the_same_share_of_recent_payments() -> None:
    version, n = with_losses(), 4_000
    X, V = rows(version, n, seed=5)
    scored = version.score(X, euros(n), V)
    assert scored.by_loss
    assert version.ranked_by == "expected_loss"
    probabilities = version.probabilities_of(scored.log_odds)
    assert scored.log_losses == pytest.approx(np.log(probabilities) + X[:, 0])
    order = np.argsort(scored.log_losses)
    assert (np.diff(scored.scores[order]) >= 0).all()
    assert scored.alerted.tolist() == (scored.log_losses > version.threshold_log_loss).tolist()
    assert scored.alerted.mean() == pytest.approx(version.asked.share, rel=0.3)
    by_odds = with_odds().score(X, euros(n), V)
    assert scored.log_odds.tobytes() == by_odds.log_odds.tobytes()
    assert scored.odds_ranks.tobytes() == by_odds.odds_ranks.tobytes()
    assert scored.scores.tobytes() != by_odds.scores.tobytes()


def test_where_the_odds_do_not_rank_yet_the_distance_does() -> None:
    quiet, (X, V) = replace(with_losses(), ranks_by_odds=False), rows(with_losses(), 50)
    scored = quiet.score(X, euros(50), V)
    assert (quiet.ranked_by, scored.by_loss) == ("distance", False)
    assert scored.values.tobytes() == scored.distances_sq.tobytes()


def of_losses(*counts: tuple[float, float]) -> Floats:
    histogram = np.zeros(N_BINS)
    for value, weight in counts:
        histogram[int(loss_position(math.log(value)))] += weight
    return distribution_of(histogram)


def test_what_is_due_is_what_is_worth_a_review_and_the_parts_of_reserve_and_sample() -> None:
    """1% of recent payments lose 100, a review costs 10: of 2% asked for 0.8 would be the main lane's,
    and is a half; of 1% all."""
    below = of_losses((1.0, 99.0), (100.0, 1.0))
    ratios = due_ratios(below, math.log(10.0), np.array([0.02, 0.01]), 0.8)
    assert ratios == pytest.approx([0.2 + 0.5, 1.0])
    version = with_losses(review_cost=1e6)
    assert version.due_share == pytest.approx(0.0, abs=1e-6)
    assert with_losses().due_share == with_losses().asked.target


def test_a_spend_buys_so_many_reviews_of_the_payments_of_a_day() -> None:
    """100 payments an hour, 2,400 a day; 50 at 5 each buy 10 reviews, 100 more than the budget has."""
    config = small_config(alert_budget=0.005, review_cost=5.0, review_spend_per_day=50.0)
    sums = Sums.zero(config)
    assert asked(sums, config).target == 0.005
    sums.hour_weights[:], sums.hour_exposures[:] = 700.0, 7.0
    assert asked(sums, config).target == pytest.approx(10 / 2_400)
    assert asked(sums, config).hourly_targets == pytest.approx(np.full(24, 10 / 2_400))
    assert asked(sums, replace(config, review_spend_per_day=100.0)).target == 0.005


def lanes_at(losses: list[float], scores: list[float], distance_ranks: list[float]) -> list[int]:
    n, split = len(losses), Split(0.8, 0.2, 0.0)
    lanes, of_all = np.full(n, QUIET), (np.zeros(n), np.empty(n))
    known = (
        np.array(scores),
        np.array(distance_ranks),
        np.arange(n),
        np.full(n, 0.1),
        np.full(n, 0.1),
    )
    cards = np.arange(n), np.zeros(n, np.int64), no_cards()
    worth = np.log(losses), math.log(10.0)
    paced(0.0, lanes, *of_all, *known, alerts_due(0.1), split, *cards, *worth)
    return lanes.tolist()


def test_below_the_cost_of_its_review_a_payment_has_the_reserve_alone() -> None:
    """Three of rank 0.99 where 0.92 alerts: worth it, not worth it, and far out besides."""
    assert lanes_at([10.1, 9.9, 9.9], [0.99] * 3, [0.0, 0.0, 0.99]) == [MAIN, QUIET, RESERVE]


@pytest.mark.parametrize("equal", [False, True], ids=["any amounts", "all of one amount"])
def test_a_flood_of_losses_gets_no_more_than_twice_the_budget_out(equal: bool) -> None:
    """Payments of e^12 each, or e^9 times as much as in the version's sample."""
    version, n = with_losses(), 20_000
    X, V = rows(version, n, seed=8)
    X[:, 0] = 12.0 if equal else X[:, 0] + 9.0
    scored = version.score(X, euros(n), V)
    assert scored.alerted.mean() > 3 * version.asked.target
    lanes, of_all = np.full(n, QUIET), (np.zeros(n), np.empty(n))
    known = scored.scores, scored.distance_ranks, np.arange(n), scored.asked, scored.due
    cards = np.arange(n), np.zeros(n, np.int64), no_cards()
    unit = alerts_due(version.asked.target)
    paced(0.0, lanes, *of_all, *known, unit, version.split, *cards, np.zeros(0), 0.0)
    before = np.concatenate([[0], np.cumsum(lanes != QUIET)])
    assert (before[5_000:] - before[:-5_000]).max() <= 2 * version.asked.target * 5_000


def test_the_recent_sample_tells_of_a_payment_what_the_payment_did() -> None:
    """Its amount is a feature: rows in two currencies give the losses that they had, to single
    precision."""
    config = replace(with_losses().config, currency_values=((EURO, 1.0), (YEN, 0.0062)))
    version = replace(with_losses(), config=config)
    X, V = rows(version, 40, seed=2)
    currencies = np.where(np.arange(40) % 2, EURO, YEN)
    rounded = X.astype(np.float32).astype(float), V.astype(np.float32).astype(float)
    scored = version.score(X, currencies, V)
    kept = version.score(rounded[0], currencies, rounded[1])
    assert kept.log_losses == pytest.approx(scored.log_losses, abs=1e-4)
