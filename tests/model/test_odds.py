"""The odds: additive, nothing at the mean, and the coefficients of a penalised logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from streamer.arrays import Floats
from streamer.model import odds
from streamer.model.histogram import N_BINS, distribution_of, share_below
from streamer.model.odds import (
    ABOVE,
    BELOW,
    N_STEPS,
    LogOdds,
    add_irls,
    basis_size,
    coefficients,
    fill_basis,
    gram_size,
    log_odds_of,
    odds_position,
)
from streamer.model.thresholds import odds_at
from tests.model.helpers import functions

STEPS = np.array([1.75, 2.5, 4.0])


def standard_odds(beta: Floats) -> LogOdds:
    """Return odds whose inputs are on their scale already."""
    n_inputs = (len(beta) - 1 - N_STEPS) // (len(BELOW) + len(ABOVE))
    return LogOdds(np.zeros(n_inputs), np.ones(n_inputs), STEPS, beta)


def basis(z: Floats) -> Floats:
    """Return the basis of standardised inputs, shape (n, basis_size)."""
    B = np.zeros((len(z), basis_size(z.shape[1])))
    for i in range(len(z)):
        places, values = np.zeros(B.shape[1], dtype=np.uint32), np.zeros(B.shape[1])
        n = fill_basis(places, values, z[i], standard_odds(B[i]))
        assert values[:n].all()
        assert (np.diff(places[:n].astype(int)) > 0).all()
        B[i, places[:n]] = values[:n]
    return B


def irls_sums(B: Floats, beta: Floats, frauds: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return gram and moment of labelled payments."""
    gram, moment = np.zeros(len(beta) * (len(beta) + 1) // 2), np.zeros(len(beta))
    for b, is_fraud, weight in zip(B, frauds, weights, strict=True):
        places = np.flatnonzero(b).astype(np.uint32)
        add_irls(gram, moment, places, b[places], beta, is_fraud, weight)
    return gram, moment


def test_the_basis_of_one_value_by_hand() -> None:
    """z = 2: nothing below the mean, how far it is beyond 0, 0.75 and 1.5, a step; and z = -2.5."""
    assert (BELOW, ABOVE) == ((0.0, 1.0), (0.0, 0.75, 1.5, 3.0, 6.0))
    assert basis(np.array([[2.0]])).tolist() == [
        [1.0, 0.0, 0.0, 2.0, 1.25, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0]
    ]
    assert basis(np.array([[-2.5]])).tolist() == [[1.0, 2.5, 1.5, *[0.0] * 8]]
    assert basis(np.array([[-0.5, np.nan, 0.0]])).tolist() == [[1.0, 0.5, *[0.0] * 23]]


def test_the_sums_of_one_payment_by_hand() -> None:
    """At even odds p = 1/2, w = 1/4 and the response is 2: rows 1, 1 1/2 and 1 1/2 1/4 of the gram,
    that is 1, 1/2, 1/4 times w, and a moment of w times 2 times the basis; twice, less once."""
    B, beta = basis(np.array([[-0.5]])), np.zeros(basis_size(1))
    gram, moment = irls_sums(B[[0, 0]], beta, np.array([1.0, 1.0]), np.array([2.0, -1.0]))
    assert gram[:3].tolist() == [0.25, 0.125, 0.0625]
    assert not gram[3:].any()
    assert moment.tolist() == [0.5, 0.25, *[0.0] * 9]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 20))
