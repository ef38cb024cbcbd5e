"""PSI and KS by hand, what they promise for any histograms, and where means have gone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamer.model import Sums, drift_of
from streamer.model.drift import kolmogorov_smirnov, stability_index
from streamer.model.feature_histogram import N_FEATURE_BINS, count_features
from tests.model.helpers import euros, small_config

CONFIG = small_config()
HISTOGRAMS = arrays(float, 12, elements=st.floats(0, 1e6))


def test_psi_by_hand() -> None:
    """Shares 0.5, 0.3, 0.2 become 0.4, 0.4, 0.2: -0.1 ln 0.8 + 0.1 ln (4/3) = 0.0511."""
    psi = stability_index(np.array([50.0, 30.0, 20.0]), np.array([4.0, 4.0, 2.0]))
    assert psi == pytest.approx(-0.1 * math.log(0.8) + 0.1 * math.log(4 / 3), rel=1e-12)
    assert psi == pytest.approx(0.0511, abs=5e-5)


def test_ks_by_hand() -> None:
    """Cumulative shares 0.5, 0.8 and 0.3, 0.7: the largest difference is 0.2, at the first bin."""
    ks = kolmogorov_smirnov(np.array([50.0, 30.0, 20.0]), np.array([3.0, 4.0, 3.0]))
    assert ks == pytest.approx(0.2, rel=1e-12)


def test_distributions_without_a_bin_in_common_have_a_ks_of_1_and_a_finite_psi() -> None:
    one, other = np.array([7.0, 0.0]), np.array([0.0, 9.0])
    assert kolmogorov_smirnov(one, other) == 1.0
    # (1 - 2ε)/(1 + ε) · ln(1/ε), twice, with ε = 1e-4 scaled to a sum of 1.
    assert stability_index(one, other) == pytest.approx(2 * (1 - 1e-4) / (1 + 1e-4) * math.log(1e4))


def test_without_payments_on_either_side_nothing_has_drifted() -> None:
    none, some = np.zeros(5), np.ones(5)
    for pair in ((none, some), (some, none), (none, none)):
        assert stability_index(*pair) == kolmogorov_smirnov(*pair) == 0.0


@given(HISTOGRAMS, HISTOGRAMS)
def test_psi_is_never_negative_and_ks_a_share_whichever_comes_first(
    one: np.ndarray, other: np.ndarray
) -> None:
    assert 0.0 <= stability_index(one, other) < 20.0
    assert 0.0 <= kolmogorov_smirnov(one, other) <= 1.0
    assert stability_index(other, one) == pytest.approx(stability_index(one, other), abs=1e-9)
    assert kolmogorov_smirnov(other, one) == pytest.approx(kolmogorov_smirnov(one, other))


@given(HISTOGRAMS, st.floats(0.01, 100))
def test_the_same_distribution_at_another_weight_has_not_drifted(
    one: np.ndarray, weight: float
) -> None:
    assert stability_index(one, one) == kolmogorov_smirnov(one, one) == 0.0
    assert stability_index(one, one * weight) == pytest.approx(0.0, abs=1e-9)
    assert kolmogorov_smirnov(one, one * weight) == pytest.approx(0.0, abs=1e-9)


def with_rows(X: np.ndarray, name: str, sums: Sums) -> None:
    means = np.array([2.0, 0.0])
    count_features(getattr(sums, name), X, euros(X), means, CONFIG.spread_floors)


def test_means_spreads_and_known_shares_are_those_of_the_rows_within_half_a_bin() -> None:
    """Bins are 0.1 wide; a twentieth of a bin more for what is at the edges."""
    rng = np.random.default_rng(1)
    before, now = rng.normal(1.0, 0.5, (20_000, 3)), rng.normal(1.5, 0.4, (20_000, 3))
    before[:, 0] += 2.0
    now[:, 0] += 2.0
    now[::4, 2] = np.nan
    sums = Sums.zero(CONFIG)
    with_rows(before, "reference_histograms", sums)
    with_rows(now, "feature_histograms", sums)
    drift = drift_of(sums, CONFIG)
    np.testing.assert_allclose(drift.reference_means, 1.0, atol=0.02)
    np.testing.assert_allclose(drift.means, 1.5, atol=0.02)
    np.testing.assert_allclose(drift.reference_spreads, 0.5, atol=0.02)
    np.testing.assert_allclose(drift.spreads, 0.4, atol=0.02)
    assert drift.known.tolist() == [1.0, 1.0, 0.75]
    assert drift.worst == 2


def test_a_shift_by_one_deviation_has_a_psi_of_about_1() -> None:
    """For two normal distributions of deviation σ and means Δ apart it is (Δ/σ)²."""
    rng = np.random.default_rng(2)
    sums = Sums.zero(CONFIG)
    with_rows(rng.normal(2.0, 0.5, (50_000, 3)), "reference_histograms", sums)
    with_rows(rng.normal(2.5, 0.5, (50_000, 3)), "feature_histograms", sums)
    np.testing.assert_allclose(drift_of(sums, CONFIG).psi, 1.0, atol=0.1)


def test_a_model_that_has_seen_nothing_has_no_drift_and_no_means() -> None:
    drift = drift_of(Sums.zero(CONFIG), CONFIG)
    assert not drift.psi.any()
    assert not drift.ks.any()
    assert np.isnan(drift.means).all()
    assert (drift.is_settled, drift.reference_at) == (False, 0)
    assert Sums.zero(CONFIG).feature_histograms.shape == (3, N_FEATURE_BINS)
