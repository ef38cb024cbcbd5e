"""What a version makes of its sums: threshold, neutral values, floors and the alert budget."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.model import (
    ModelConfig,
    Scorer,
    Sums,
    learn,
    learn_warming,
)
from tests.model.helpers import (
    euros,
    next_version,
    small_config,
    sums_with_centers,
    taught,
    two_clouds,
    with_recent,
)

CONFIG = small_config()


def version_of(sums: Sums, config: ModelConfig = CONFIG) -> Scorer:
    return Scorer.of("", sums, config)


def one_center(config: ModelConfig = CONFIG, variance: float = 1.0) -> Sums:
    """Return 1,000 euro payments around 0: Σ ln amount is 0, so amounts stand as they are."""
    sums = sums_with_centers(config, np.zeros((2, 3)), np.array([500.0, 500.0]), variance)
    sums.currency_weights[0] = 1_000.0
    return sums


def test_nothing_alerts_before_there_are_scores() -> None:
    version = version_of(one_center())
    assert version.threshold_sq == np.inf
    X = np.full((1, 3), 1e6)
    assert not version.score(X, euros(X)).alerted.any()


def test_while_warming_there_is_no_threshold_either() -> None:
    version = version_of(Sums.zero(CONFIG))
    assert version.is_warming
    assert version.threshold_sq == np.inf


def test_the_threshold_is_the_quantile_that_the_budget_asks_for() -> None:
    """Budget 2 %: 98 of 100 payments lie in the bin at 1.0, which ends at 2^(1/32)."""
    sums = with_recent(one_center(), [2 ** (1 / 64), 2.0**10], [98.0, 2.0])
    assert version_of(sums).threshold_sq == pytest.approx(2 ** (1 / 32))


def test_the_threshold_is_that_of_the_versions_own_scores() -> None:
    """The same payments around a center twice as wide: distances and threshold are a quarter."""
    distances_sq = (2.0 ** np.linspace(0, 5, 200)).tolist()
    narrow, wide = (
        version_of(with_recent(one_center(variance=variance), distances_sq))
        for variance in (1.0, 4.0)
    )
    assert narrow.threshold_sq > 2.0**4
    assert wide.threshold_sq == pytest.approx(narrow.threshold_sq / 4, rel=0.01)
    X = np.array([[0.0, np.sqrt(narrow.threshold_sq) + 0.1, 0.0]])
    assert narrow.score(X, euros(X)).alerted.all()
    assert wide.score(X, euros(X)).alerted.all()


def test_a_payment_counts_for_its_weight_and_the_less_the_older_it_is() -> None:
    """90 at 1, and ten at 16 that are old, at freshness 0.2: 2 of 92 payments are farther."""
    sums = with_recent(one_center(), [2 ** (1 / 64)] * 90 + [2 ** (4 + 1 / 64)] * 10)
    sums.recent_rows[90:, -1] = 0.2
    X = np.array([[0.0, 3.0, 0.0]])
    assert version_of(sums).score(X, euros(X)).scores[0] == pytest.approx(90 / 92)


def test_a_distance_is_divided_by_the_clusters_own_variance() -> None:
    """Own variance 4 at weight 500, overall variance 4: shrinking changes nothing.  3²/4 = 2.25."""
    version = version_of(one_center(variance=4.0))
    scored = version.score(np.array([[0.0, 3.0, 0.0]]), np.array([0]))
    assert scored.contributions[0] == pytest.approx([0.0, 2.25, 0.0])
    assert scored.distances_sq[0] == pytest.approx(2.25)


def test_a_young_cluster_borrows_the_spread_of_all_traffic() -> None:
    """Cluster 1: weight 50, own variance 0; all: (950·1 + 50·0)/1000 = 0.95, centers all at 0.
    With a prior of 50: (50·0 + 50·0.95)/100 = 0.475.  Cluster 0: (950·1 + 50·0.95)/1000 = 0.9975.
    """
    sums = sums_with_centers(CONFIG, np.zeros((2, 3)), np.array([950.0, 50.0]), 1.0)
    sums.cluster_sums_sq[1] = 0.0
    sums.feature_sums_sq = sums.cluster_sums_sq.sum(axis=0)
    variances = version_of(sums).variances
    assert variances[1] == pytest.approx([0.475] * 3)
    assert variances[0] == pytest.approx([0.9975] * 3)


def test_no_cluster_is_tighter_than_a_share_of_the_overall_variance() -> None:
    """Two clusters of own variance 0 at ±10: overall 100, shrunk 50·100/(1e6 + 50) = 0.005, and the
    floor is 0.05·100 = 5."""
    centers = np.array([[-10.0] * 3, [10.0] * 3])
    sums = sums_with_centers(CONFIG, centers, np.array([1e6, 1e6]))
    assert version_of(sums).variances == pytest.approx(np.full((2, 3), 5.0))


def test_a_missing_feature_adds_nothing() -> None:
    version = version_of(one_center())
    scored = version.score(np.array([[0.0, np.nan, 2.0]]), np.array([0]))
    assert scored.contributions[0] == pytest.approx([0.0, 0.0, 4.0])
    assert np.isnan(scored.X[0]).tolist() == [False, True, False]


def test_the_amount_of_a_rare_currency_is_neutral() -> None:
    """The second currency was seen 29 times, one short of having a usual amount."""
    sums = one_center()
    sums.currency_weights[1], sums.currency_sums[1] = 29.0, 29 * 5.0
    X = np.array([[8.0, 0.0, 0.0]])
    assert version_of(sums).score(X, np.array([1])).distances_sq[0] == 0.0
    sums.currency_weights[1], sums.currency_sums[1] = 30.0, 30 * 5.0
    # Now the usual ln amount is 5: a deviation of 3.
    assert version_of(sums).score(X, np.array([1])).distances_sq[0] == pytest.approx(9.0)


def test_amounts_are_compared_within_their_currency() -> None:
    sums = one_center()
    sums.currency_weights[:] = 500.0
    sums.currency_sums[:] = 500 * 3.0, 500 * 8.0
    X = np.array([[4.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    scored = version_of(sums).score(X, np.array([0, 1]))
    assert scored.distances_sq == pytest.approx([1.0, 1.0])


def test_beyond_ten_deviations_a_value_is_as_strange_as_it_can_get() -> None:
    version = version_of(one_center())
    X = np.array([[0.0, 10.0, 0.0], [0.0, 1e9, 0.0], [0.0, np.inf, 0.0]])
    assert version.score(X, euros(X)).distances_sq == pytest.approx([100.0] * 3)


def test_a_feature_that_was_constant_and_comes_alive_does_not_explode() -> None:
    """Constant at 2 for 2,000 rows, floor 0.1: a change of 0.2 is two floors, so 4, not infinity."""
    rng = np.random.default_rng(3)
    X = two_clouds(rng, 2_000)
    X[:, 2] = 2.0
    delta = Sums.zero(CONFIG)
    learn_warming(delta, X, euros(X))
    version = next_version(version_of(Sums.zero(CONFIG)), delta)
    assert version.variances[:, 2] == pytest.approx([0.01, 0.01])
    at = version.centers[[0]].copy()
    at[0, 0] += version.currency_means[0]
    at[0, 2] = 2.2
    assert version.score(at, euros(at)).contributions[0, 2] == pytest.approx(4.0)
    # Alive from now on with deviation 1: clipped at first, and within a few versions ordinary.
    for _ in range(30):
        X = two_clouds(rng, 1_000)
        X[:, 2] = 2.0 + rng.normal(size=1_000)
        version = next_version(version, taught(version, X))
        assert np.isfinite(version.centers).all()
        assert np.isfinite(version.variances).all()


def test_a_feature_never_known_is_neutral_and_finite() -> None:
    X = two_clouds(np.random.default_rng(3), 500)
    X[:, 1] = np.nan
    delta = Sums.zero(CONFIG)
    learn_warming(delta, X, euros(X))
    version = next_version(version_of(Sums.zero(CONFIG)), delta)
    assert np.isfinite(version.centers).all()
    assert version.score(X, euros(X)).contributions[:, 1].max() == 0.0


def test_scores_are_the_share_of_recent_traffic_that_scored_lower() -> None:
    sums = with_recent(one_center(), [1.0, 100.0], [75.0, 25.0])
    X = np.array([[0.0, 0.1, 0.0], [0.0, 5.0, 0.0]])
    assert version_of(sums).score(X, euros(X)).scores.tolist() == [0.0, 0.75]


def test_beyond_two_deviations_an_addend_grows_linearly() -> None:
    """Deviation 1, c = 2: 1.5² = 2.25; at 5 deviations 2·(2·5 - 2) = 16 instead of 25."""
    version = version_of(one_center(), small_config(linear_beyond=2.0))
    scored = version.score(np.array([[0.0, 1.5, 5.0]]), np.array([0]))
    assert scored.contributions[0] == pytest.approx([0.0, 2.25, 16.0])


def test_a_center_without_traffic_excuses_nothing() -> None:
    """Shares 0.99 and 0.01, belief at 0.01 is half.  The mean of all is 0.01·100 = 1, the variance
    1 + 0.99·0.01·100² = 100.  At the small center the distance to it is 0, to the mean 99²/100 = 98.01,
    and half of that counts, in each feature."""
    centers = np.array([[0.0] * 3, [100.0] * 3])
    sums = sums_with_centers(CONFIG, centers, np.array([99_000.0, 1_000.0]), 1.0)
    version = version_of(sums, small_config(belief_share=0.01))
    X = np.array([[100.0, 100.0, 100.0]])
    assert version.beliefs == pytest.approx([0.99, 0.5])
    assert version.score(X, np.array([1])).contributions[0, 1] == pytest.approx(49.005)
    assert version.expected(1, np.full(3, 100.0)).tolist() == [100.0] * 3


def test_what_is_expected_is_the_mean_where_the_center_itself_is_stranger_than_the_value() -> None:
    """Features are suspicious above.  50 is below the center at 100, and above the mean of 1."""
    centers = np.array([[0.0] * 3, [100.0] * 3])
    sums = sums_with_centers(CONFIG, centers, np.array([99_000.0, 1_000.0]), 1.0)
    version = version_of(sums, small_config(sides=(1, 1, 1)))
    assert version.expected(1, np.array([50.0, 120.0, 100.0])) == pytest.approx([1.0, 100.0, 100.0])


def test_a_feature_counts_in_proportion_to_what_was_learned_of_it() -> None:
    """Feature 2 was known in 250 of the 1,000 payments that make it count in full: a quarter of 4."""
    sums = one_center()
    sums.feature_weights = np.array([2_000.0, 2_000.0, 250.0])
    sums.feature_sums_sq = sums.feature_weights * 1.0
    version = version_of(sums, small_config(maturity_weight=1_000.0))
    assert version.maturities.tolist() == [1.0, 1.0, 0.25]
    contributions = version.score(np.array([[0.0, 2.0, 2.0]]), np.array([0])).contributions[0]
    assert contributions == pytest.approx([0.0, 4.0, 1.0])


def test_distances_over_few_known_features_are_made_comparable_and_still_sum() -> None:
    """Mean addends 1, 2 and 4, floor 0.5, and usual are 3 features at 0.5: a full row is divided by
    7.5 and multiplied by 2.  Without feature 2 the divisor is 3.5: 3² in feature 1 counts 9·2/3.5."""
    sums = one_center()
    sums.feature_addends = sums.feature_weights * np.array([1.0, 2.0, 4.0])
    version = version_of(sums, small_config(expectation_floor=0.5, expectation_prior_weight=0.0))
    scored = version.score(np.array([[0.0, 3.0, np.nan], [0.0, 3.0, 0.0]]), np.array([0, 0]))
    assert scored.distances_sq == pytest.approx([18.0 / 3.5, 18.0 / 7.5])
    assert scored.contributions.sum(axis=1) == pytest.approx(scored.distances_sq)
    delta = Sums.zero(version.config)
    learn(delta, scored, ~scored.alerted, scored.alerted, np.zeros(2), np.array([0, 0]))
    assert delta.feature_addends == pytest.approx([0.0, 18.0, 0.0])  # as before the factor


def test_of_a_feature_never_learned_the_usual_addend_is_expected() -> None:
    """Its own would be measured against a mean and a deviation that mean nothing: 0.5 stands in."""
    sums = one_center()
    sums.feature_weights[2] = sums.feature_sums[2] = sums.feature_sums_sq[2] = 0.0
    version = version_of(sums)
    scored = version.score(np.array([[0.0, 0.0, 7.0], [0.0, 0.0, np.nan]]), np.array([0, 0]))
    assert scored.contributions[:, 2].tolist() == [0.0, 0.0]
    assert scored.addends[:, 2].tolist() == [0.5, 0.0]
    assert version.expectations[2] == 0.5