def test_the_triangle_holds_what_the_whole_matrix_would(seed: int, n_inputs: int, n: int) -> None:
    """Σ w B Bᵀ and Σ w z B, as numpy adds them, and what is taken back is gone."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, (n, n_inputs))
    z[rng.random(z.shape) < 0.2] = np.nan
    B, beta = basis(z), rng.normal(size=basis_size(n_inputs))
    frauds, weights = (rng.random(n) < 0.3) * 1.0, 1.0 / (0.1 + rng.random(n))
    log_odds = np.clip(B @ beta, -12, 12)
    p = 1 / (1 + np.exp(-log_odds))
    w = np.maximum(p * (1 - p), np.abs(frauds - p) / 5 + 1e-4)
    gram, moment = irls_sums(B, beta, frauds, weights)
    whole = B.T @ np.diag(weights * w) @ B
    assert gram.shape == (gram_size(n_inputs),)
    np.testing.assert_allclose(gram, whole[np.tril_indices(len(beta))], rtol=1e-9, atol=1e-12)
    responses = weights * (w * log_odds + frauds - p)
    np.testing.assert_allclose(moment, B.T @ responses, rtol=1e-9, atol=1e-9)
    again = irls_sums(
        np.vstack([B, B]), beta, np.append(frauds, frauds), np.append(weights, -weights)
    )
    np.testing.assert_allclose(again[0], 0.0, atol=1e-9 * weights.sum() * 100)


def test_the_ridge_draws_the_slope_below_the_mean_and_every_bend() -> None:
    """The sum of squares that it is, on a basis of two inputs."""
    rng = np.random.default_rng(3)
    beta = rng.normal(size=basis_size(2))
    ridge, _ = odds._ridge(2)
    R = np.zeros((len(beta), len(beta)))
    R[np.tril_indices(len(beta))] = ridge
    R = R + np.tril(R, -1).T
    expected = 1e-3 * beta[0] ** 2
    for below, _, above, *bends in (beta[1:8], beta[8:15]):
        expected += 5 * (below**2 + (above + below) ** 2 + sum(bend**2 for bend in bends))
    expected += 5 * (beta[2] ** 2 + beta[9] ** 2) + 5 * (beta[15:] ** 2).sum()
    assert beta @ R @ beta == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_the_functions_and_the_base_sum_to_the_log_odds(seed: int, n_inputs: int) -> None:
    rng = np.random.default_rng(seed)
    z, beta = rng.normal(0, 3, (20, n_inputs)), rng.normal(size=basis_size(n_inputs))
    found = standard_odds(beta)
    np.testing.assert_allclose(
        found.base + functions(found, z).sum(axis=1), basis(z) @ beta, atol=1e-9
    )
    np.testing.assert_allclose([log_odds_of(row, found) for row in z], basis(z) @ beta, atol=1e-9)


def test_an_average_value_and_an_unknown_one_add_exactly_nothing() -> None:
    rng = np.random.default_rng(0)
    two = LogOdds(
        np.array([3.0, -1.0]),
        np.array([2.0, 0.5]),
        np.array([3.0, 4.0, 5.0]),
        rng.normal(size=basis_size(2)),
    )
    assert functions(two, np.array([[3.0, np.nan], [np.nan, -1.0]])).tolist() == [[0, 0], [0, 0]]


def test_values_beyond_ten_deviations_say_no_more() -> None:
    one = LogOdds(np.zeros(1), np.ones(1), STEPS, np.ones(basis_size(1)))
    assert functions(one, np.array([[10.0]])) == functions(one, np.array([[1e9]]))


def test_a_step_counts_in_full_from_just_beyond_it_on() -> None:
    """Beyond 1.75 and 2.5, not beyond 4, which is no part of itself; the first input alone steps."""
    places, values = np.zeros(basis_size(2), np.uint32), np.zeros(basis_size(2))
    odds_of = standard_odds(np.zeros(basis_size(2)))
    for amount, n_steps in ((1.75, 0), (1.7501, 1), (4.0, 2), (4.01, 3), (np.nan, 0)):
        n = fill_basis(places, values, np.array([amount, 9.0]), odds_of)
        steps = places[:n][places[:n] >= 15]
        assert steps.tolist() == [15, 16, 17][:n_steps]
        assert (values[:n][places[:n] >= 15] == 1.0).all()


def test_without_labels_it_ranks_by_the_distance_alone() -> None:
    beta = coefficients(np.zeros(gram_size(3)), np.zeros(basis_size(3)), 3)
    z = np.array([[5.0, -5.0, 1.0], [-3.0, 2.0, 2.0]])
    assert functions(standard_odds(beta), z).tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 2.0]]


def test_repeated_irls_finds_the_coefficients_of_scikit_learn() -> None:
    """Same basis, same labels; the ridge is small against 20,000 payments."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(20_000, 2))
    log_odds = -1.0 + 1.5 * z[:, 0] - 0.5 * np.maximum(z[:, 1], 0.0)
    frauds = (rng.random(20_000) < 1 / (1 + np.exp(-log_odds))).astype(float)
    B = basis(z)
    beta = coefficients(np.zeros(gram_size(2)), np.zeros(basis_size(2)), 2)
    for _ in range(8):
        beta = coefficients(*irls_sums(B, beta, frauds, np.ones(20_000)), 2)
    reference = LogisticRegression(C=1 / 5.0, max_iter=2_000, tol=1e-8).fit(B[:, 1:], frauds)
    mine = B @ beta
    theirs = B[:, 1:] @ reference.coef_[0] + reference.intercept_[0]
    assert np.abs(mine - theirs).mean() < 0.05
    assert np.corrcoef(mine, log_odds)[0, 1] > 0.99


def test_a_weight_of_three_is_three_payments() -> None:
    B = basis(np.array([[0.5], [2.0]]))
    beta = np.linspace(-1, 1, basis_size(1))
    once = irls_sums(B[[0, 1, 1, 1]], beta, np.array([0.0, 1, 1, 1]), np.ones(4))
    weighted = irls_sums(B, beta, np.array([0.0, 1.0]), np.array([1.0, 3.0]))
    for mine, theirs in zip(weighted, once, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.995])
def test_the_threshold_leaves_the_share_asked_for_above_it(share: float) -> None:
    values = np.random.default_rng(2).normal(-4, 2, 100_000)
    bins = [int(odds_position(value)) for value in values]
    histogram = np.bincount(bins, minlength=N_BINS).astype(float)
    below = distribution_of(histogram)
    found = float(odds_at(below, np.array([1.0 - share]))[0])
    assert np.mean(values < found) == pytest.approx(share, abs=0.002)
    assert share_below(below, odds_position(found)) == pytest.approx(share, abs=1e-6)
