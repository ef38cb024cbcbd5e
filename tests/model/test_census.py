"""Recall from verdicts on alerts and on a sample below: right on average, and its interval holds."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.arrays import Floats
from streamer.model import (
    MAIN,
    RESERVE,
    SAMPLE,
    Census,
    Sums,
    advance,
    census_of,
    count_judged,
    estimate,
    lanes_of,
    split_of,
    stake_of,
)
from streamer.model.census import weighted_interval, wilson
from streamer.pipeline.drawing import sample_probability
from tests.model.helpers import small_config
from tests.model.test_judged import trained_sums

CONFIG = small_config()
ASKED, SHARE = 0.005, 0.1


class Missed:
    """``n`` frauds below the line at rarities, of as many payments as have them at 0.4%."""

    def __init__(self, rarities: Floats) -> None:
        self.n = len(rarities)
        chosen = [sample_probability(rarity, ASKED, SHARE) for rarity in rarities.tolist()]
        self.weights = 1.0 / np.array(chosen)
        self._n_payments = self.n / 0.004

    def sampled(self, rng: np.random.Generator) -> Census:
        """Return what verdicts count: on as many alerts that are frauds, and on the sample."""
        weights = self.weights[rng.random(self.n) * self.weights < 1]
        drawn = self._n_payments * ASKED * SHARE
        counts = np.array(
            [[self.n, self.n], [drawn, len(weights)], [self._n_payments, weights.sum()]]
        )
        return Census(counts.astype(float), float((weights**2).sum()))


def rarities(where: str, n: int, rng: np.random.Generator) -> Floats:
    if where == "as many in each decade":
        return np.exp(rng.uniform(np.log(ASKED), 0, n))
    if where == "anywhere":
        return rng.uniform(ASKED, 1, n)
    return np.minimum(ASKED * np.exp(rng.exponential(1, n)), 1)


@pytest.mark.parametrize("where", ["as many in each decade", "anywhere", "near the line"])
@pytest.mark.parametrize("n", [800, 8_000, 40_000])
def test_intervals_of_recall_cover_the_truth_in_nine_of_ten_runs_and_are_no_wider_than_need_be(
    where: str, n: int
) -> None:
    """Half of the frauds alert; 200,000, two and ten million payments, a tenth of the budget sampled.

    Against the binomial interval (Wilson) of as many frauds as the sample found.
    """
    rng = np.random.default_rng(n)
    missed = Missed(rarities(where, n, rng))
    n_covered, widths, binomials, totals = 0, [], [], []
    for _ in range(100):
        census = missed.sampled(rng)
        told, found = estimate(census), census.counts[1, 1]
        assert told.recall_interval is not None
        low, high = told.recall_interval
        truth = (missed.n + found) / (2 * missed.n)
        n_covered += low <= truth <= high
        widths.append(high - low)
        low, high = wilson(truth * found, found) if found else (0.0, 1.0)
        binomials.append(high - low)
        totals.append(told.missed)
    assert n_covered >= 90
    assert np.mean(widths) <= 1.5 * np.mean(binomials)
    error = np.sqrt((missed.weights - 1).sum() / 100)
    assert abs(np.mean(totals) - missed.n) < 4 * error


def test_a_sample_that_found_nothing_bounds_what_is_missed() -> None:
    """Of 100 drawn, each for 2,000: at most 3.7 times that is missed, so of 100 1.3% at least."""
    told = estimate(Census(np.array([[20.0, 100.0], [100.0, 0.0], [200_000.0, 0.0]]), 0.0))
    assert (told.recall, told.missed, told.precision) == (1.0, 0.0, pytest.approx(100 / 120))
    assert told.recall_interval == pytest.approx((100 / (100 + 7_336), 1.0), rel=1e-3)


def test_nothing_is_said_of_recall_without_a_sample_or_of_precision_without_alerts() -> None:
    told = estimate(Census(np.array([[5.0, 5.0], [0.0, 0.0], [0.0, 0.0]]), 0.0))
    assert (told.recall, told.recall_interval) == (None, None)
    assert told.precision_interval == wilson(5, 10)
    nothing = estimate(Census(np.zeros((3, 2)), 0.0))
    assert (nothing.recall, nothing.precision) == (None, None)


def test_equal_weights_have_the_interval_of_a_poisson_count() -> None:
    """10 counted once each: 4.80 to 18.39 (Garwood, 1936), here by Wilson and Hilferty."""
    assert weighted_interval(10.0, 10.0, 1.0) == pytest.approx((4.80, 18.39), abs=0.02)
    assert weighted_interval(0.0, 0.0, 1.0) == pytest.approx((0.0, 3.69), abs=0.03)


def test_a_verdict_counts_in_its_lane_and_is_taken_back_whole() -> None:
    lanes = np.array([MAIN, RESERVE, SAMPLE, SAMPLE])
    stakes = np.array(list(map(stake_of, lanes.tolist(), [0.0, 0.0, 400.0, 1_000.0])))
    assert lanes_of(stakes).tolist() == lanes.tolist()
    frauds, delta = np.array([1.0, 0.0, 1.0, 0.0]), Sums.zero(CONFIG)
    count_judged(delta, stakes, frauds, np.ones(4))
    assert delta.lane_verdicts.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert delta.census.tolist() == [[1, 1], [1, 1], [1_000, 400]]
    assert delta.census_sq == 160_000
    count_judged(delta, stakes, frauds, -np.ones(4))
    assert not delta.lane_verdicts.any()
    assert not delta.census.any()
    assert delta.census_sq == 0


def test_counts_decay_with_the_alerts_that_are_judged_and_squares_by_the_square() -> None:
    head = trained_sums().merged(Sums.zero(CONFIG))
    count_judged(head, np.array([1.0, 400.0]), np.ones(2), np.ones(2))
    delta = Sums.zero(CONFIG)
    n = 1_000
    count_judged(delta, np.ones(n), np.zeros(n), np.ones(n))
    later = advance(head, delta, CONFIG)
    kept = 0.5 ** (n / CONFIG.census_half_life)
    assert later.lane_verdicts[0].tolist() == pytest.approx([n, 0.5])
    assert later.census[0].tolist() == pytest.approx([n, kept])
    assert later.census_sq == pytest.approx(400**2 * kept**2)


def judged(main: tuple[int, int], reserve: tuple[int, int]) -> Sums:
    """Return sums with so many legitimate and fraudulent alerts judged in each lane."""
    sums = Sums.zero(CONFIG)
    sums.lane_verdicts[:2] = main, reserve
    return sums


def test_the_reserve_follows_what_it_yields_between_its_bounds() -> None:
    """It begins with a tenth; a quarter of the main lane's precision is as expected, and keeps it."""
    config = small_config(reserve_share=0.1, sample_share=0.1)

    def reserve(sums: Sums) -> float:
        split = split_of(sums, config, by_odds=True)
        assert split.main + split.sample + split.reserve / 4 == pytest.approx(1.0)
        return split.reserve

    assert reserve(judged((0, 0), (0, 0))) == pytest.approx(0.1)
    assert reserve(judged((20, 80), (80, 20))) == pytest.approx(0.1, rel=0.02)
    assert 0.05 < reserve(judged((20, 80), (10, 0))) < 0.1
    assert reserve(judged((20, 80), (1_000, 0))) == pytest.approx(0.02)
    assert reserve(judged((80, 20), (0, 1_000))) == pytest.approx(0.3)


def test_there_is_no_reserve_while_the_distance_ranks_or_where_it_is_switched_off() -> None:
    sums = judged((20, 80), (10, 10))
    on, off = small_config(reserve_share=0.1, sample_share=0.2), small_config()
    assert split_of(sums, on, by_odds=False) == pytest.approx((0.8, 0.0, 0.2))
    assert split_of(sums, off, by_odds=True) == (1.0, 0.0, 0.0)


def test_what_verdicts_count_is_the_same_in_whatever_order_they_come() -> None:
    rng = np.random.default_rng(3)
    stakes, frauds = rng.choice([1.0, -1.0, 400.0], 50), (rng.random(50) < 0.3).astype(float)
    whole = census_of(stakes, frauds, np.ones(50))
    order = rng.permutation(50)
    again = census_of(stakes[order], frauds[order], np.ones(50))
    assert whole.counts.tolist() == again.counts.tolist()
