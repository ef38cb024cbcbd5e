"""Shares and ratios by hand, what must hold of any, and whether their intervals cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.fairness.shares import (
    Share,
    Sums,
    counted_share,
    design_effect,
    ratio_of,
    weighted_share,
)


def sums(hits: list[int], misses: list[int]) -> Sums:
    """Return so many payments of weight 1 of each card that hit, and that do not, each at a shop of its
    own."""
    cards = np.concatenate([np.repeat(np.arange(len(n)), n) for n in (hits, misses)])
    is_hit = np.arange(len(cards)) < sum(hits)
    return Sums(
        is_hit.astype(float),
        (~is_hit).astype(float),
        (cards, np.arange(len(cards)), np.arange(len(cards))),
    )


def test_cards_that_are_all_or_nothing_are_worth_one_payment_each() -> None:
    """Wilson's interval of one of two: (1.4604 ± 1.9600 · 0.6042) / 2.9207."""
    found = counted_share(sums([2, 0], [0, 2]), 1.0)
    assert (found.value, found.hits, found.of) == (0.5, 2.0, 4.0)
    assert (found.low, found.high) == (
        pytest.approx(0.0945, abs=1e-4),
        pytest.approx(0.9055, abs=1e-4),
    )
    assert design_effect(sums([1, 1, 0, 0], [0, 0, 1, 1])) == 1.0


def test_merchants_widen_a_share_like_cards_and_pairs_are_not_counted_twice() -> None:
    """Two of four hit, all of one shop.  By four cards: (2² · ½² + 2² · ½²) / 1, so worth two; also
    where cards are as the shops, since their pairs are the same again."""
    hits, shops, apart = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]), np.arange(4)
    assert design_effect(Sums(hits, 1 - hits, (apart, shops, apart))) == pytest.approx(2.0)
    assert design_effect(Sums(hits, 1 - hits, (shops, shops, shops))) == pytest.approx(2.0)
    assert design_effect(Sums(hits, 1 - hits, (apart, apart, apart))) == 1.0


def test_a_share_without_a_hit_takes_the_design_effect_of_all_payments() -> None:
    """Wilson's interval of none of n ends at z² / (n + z²): here of ten, and of ten worth five."""
    z_sq = 1.959964**2
    nothing = sums([0] * 10, [1] * 10)
    assert counted_share(nothing, 1.0).high == pytest.approx(z_sq / (10 + z_sq))
    assert counted_share(nothing, 2.0).high == pytest.approx(z_sq / (5 + z_sq))


def test_a_weighted_share_is_put_together_from_the_intervals_of_both_counts() -> None:
    """Ten of either: 4.79 to 18.39 each, so 1 is off by √(ln² 10/4.79 + ln² 1.839) = 0.956.

    Its ends 0.384 and 2.60 make shares of 1 / 3.60 and 1 / 1.384.
    """
    found = weighted_share(sums([1] * 10 + [0] * 10, [0] * 10 + [1] * 10))
    assert found.value == 0.5
    assert (found.low, found.high) == (
        pytest.approx(0.278, abs=2e-3),
        pytest.approx(0.722, abs=2e-3),
    )


def test_ten_payments_of_one_card_say_less_than_ten_of_ten() -> None:
    of_ten = weighted_share(sums([1] * 10 + [0] * 10, [0] * 10 + [1] * 10))
    of_one = weighted_share(sums([10, 0], [0, 10]))
    assert of_one.low < of_ten.low < of_ten.high < of_one.high


def test_a_ratio_over_nothing_has_no_upper_end_and_one_of_nothing_begins_at_nothing() -> None:
    none, some = Share(0.0, 0.0, 0.1, 0, 30), Share(0.2, 0.1, 0.4, 6, 30)
    assert ratio_of(none, some) == (0.0, 0.0, 1.0)
    over_none = ratio_of(some, none)
    assert (over_none.value, over_none.low, over_none.high) == (
        math.inf,
        pytest.approx(1),
        math.inf,
    )
    twice = ratio_of(some, Share(0.1, 0.05, 0.2, 3, 30))
    # ln 2 down and ln 2 up, of both: 2 · exp(∓ √2 · ln 2).
    assert [round(each, 3) for each in twice] == [2.0, 0.75, 5.33]


counts = st.lists(st.integers(0, 5), min_size=4, max_size=4)


@given(counts, counts, counts, counts)
@settings(max_examples=60, deadline=None)
def test_a_share_lies_in_its_interval_and_ratios_turned_round_are_inverses(
    a: list[int], b: list[int], c: list[int], d: list[int]
) -> None:
    one, other = sums([*a, 0, 1], [*b, 1, 0]), sums([*c, 1], [*d, 1])
    for make in (lambda s: counted_share(s, 1.5), weighted_share):
        shares = [make(each) for each in (one, other)]
        for share in shares:
            assert 0.0 <= share.low <= share.value <= share.high <= 1.0
        there, back = ratio_of(*shares), ratio_of(*reversed(shares))
        assert there.low <= there.value <= there.high
        assert there.value * back.value == pytest.approx(1.0)
        if there.low > 0:
            assert there.low * back.high == pytest.approx(1.0)


def test_intervals_of_counted_ratios_cover_the_truth_at_about_their_rate() -> None:
    """Cards differ in how often they pay and alert; group and rest are alike.  400 runs, seed 5."""
    rng = np.random.default_rng(5)

    def drawn(n_cards: int) -> Share:
        n = rng.poisson(rng.gamma(2.0, 10.0, n_cards))
        hits = rng.binomial(n, rng.beta(0.5, 12.0, n_cards))
        return counted_share(sums(hits.tolist(), (n - hits).tolist()), 1.0)

    covered, of_shares, n_runs = 0, 0, 400
    for _ in range(n_runs):
        own, rest = drawn(120), drawn(600)
        ratio = ratio_of(own, rest)
        covered += ratio.low <= 1.0 <= ratio.high
        of_shares += own.low <= 0.04 <= own.high
    assert 0.92 <= covered / n_runs <= 0.98
    assert 0.92 <= of_shares / n_runs <= 0.98


def test_intervals_of_weighted_ratios_cover_the_truth_and_say_so_rather_too_wide() -> None:
    """A share of 0.6 in both: frauds that alert, and those of the sample, which stand for 20 or 60."""
    rng, n_runs = np.random.default_rng(6), 400

    def drawn(frauds: float) -> Share:
        hits = rng.poisson(0.6 * frauds)
        found = [w for w in (20.0, 60.0) for _ in range(rng.poisson(0.2 * frauds / w))]
        n = int(hits) + len(found)
        of_hits, of_misses, apart = np.zeros(n), np.zeros(n), np.arange(n)
        of_hits[:hits], of_misses[hits:] = 1.0, found
        return weighted_share(Sums(of_hits, of_misses, (apart, apart, apart), 1.0, 40.0))

    covered = 0
    for _ in range(n_runs):
        own, rest = drawn(800), drawn(3_000)
        ratio = ratio_of(own, rest)
        covered += ratio.low <= 1.0 <= ratio.high
    assert 0.94 <= covered / n_runs <= 1.0
