"""What the weights of features are made of, by hand, and what becomes of them in a version."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from streamer.arrays import Floats
from streamer.model import Scorer
from streamer.model.agreement import lifts, weights_of
from streamer.model.recent import rows_of
from tests.explaining.helpers import with_odds
from tests.model.helpers import euros, small_config, sums_with_centers

# 2,000 payments, so the top 0.5% are 10.
_N = 2_000


def three_features() -> Floats:
    """Return contributions (2000, 3).  Highest by 0: payments 0 to 9.  By 1: 0 to 4 and 10 to 14.
    By 2: 20 to 29."""
    contributions = np.zeros((_N, 3))
    contributions[:10, 0] = 8.0
    contributions[[0, 1, 2, 3, 4, 10, 11, 12, 13, 14], 1] = 9.0
    contributions[20:30, 2] = 7.0
    return contributions


def test_a_lift_is_how_much_more_often_than_usual_two_tops_come_together() -> None:
    """By all but 0 the highest ten are the ten by 1, whose 9 is above the 7: five of them are among
    the ten of 0, half for a usual 0.5%, so 100 times; ten payments, and 30 at lift 1: 1,030 / 40.
    By all but 1 they are 0 to 9: 100 again.  By all but 2 the ten with 17 and 9, none of them 2's."""
    found = lifts(three_features(), np.ones(_N), ["a", "b", "c"])
    assert found == pytest.approx([25.75, 25.75, 0.75])


def test_features_of_one_subject_are_not_each_others_witnesses() -> None:
    """Without 1, the others of 0 are 2, whose ten are none of 0's: (10·0 + 30) / 40.  And 2's others
    are 0 and 1 as before."""
    found = lifts(three_features(), np.ones(_N), ["a", "a", "c"])
    assert found == pytest.approx([0.75, 0.75, 0.75])


def test_a_payment_that_counts_for_several_is_believed_as_one() -> None:
    """Payment 0 counts for 10, so that the highest of 0 and of 1, with 10.045 of 2,009 asked for, are 0
    and 1, of weights 10 and 1, and those of equal value: 0 to 9 weigh 19, 0 to 4 of them 14.  Usual are
    19/2009 by 1.  Effective are 19²/(100 + 9) = 3.312 payments."""
    weights = np.ones(_N)
    weights[0] = 10.0
    lift, n = (14 / 19) / (19 / 2_009), 361 / 109
    found = lifts(three_features(), weights, ["a", "b", "c"])
    assert found[0] == pytest.approx((n * lift + 30) / (n + 30))


def test_where_there_is_no_top_nothing_is_said() -> None:
    """Nothing beyond 0 in feature 1, no payments, payments that weigh nothing, and no others."""
    contributions = three_features()
    contributions[:, 1] = 0.0
    assert lifts(contributions, np.ones(_N), ["a", "b", "c"])[1] == 1.0
    assert lifts(contributions[:0], np.ones(0), ["a", "b", "c"]).tolist() == [1.0] * 3
    assert lifts(contributions, np.zeros(_N), ["a", "b", "c"]).tolist() == [1.0] * 3
    assert lifts(contributions, np.ones(_N), ["a", "a", "a"]).tolist() == [1.0] * 3


def test_weights_leave_what_is_expected_of_all_features_as_it_was() -> None:
    """√(1 + 3) = 2, √(13 + 3) = 4 and √(46 + 3) = 7, at 1, 2 and 0 expected: 2 + 8 for 3."""
    weights = weights_of(np.array([1.0, 13.0, 46.0]), np.array([1.0, 2.0, 0.0]), 3.0)
    assert weights == pytest.approx([0.6, 1.2, 2.1])
    assert weights_of(np.ones(2), np.zeros(2), 3.0).tolist() == [2.0, 2.0]


def with_sample(X: Floats, **changes: float) -> Scorer:
    """Return a version with one center at 0, deviations 1, and ``X`` as recent."""
    config = small_config(sides=(1, 1, 1), **changes)
    sums = sums_with_centers(config, np.zeros((2, 3)), np.full(2, 500.0), 1.0)
    sums.currency_weights[0] = 1_000.0
    sums.recent_rows = rows_of(X, X[:, :0], euros(X), np.ones(len(X)))
    return Scorer.of("v", sums, config)


def test_a_version_weighs_features_by_its_own_sample_and_its_reasons_still_sum() -> None:
    """Features 1 and 2 as 0 and 1 above, the amount never: lifts 1, 100 and 100 of ten payments and
    30 at 1.  All are expected alike: √4, √28.75 and √28.75 by their mean."""
    X = np.zeros((_N, 3))
    X[:10, 1], X[[0, 1, 2, 3, 4, 10, 11, 12, 13, 14], 2] = 8.0, 9.0
    version = with_sample(X, agreement_floor=3.0)
    weights = np.sqrt([4.0, 28.75, 28.75])
    assert version.weights == pytest.approx(weights / weights.mean())
    scored = version.score(np.array([[0.0, 2.0, 3.0]]), np.array([0]))
    assert scored.contributions[0] == pytest.approx(version.weights * [0.0, 4.0, 9.0])
    assert scored.distances_sq == pytest.approx(scored.contributions.sum(axis=1))
    assert scored.addends[0] == pytest.approx([0.0, 4.0, 9.0])
    assert version._ranking_recent().weights.tolist() == version.weights.tolist()
    assert with_sample(X, agreement_floor=math.inf).weights.tolist() == [1.0] * 3


def test_where_verdicts_have_taught_all_count_alike() -> None:
    """The same sums without what was judged weigh their features."""
    taught = with_odds()
    config = replace(taught.config, agreement_floor=10.0)
    assert Scorer.of("v", taught.sums, config).weights.tolist() == [1.0] * config.n_features
    unjudged = replace(taught.sums, input_weights=np.zeros(0))
    assert np.ptp(Scorer.of("v", unjudged, config).weights) > 0.1
