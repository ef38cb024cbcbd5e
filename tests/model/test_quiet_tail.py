"""When low amounts count as high ones do, by hand, and what becomes of it in a version."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from streamer.arrays import Floats
from streamer.model import Scorer
from streamer.model.quiet_tail import least_quiet_lift, sides_of
from streamer.model.recent import rows_of
from tests.explaining.helpers import with_odds
from tests.model.helpers import euros, small_config, sums_with_centers

_N = 2_000
_KINDS = ("own", "several", None)


def tails(n_both: int) -> tuple[Floats, Floats]:
    """Return loud and quiet contributions (2000, 3).  The ten highest by 2, the witness, are 0 to 9;
    the 40 lowest by 0, the amount, ``n_both`` of these and others; 1 is loud wherever 0 is quiet."""
    loud, quiet = np.zeros((_N, 3)), np.zeros((_N, 3))
    loud[:10, 2] = 5.0
    quiet[10 - n_both : 50 - n_both, 0] = 7.0
    loud[quiet[:, 0] > 0.0, 1] = 20.0
    return loud, quiet


def test_a_quiet_lift_is_the_lower_limit_of_how_often_the_strange_are_low() -> None:
    """Five of ten, for a usual 2%.  Wilson's lower limit of 5 in 10 with 3 deviations:
    (0.5 + 9/20 - 3 sqrt(0.025 + 0.0225)) / 1.9 = 0.15588, 7.794 times 2%."""
    amounts, witnesses = np.array([True, False, False]), np.array([False, False, True])
    least = least_quiet_lift(*tails(5), np.ones(_N), amounts, witnesses)
    assert least == pytest.approx(7.794, abs=1e-3)
    assert least_quiet_lift(*tails(5), np.zeros(_N), amounts, witnesses) == 0.0
    assert least_quiet_lift(*tails(5), np.ones(_N), ~amounts, amounts) == 0.0


def test_amounts_count_on_both_sides_where_that_limit_is_above_eight() -> None:
    """Six of ten have 10.61, five 7.79.  What several amounts make up is no witness: with it as one,
    the ten highest would all be low."""
    sides = np.array([1, 1, -1])
    assert sides_of(*tails(6), np.ones(_N), sides, _KINDS).tolist() == [0, 1, -1]
    assert sides_of(*tails(5), np.ones(_N), sides, _KINDS).tolist() == [1, 1, -1]
    assert sides_of(*tails(2), np.ones(_N), sides, ("own", None, None)).tolist() == [0, 1, -1]
    assert sides_of(*tails(9), np.ones(_N), sides, ()).tolist() == [1, 1, -1]


def with_low_frauds() -> Scorer:
    """Return a version with one center at 0, deviations 1, whose recent payments 0 to 9 are strange by
    feature 2, and 0 to 39 have an amount at -3; the others are at 0."""
    config = small_config(sides=(1, 1, 1), of_amounts=_KINDS, agreement_floor=10.0)
    sums = sums_with_centers(config, np.zeros((2, 3)), np.full(2, 500.0), 1.0)
    sums.currency_weights[0] = 1_000.0
    X = np.zeros((_N, 3))
    X[:10, 2], X[:40, 0] = 4.0, -3.0
    sums.recent_rows = rows_of(X, X[:, :0], euros(X), np.ones(_N))
    return Scorer.of("v", sums, config)


def test_a_version_counts_low_amounts_where_they_come_with_what_is_strange() -> None:
    """At -3 the addend is 9, of 40 in 2,000: 0.18 is expected."""
    version = with_low_frauds()
    assert version.sides.tolist() == [0, 1, 1]
    assert version.expectations[0] == pytest.approx(0.18)
    scored = version.score(np.array([[-3.0, -3.0, 0.0], [3.0, 0.0, 0.0]]), np.array([0, 0]))
    assert scored.addends.tolist() == [[9.0, 0.0, 0.0], [9.0, 0.0, 0.0]]
    again = version._ranking_recent()
    assert again.sides.tolist() == version.sides.tolist()
    assert again.weights.tolist() == version.weights.tolist()
    alike = replace(version.config, agreement_floor=math.inf)
    assert Scorer.of("v", version.sums, alike).sides.tolist() == [1, 1, 1]


def test_where_verdicts_have_taught_amounts_count_on_their_own_side() -> None:
    taught = with_odds()
    config = replace(taught.config, of_amounts=("own",) + (None,) * (taught.config.n_features - 1))
    assert Scorer.of("v", taught.sums, config).sides.tolist() == [*config.sides]
