"""Another budget in the middle of a partition: nobody is flooded, and nothing falls silent."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Scorer
from streamer.pipeline import PartitionState
from streamer.pipeline.budgets import (
    Budget,
    counting,
    followed,
    packed_budgets,
    still_known,
    unpacked_budgets,
)
from streamer.pipeline.fuse import Limit, admit
from tests.builders import batch, pipeline_config, state_of
from tests.pipeline.helpers import ordinary, run, trained
from tests.pipeline.test_fuse import SMALL, hot, small_window

__all__ = ["small_window"]

CONFIG = pipeline_config()


def of(place: int, share: float) -> Budget:
    return Budget(place, share, share, 0.0, 0.0, 0.0)


def under(share: float, version: Scorer | None = None, **changes: float) -> Scorer:
    """Return the trained version under another policy; `hot` stays so."""
    version = trained() if version is None else version
    config = replace(version.config, alert_budget=share, **changes)  # type: ignore[arg-type]
    derived = Scorer.of(version.id, version.sums, config)
    return replace(derived, distances_below=version.distances_below)


@cache
def traffic() -> list[dict[str, Any]]:
    return ordinary(20_000, seed=1)


def alerted(state: PartitionState, version: Scorer, n: int, at_once: int = 1_000) -> list[int]:
    """Return the places of the alerts of ``n`` further payments."""
    first = state.ledger.scored
    batches = [batch(traffic()[i : i + at_once], i) for i in range(first, first + n, at_once)]
    return [alert.source.offset for alert in run(batches, CONFIG, version, state).alerts]


def most(places: Sequence[int], window: int) -> int:
    return max((sum(p <= q < p + window for q in places) for p in places), default=0)


def test_an_alert_counts_as_the_smaller_share_has_of_the_larger() -> None:
    """0.002 / 0.02 is a tenth; what was given under less counts in full, also two changes ago."""
    large, small, again = of(0, 0.02), of(700, 0.002), of(900, 0.02)
    assert counting([large], [5]) == [1.0]
    assert counting([large, small], [5, 699, 700]) == [0.1, 0.1, 1.0]
    assert counting([large, small, again], [5, 800, 900]) == [1.0, 1.0, 1.0]


def test_the_debt_is_rescaled_where_the_budget_falls_and_stays_where_it_rises() -> None:
    """100 due in 5,000 and then 10: 30 too many become 3, and 3 saved up stay 3."""
    large, small = [of(0, 0.02)], [of(0, 0.002)]
    (_, fallen), debt = followed(large, 30.0, 700, under(0.002))
    assert (fallen.place, fallen.share) == (700, pytest.approx(0.002))
    assert debt == pytest.approx(3.0)
    (_, risen), debt = followed(small, -3.0, 700, under(0.02))
    assert (risen.place, risen.share, debt) == (700, pytest.approx(0.02), -3.0)
    # Ranking and sample are another policy, and the same budget.
    for version in (under(0.02), under(0.02, sample_share=0.3)):
        (same,), debt = followed(large, 30.0, 700, version)
        assert (same.place, debt) == (0, 30.0)


def test_budgets_are_kept_as_long_as_an_alert_of_theirs_counts() -> None:
    budgets = [of(0, 0.02), of(700, 0.002), of(900, 0.01)]
    assert [still_known(budgets, first)[0].place for first in (699, 700, 899, 5_000)] == [
        0,
        700,
        700,
        900,
    ]
    assert unpacked_budgets(packed_budgets(budgets)) == budgets
    assert unpacked_budgets(()) == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([1.0, 0.5, 0.1])), max_size=40),
    st.lists(st.integers(0, 60), unique=True, max_size=20),
    st.integers(1, 25),
    st.integers(1, 4),
)
def test_no_window_ever_counts_more_and_nothing_is_held_back_without_need(
    before: list[tuple[int, float]], asked: list[int], window: int, n_alerts: int
) -> None:
    """Against a count over every window that holds the candidate."""
    places, weights = [place for place, _ in before], [weight for _, weight in before]
    limit, counted = Limit(window, n_alerts), list(before)
    found = admit(places, asked, [limit] * len(asked), weights)
    for place, is_admitted in zip(asked, found, strict=True):
        sums = [
            sum(weight for at, weight in counted if start <= at < start + window)
            for start in range(place - window + 1, place + 1)
        ]
        assert is_admitted == (max(sums) + 1.0 <= n_alerts + 1e-9)
        counted += [(place, 1.0)] if is_admitted else []


@pytest.mark.parametrize(("first", "then"), [(0.02, 0.002), (0.002, 0.02)])
def test_another_budget_is_kept_from_its_first_payment_on_and_nothing_falls_silent(
    first: float, then: float
) -> None:
    """5,000 payments, and 5,000 under the other: what is due to these alerts, within six tenths."""
    state = state_of(CONFIG)
    alerted(state, under(first), 5_000)
    places = alerted(state, under(then), 5_000)
    due = then * 5_000
    assert 0.4 * due <= len(places) <= 1.6 * due
    # And soon: not only once what was given before has left the window.
    assert sum(place < 7_000 for place in places) >= 0.4 * then * 2_000


@pytest.mark.parametrize(("first", "then"), [(0.2, 0.02), (0.02, 0.2)])
def test_a_flood_across_a_change_is_held_by_the_fuse_of_the_budget_in_force(
    first: float, then: float, small_window: None
) -> None:
    """Everything ranks above all traffic: 20 and 2 of any 50, an alert of the first a tenth."""
    state = state_of(CONFIG)
    before = alerted(state, under(first, hot()), 200, at_once=20)
    after = alerted(state, under(then, hot()), 200, at_once=20)
    assert most(before, SMALL) == 2 * first * SMALL
    assert most(after, SMALL) == 2 * then * SMALL
    weight = min(1.0, then / first)
    for place in after:
        old = sum(place - SMALL < other < 200 for other in before)
        new = sum(place - SMALL < other <= place for other in after)
        assert old * weight + new <= 2 * then * SMALL + 1e-9


def test_a_change_depends_on_the_payments_alone_not_on_how_they_are_cut() -> None:
    begun = state_of(CONFIG)
    alerted(begun, under(0.02), 2_000)
    values, version = traffic()[2_000:4_000], under(0.002)
    found = []
    for edges in ([2_000], [1, 300, 1_700, 2_000]):
        state, places = deepcopy(begun), []
        for start, end in zip([0, *edges], edges, strict=False):
            part = batch(values[start:end], 2_000 + start)
            places += [a.source.offset for a in run([part], CONFIG, version, state).alerts]
        found.append((sorted(places), state.debt, state.budgets))
    assert found[0] == found[1]
