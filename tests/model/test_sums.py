"""Sums merge in any order, decay by multiplication, and never decay a counter."""

from __future__ import annotations

from dataclasses import fields
from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.model import Sums
from streamer.model.odds import basis_size, gram_size
from streamer.model.sums import (
    ANCHORS,
    CENSUS,
    CENSUS_SQ,
    COUNTERS,
    FROZEN,
    HOURS,
    INPUTS,
    JUDGED,
    LANES,
    PACE,
    ROWS,
    SCORES,
    SPANS,
    TRIAL,
)
from tests.model.helpers import small_config

CONFIG = small_config()
ARRAYS = [f.name for f in fields(Sums) if f.name not in (*COUNTERS, *ROWS)]


@st.composite
def random_sums(draw: st.DrawFn) -> Sums:
    """Sums with every array filled, counters up to a billion and a few warm-up rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sums = Sums.zero(CONFIG)
    h = CONFIG.n_inputs
    sizes = gram_size(h), basis_size(h), h, h, h
    with_verdicts = {name: (size,) for name, size in zip(INPUTS, sizes, strict=True)}
    shapes = with_verdicts if draw(st.booleans()) else {}
    for name in ARRAYS:
        shape = shapes.get(name, getattr(sums, name).shape)
        setattr(sums, name, np.asarray(rng.normal(0, 10 ** rng.uniform(-3, 6), shape)))
    n_rows = draw(st.integers(0, 3))
    sums.warmup_X = rng.normal(size=(n_rows, 3))
    sums.warmup_currencies = rng.integers(0, 2, n_rows)
    for name in COUNTERS:
        setattr(sums, name, draw(st.integers(0, 10**9)))
    return sums


def assert_same(one: Sums, other: Sums) -> None:
    """Equal up to rounding of the sums; counters exactly; warm-up rows as a set."""
    for name in ARRAYS:
        mine, theirs = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-6, err_msg=name)
    for name in COUNTERS:
        assert getattr(one, name) == getattr(other, name)
    assert sorted(map(tuple, one.warmup_X)) == sorted(map(tuple, other.warmup_X))
    assert sorted(one.warmup_currencies) == sorted(other.warmup_currencies)


@given(random_sums(), random_sums(), random_sums())
def test_merging_is_associative_and_commutative(a: Sums, b: Sums, c: Sums) -> None:
    whole = a.merged(b).merged(c)
    assert_same(a.merged(b.merged(c)), whole)
    for one, two, three in permutations((a, b, c)):
        assert_same(one.merged(two).merged(three), whole)


@given(random_sums())
def test_merging_with_nothing_changes_nothing(sums: Sums) -> None:
    assert_same(sums.merged(Sums.zero(CONFIG)), sums)


@given(random_sums(), st.floats(0, 1), st.floats(0, 1))
def test_decay_multiplies_every_sum_and_no_counter(
    sums: Sums, discount: float, score_discount: float
) -> None:
    decayed = sums.decayed(discount, score_discount)
    for name in ARRAYS:
        untouched = {*ANCHORS, *FROZEN, *JUDGED, *TRIAL, *HOURS, *PACE, *SPANS}
        untouched |= {*LANES, *CENSUS, *CENSUS_SQ}
        factor = score_discount if name in SCORES else 1.0 if name in untouched else discount
        np.testing.assert_array_equal(getattr(decayed, name), getattr(sums, name) * factor)
    for name in COUNTERS:
        assert getattr(decayed, name) == getattr(sums, name)
    assert decayed.warmup_X is sums.warmup_X


@given(random_sums(), random_sums(), st.floats(0, 1))
def test_decay_distributes_over_merging(a: Sums, b: Sums, discount: float) -> None:
    """γ(a + b) = γa + γb: it does not matter whether a delta is merged before or after a decay."""
    merged_first = a.merged(b).decayed(discount, discount)
    assert_same(merged_first, a.decayed(discount, discount).merged(b.decayed(discount, discount)))


@given(random_sums())
def test_a_delta_leaves_what_is_frozen_alone(head: Sums) -> None:
    delta = Sums.zero(CONFIG)
    merged = head.decayed(0.5, 0.5).merged(delta)
    for name in (*FROZEN, "reference_at", "reference_due"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(head, name))


@given(random_sums(), random_sums())
def test_merging_and_decaying_leave_their_inputs_alone(a: Sums, b: Sums) -> None:
    before = [getattr(a, name).tobytes() for name in ARRAYS]
    merged = a.merged(b)
    for name in ARRAYS:
        assert not np.shares_memory(getattr(merged, name), getattr(a, name))
    a.decayed(0.5, 0.25)
    assert [getattr(a, name).tobytes() for name in ARRAYS] == before


def test_scale_is_mean_and_floored_deviation() -> None:
    """Four values 1, 1, 5, 5: mean 3, deviation 2.  Four times 7: deviation 0, raised to 0.1."""
    sums = Sums.zero(CONFIG)
    sums.feature_weights[:2] = 4.0
    sums.feature_sums[:2] = 12.0, 28.0
    sums.feature_sums_sq[:2] = 52.0, 196.0
    means, deviations = sums.scale(CONFIG)
    assert means.tolist() == [3.0, 7.0, 0.0]
    assert deviations.tolist() == [2.0, 0.1, 0.1]
