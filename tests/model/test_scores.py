"""Each equation of a score worked by hand, and the loops against the same in whole arrays of numpy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Scorer, Sums, learn
from streamer.model.scores import (
    FEATURE,
    Ruler,
    clipped,
    comparable,
    fill_addends,
    huber,
    measure,
    suspicious,
)
from tests.explaining.helpers import with_odds
from tests.model import bits, oracle
from tests.pipeline.helpers import trained


def test_a_value_is_clipped_and_a_missing_one_stays_missing() -> None:
    assert [clipped(value, -1.0, 2.0) for value in (-5.0, 0.5, math.inf)] == [-1.0, 0.5, 2.0]
    assert math.isnan(clipped(math.nan, -1.0, 2.0))


def test_only_the_suspicious_side_of_a_center_counts() -> None:
    """2 above and 3 below, for a feature that counts above, below, and on both sides."""
    assert [suspicious(2.0, side) for side in (1.0, -1.0, 0.0)] == [2.0, 0.0, 2.0]
    assert [suspicious(-3.0, side) for side in (1.0, -1.0, 0.0)] == [0.0, 3.0, 3.0]


def test_an_addend_is_squared_up_to_two_deviations_and_linear_beyond() -> None:
    """Of z = 1, 2 and 5: 1, 4, and 2·(2·5 - 2) = 16 instead of 25."""
    assert [huber(z, 2.0) for z in (1.0, 2.0, 5.0)] == [1.0, 4.0, 16.0]
    assert huber(5.0, math.inf) == 25.0


def test_sums_over_fewer_known_features_are_multiplied_by_more() -> None:
    """Three features, usual 0.5 each, floor 0.5: 2 over what is expected of the known and 0.5."""
    features = ruler_of(expected=[1.0, 2.0, 4.0]).features
    assert comparable(np.zeros(3), features, 0.5) == pytest.approx(2.0 / 7.5)
    assert comparable(np.array([math.nan, 0.0, math.nan]), features, 0.5) == pytest.approx(2 / 2.5)


def ruler_of(**changes: object) -> Ruler:
    """Return a ruler of three features: center and mean at 0, deviations 1, everything believed."""
    one = {
        "centers": np.zeros((1, 3)),
        "center_deviations": np.ones((1, 3)),
        "beliefs": np.ones(1),
        "linear_beyond": math.inf,
    }
    features = np.zeros(3, FEATURE)
    features["deviation"] = features["maturity"] = 1.0
    for name in changes.keys() - one.keys():
        features[name] = changes.pop(name)
    return trained().ruler._replace(features=features, **(one | changes))


def test_an_addend_mixes_the_distances_to_center_and_mean_by_the_belief_in_the_center() -> None:
    """Value 3: the center at 1, deviation 2, is one of these away; the mean at 0, deviation 1, is
    three away, beyond 2: 2·(6 - 2) = 8.  Believed to three quarters: 0.75·1 + 0.25·8 = 2.75; the
    second feature is below both, on the side that does not count."""
    ruler = ruler_of(
        centers=np.ones((1, 3)),
        center_deviations=np.full((1, 3), 2.0),
        beliefs=np.array([0.75]),
        side=1.0,
        linear_beyond=2.0,
    )
    addends = np.empty(3)
    fill_addends(addends, np.array([3.0, -3.0, 3.0]), 0, ruler)
    assert addends.tolist() == [2.75, 0.0, 2.75]


def test_a_missing_feature_adds_nothing_and_one_never_learned_the_usual_addend() -> None:
    """3² = 9; missing; of feature 2 nothing was learned."""
    addends, contributions = np.empty(3), np.empty(3)
    ruler = ruler_of(maturity=[1.0, 1.0, 0.0])
    fill_addends(addends, np.array([3.0, math.nan, 3.0]), 0, ruler)
    assert addends.tolist() == [9.0, 0.0, 0.5]
    features = ruler_of(maturity=[1.0, 1.0, 0.5]).features
    assert measure(contributions, addends, features, 2.0) == 18.5
    assert contributions.tolist() == [18.0, 0.0, 0.5]


def versions(seed: int) -> Scorer:
    """Return one of: without odds, with one that ranks, with one that does not, an odd one."""
    odds = with_odds()
    kinds = (
        trained(),
        odds,
        replace(odds, ranks_by_odds=False),
        replace(
            odds,
            maturities=np.linspace(0.0, 1.0, odds.config.n_features),
            weights=np.linspace(2.0, 0.5, odds.config.n_features),
            beliefs=np.linspace(0.1, 1.0, odds.config.n_clusters),
            config=replace(odds.config, expectation_floor=0.3, linear_beyond=1.0),
        ),
    )
    return kinds[seed % len(kinds)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), is_timed=st.booleans())
def test_scores_and_deltas_equal_those_of_whole_arrays(seed: int, n: int, is_timed: bool) -> None:
    version = versions(seed)
    b = bits.payments_of(version, n, seed)
    scored = version.score(b.X, b.currencies, b.V, b.times_ms if is_timed else None)
    hours = b.times_ms // bits.HOUR_MS % 24 if is_timed else None
    for name, expected in oracle.scored(version, b.X, b.currencies, b.V, hours).items():
        found = getattr(scored, name)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=name)
    delta = Sums.zero(version.config)
    batch = b.teaching, scored.alerted, b.X[:, 0], b.currencies, b.times_ms
    learn(delta, scored, *batch)
    for name, expected in oracle.learned(scored, version.config, *batch).items():
        found = getattr(delta, name)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=name)
