"""Learning from verdicts: commutes, merges, takes one back, and knows when it is worse."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.model import Scorer, Sums, advance, learn_verdicts
from streamer.model.sums import COUNTERS
from tests.model.helpers import functions, small_config, sums_with_centers

CONFIG = small_config(odds_half_life=np.inf, trial_half_life=np.inf)
CENTERS = np.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]])


def version_of(sums: Sums) -> Scorer:
    return Scorer.of("", sums, CONFIG)


def trained_sums() -> Sums:
    """Sums with centers, of which nothing was judged."""
    return sums_with_centers(CONFIG, CENTERS, np.array([900.0, 100.0]), 1.0)


def lessons(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Judged payments whose first input says what they are, somewhere in twice as many rows."""
    inputs = rng.normal(size=(n, CONFIG.n_inputs))
    frauds = (inputs[:, 0] > 1.0).astype(float)
    ranks = np.column_stack([rng.random(n), np.where(frauds > 0, 0.99, rng.random(n) * 0.9)])
    slots = rng.permutation(2 * n)[:n]
    vectors = np.full((2 * n, CONFIG.n_inputs + 2), np.nan, dtype=np.float32)
    vectors[slots] = np.column_stack([inputs, ranks])
    return {"vectors": vectors, "slots": slots, "frauds": frauds, "weights": np.ones(n)}


def only(part: Any, every: dict[str, Any]) -> dict[str, Any]:
    """Return some of those judged payments."""
    rest = {name: every[name][part] for name in ("slots", "frauds", "weights")}
    return {"vectors": every["vectors"], **rest}


def taught(n: int = 2_000, seed: int = 0) -> Sums:
    """Sums that have learned ``n`` verdicts in ten merges."""
    rng, sums = np.random.default_rng(seed), trained_sums()
    for _ in range(10):
        delta = Sums.zero(CONFIG)
        learn_verdicts(delta, version_of(sums), **lessons(rng, n // 10))
        sums = sums.decayed(1.0, 1.0).merged(delta)
    return sums


def assert_same(one: Sums, other: Sums) -> None:
    for field in fields(Sums):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in COUNTERS:
            assert mine == theirs, field.name
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=field.name)


def test_the_odds_learn_what_verdicts_say() -> None:
    odds = version_of(taught()).odds
    assert odds is not None
    inputs = np.zeros((3, CONFIG.n_inputs))
    inputs[:, 0] = -1.0, 1.2, 2.5
    log_odds = odds.base + functions(odds, inputs).sum(axis=1)
    assert log_odds[0] < -3 < log_odds[1] < log_odds[2]
    assert log_odds[2] > 1


@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_labels_does_not_matter(seed: int, random: Any) -> None:
    every = lessons(np.random.default_rng(seed), 30)
    order = list(range(30))
    random.shuffle(order)
    version = version_of(taught(500))
    one, other = Sums.zero(CONFIG), Sums.zero(CONFIG)
    learn_verdicts(one, version, **every)
    for part in np.array_split(np.array(order), 4):
        learn_verdicts(other, version, **only(part, every))
    assert_same(one, other)


def test_a_label_that_is_overruled_leaves_what_the_right_one_would_have() -> None:
    every = lessons(np.random.default_rng(3), 40)
    version = version_of(taught(500))
    right, mended = Sums.zero(CONFIG), Sums.zero(CONFIG)
    learn_verdicts(right, version, **every)
    wrong = every | {"frauds": 1.0 - every["frauds"]}
    learn_verdicts(mended, version, **wrong)
    learn_verdicts(mended, version, **every)
    learn_verdicts(mended, version, **(wrong | {"weights": -every["weights"]}))
    assert_same(mended, right)
    assert mended.verdicts_learned == right.verdicts_learned == 40


def test_the_first_labels_only_say_on_which_scale_the_inputs_lie() -> None:
    delta = Sums.zero(CONFIG)
    every = lessons(np.random.default_rng(4), 100)
    learn_verdicts(delta, version_of(trained_sums()), **every)
    assert not delta.odds_gram.any()
    odds = version_of(trained_sums().merged(delta)).odds
    assert odds is not None
    inputs = every["vectors"][every["slots"], :-2].astype(float)
    np.testing.assert_allclose(odds.means, inputs.mean(axis=0))


def test_what_is_unknown_of_a_payment_does_not_enter_the_scale() -> None:
    every = lessons(np.random.default_rng(5), 4)
    every["vectors"][every["slots"], 0] = 1.0, np.nan, 3.0, np.nan
    delta = Sums.zero(CONFIG)
    learn_verdicts(delta, version_of(trained_sums()), **every)
    assert delta.input_weights[0] == 2
    assert delta.input_sums[0] == 4


@pytest.mark.parametrize(("odds_are_better", "n_frauds", "active"), [
    (True, 30, True), (True, 20, False), (False, 30, False),
])  # fmt: skip
def test_the_odds_rank_only_where_enough_frauds_are_known_and_they_are_not_far_worse(
    odds_are_better: bool, n_frauds: int, active: bool
) -> None:
    sums = taught(500)
    sums.trial[:] = 0.0
    for detector, is_good in enumerate((not odds_are_better, odds_are_better)):
        sums.trial[detector, 0, 10] = 1_000.0
        sums.trial[detector, 1, 40 if is_good else 10] = n_frauds
    assert version_of(sums).ranks_by_odds is active


@pytest.mark.parametrize(("n_caught", "active"), [(60, True), (40, False)])
def test_the_odds_rank_unless_clearly_worse_than_the_distance(n_caught: int, active: bool) -> None:
    """The distance has all 200 frauds on top, precision 1; the odds 0.3 or 0.2 of them, and the rest
    among 100,000 others, which adds 0.002 at most."""
    sums = taught(500)
    sums.trial[:] = 0.0
    sums.trial[:, 0, 10] = 100_000.0
    sums.trial[0, 1, 40] = 200.0
    sums.trial[1, 1, 40], sums.trial[1, 1, 10] = n_caught, 200.0 - n_caught
    assert version_of(sums).ranks_by_odds is active


def test_labels_decay_by_their_own_number_and_not_by_traffic() -> None:
    config = small_config(odds_half_life=100, trial_half_life=50, half_life=10, score_half_life=10)
    sums = taught(500)
    sums.transactions_seen = 10_000
    delta = Sums.zero(config)
    delta.transactions_seen = 1_000
    assert advance(sums, delta, config).verdict_weights.tolist() == sums.verdict_weights.tolist()
    delta.verdicts_learned = 100
    after = advance(sums, delta, config)
    np.testing.assert_allclose(after.verdict_weights, sums.verdict_weights / 2)
    np.testing.assert_allclose(after.odds_gram, sums.odds_gram / 2)
    np.testing.assert_allclose(after.trial, sums.trial / 4)
