"""What one verdict does to the odds is what a version says that has learned it and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.model import FOUND_OUT, Scorer, Sums, influence_of, learn_verdicts
from streamer.model.influence import move
from tests.model.helpers import functions
from tests.model.test_judged import CONFIG, taught, trained_sums, version_of

VERSION = version_of(taught(500))


def log_odds(version: Scorer, inputs: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the base and each input's part of one payment's log-odds."""
    odds = version.odds
    assert odds is not None
    return odds.base, functions(odds, inputs[None].astype(float))[0]


def after(sums: Sums, inputs: np.ndarray, lessons: list[tuple[float, float]]) -> Scorer:
    """Return the version of ``sums`` and these lessons, on the scale of before."""
    delta = Sums.zero(CONFIG)
    vectors = np.append(inputs, [np.nan, np.nan]).astype(np.float32)[None]
    frauds, weights = np.array(lessons).T
    slots = np.zeros(len(lessons), dtype=np.int64)
    learn_verdicts(delta, version_of(sums), vectors, slots, frauds, weights)
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        getattr(delta, name)[:] = 0.0
    return version_of(sums.merged(delta))


_inputs = st.lists(
    st.one_of(st.just(float("nan")), st.floats(-8, 8, width=32)),
    min_size=CONFIG.n_inputs,
    max_size=CONFIG.n_inputs,
)


@given(
    _inputs,
    st.sampled_from(
        [
            [(1.0, 1.0)],
            [(0.0, 40.0)],
            [(FOUND_OUT, 7.5)],
            [(1.0, 1.0), (0.0, 2.0)],
        ]
    ),
)
def test_the_influence_is_what_a_version_says_that_learned_it_alone(
    values: list[float], lessons: list[tuple[float, float]]
) -> None:
    inputs = np.array(values, dtype=np.float32)
    found = influence_of(VERSION, inputs, lessons)
    assert found is not None
    base, parts = log_odds(VERSION, inputs)
    new_base, new_parts = log_odds(after(VERSION.sums, inputs, lessons), inputs)
    assert found.before == pytest.approx(base + parts.sum(), abs=1e-9)
    assert found.after == pytest.approx(new_base + new_parts.sum(), abs=1e-6)
    np.testing.assert_allclose(found.parts, new_parts - parts, atol=1e-6)


def test_a_verdict_that_overrules_moves_by_the_difference_of_both() -> None:
    """Learned by the same version before, so that taking it back is exact."""
    inputs = np.array([2.5, 0.0, 0.0, 0.0], dtype=np.float32)[: CONFIG.n_inputs]
    told = [(1.0, 30.0)]
    wrong = after(VERSION.sums, inputs, [(0.0, 30.0)])
    found = influence_of(wrong, inputs, [(1.0, 30.0), (0.0, -30.0)])
    plain = influence_of(VERSION, inputs, told)
    assert found is not None
    assert plain is not None
    assert found.after > found.before
    assert found.before < found.after
    assert plain.after > plain.before > found.before


def test_taking_back_what_a_version_has_not_learned_moves_no_further_than_a_lesson_may() -> None:
    """As when a verdict is overruled before the next version, which has no curvature of it."""
    inputs = np.full(CONFIG.n_inputs, 2.0, dtype=np.float32)
    for weight in (1.0, 1e4):
        found = influence_of(VERSION, inputs, [(FOUND_OUT, -weight)])
        assert found is not None
        assert -5.0 - 1e-9 <= found.after - found.before < 0.0
        assert np.isfinite([found.before, found.after]).all()


def test_of_one_input_the_influence_is_worked_out_by_hand() -> None:
    """Base alone known, inverse 0.5, odds 0: p = 1/2, w = max(1/4, 1/10 + 1e-4), slope 2 · 1/2.

    h = 0.5, so the base moves by 0.5 · 1 / (1 + 2 · 0.25 · 0.5) = 0.4.
    """
    odds = VERSION.odds
    assert odds is not None
    flat = odds._replace(coefficients=np.zeros_like(odds.coefficients))
    size, parts = len(odds.coefficients), np.zeros(CONFIG.n_inputs + 1)
    nothing = np.full(CONFIG.n_inputs, np.nan)
    before = move(nothing, flat, np.eye(size) / 2, np.ones(1), np.full(1, 2.0), parts)
    assert before == 0.0
    assert parts.tolist() == pytest.approx([0.4] + [0.0] * CONFIG.n_inputs)


def test_without_odds_and_without_a_lesson_there_is_none() -> None:
    inputs = np.zeros(CONFIG.n_inputs, dtype=np.float32)
    assert influence_of(version_of(trained_sums()), inputs, [(1.0, 1.0)]) is None
    found = influence_of(VERSION, inputs, [])
    assert found is not None
    assert found.after == found.before
    assert not found.parts.any()


def test_coefficients_move_to_those_of_a_version_that_learned_it_alone() -> None:
    """Of the coefficients that the payment meets: those of its inputs' sides, and the base."""
    inputs = np.array([2.5, -1.5, 0.5, 0.0], dtype=np.float32)[: CONFIG.n_inputs]
    found = influence_of(VERSION, inputs, [(1.0, 1.0)])
    assert found is not None
    assert VERSION.odds is not None
    new = after(VERSION.sums, inputs, [(1.0, 1.0)]).odds
    assert new is not None
    gained = new.coefficients - VERSION.odds.coefficients
    np.testing.assert_allclose(found.moves, gained[found.places], atol=1e-6)
    assert found.places[0] == 0
    assert np.abs(found.moves).max() > 1e-3
