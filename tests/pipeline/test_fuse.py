"""The fuse: at most twice the budget of any window of payments, whatever comes; the rest overflows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamer.pipeline.fuse
from streamer.intake.decoding import decode_batch
from streamer.model import Scorer
from streamer.model.histogram import N_BINS
from streamer.pipeline import (
    Outcome,
    PartitionState,
    prepare,
    process,
    process_in_steps,
    process_prepared,
)
from streamer.pipeline.deciding import _limits
from streamer.pipeline.fuse import WINDOW, Limit, admit, limit_of, still_counted
from tests.builders import ARRIVAL_MS, batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import ordinary, run, trained

CONFIG = replace(pipeline_config(), with_scores=True)
SMALL = 50
"""A window in which 2 x 0.02 x 50 = 2 alerts are allowed, so that few payments fill it."""


def hot() -> Scorer:
    """Return the trained version that ranks every payment above all traffic: no pace can hold it."""
    return replace(trained(), distances_below=np.ones(N_BINS + 1))


def most_in_a_window(places: Sequence[int], window: int) -> int:
    """Return the largest number of places that any ``window`` consecutive numbers hold."""
    return max((sum(p <= q < p + window for q in places) for p in places), default=0)


@pytest.fixture
def small_window() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamer.pipeline.fuse, "WINDOW", SMALL)
        yield


def test_twice_the_budget_of_5_000_payments() -> None:
    """2 x 0.005 x 5,000 = 50; 2 x 0.0003 x 5,000 = 3, though it is less in binary."""
    assert limit_of(0.005) == Limit(5_000, 50)
    assert limit_of(0.0003) == Limit(5_000, 3)
    assert limit_of(0.00013) == Limit(5_000, 1)


def test_a_budget_below_one_alert_allows_one_among_more_payments() -> None:
    """1 in 50,000: two in 50,000 is one in 25,000."""
    assert limit_of(1 / 50_000) == Limit(25_000, 1)


def test_every_window_counts_not_a_grid_of_them() -> None:
    """Two of ten: 0 and 9 fill every window between them; 10 has 9 beside it, but 0 no more."""
    limit = Limit(10, 2)
    assert admit([0, 9], [5], [limit]) == (False,)
    assert admit([0, 9], [10], [limit]) == (True,)
    assert admit([0, 9, 10], [18], [limit]) == (False,)
    assert admit([0, 9, 10], [19], [limit]) == (True,)


def test_what_alerts_later_counts_as_well() -> None:
    """After a crash alerts of later payments are out already."""
    assert admit([20, 21], [12], [Limit(10, 2)]) == (False,)
    assert admit([20, 21], [11], [Limit(10, 2)]) == (True,)


def test_the_first_asked_is_the_first_served() -> None:
    assert admit([], [7, 3, 5], [Limit(10, 2)] * 3) == (True, True, False)


@given(
    st.lists(st.integers(0, 120), unique=True, max_size=60),
    st.integers(1, 30),
    st.integers(1, 6),
)
def test_no_window_ever_holds_more_and_nothing_is_held_back_without_need(
    asked: list[int], window: int, n_alerts: int
) -> None:
    """Against a count over every window, in any order of asking."""
    limit = Limit(window, n_alerts)
    admitted: list[int] = []
    for place, is_admitted in zip(asked, admit([], asked, [limit] * len(asked)), strict=True):
        fits = most_in_a_window([*admitted, place], window) <= n_alerts
        assert is_admitted == fits
        admitted += [place] if is_admitted else []


@given(
    st.lists(st.integers(0, 200), unique=True, max_size=80).map(sorted),
    st.lists(st.integers(1, 200), unique=True, max_size=4),
    st.sampled_from([0.01, 0.004, 0.002, 0.06]),
)
def test_what_is_no_longer_kept_changes_no_decision(
    asked: list[int], cuts: list[int], share: float
) -> None:
    """In windows of 50: one alert in 50, 125 and 250 payments, and 6 in 50."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamer.pipeline.fuse, "WINDOW", SMALL)
        limit = limit_of(share)
        whole = admit([], asked, [limit] * len(asked))
        kept: list[int] = []
        piecewise: list[bool] = []
        for end in sorted({*cuts, 201}):
            part = asked[len(piecewise) : sum(place < end for place in asked)]
            decided = admit(kept, part, [limit] * len(part))
            piecewise += decided
            alerted = [place for place, yes in zip(part, decided, strict=True) if yes]
            kept = still_counted(kept + alerted, end)
            assert sum(place <= end - SMALL for place in kept) <= 1
        assert tuple(piecewise) == whole


def test_a_model_that_ranks_everything_above_all_traffic_floods_nobody() -> None:
    """6,000 ordinary payments, above its threshold: 200 of any 5,000 are alerts."""
    n, version, state = 6_000, hot(), state_of(CONFIG)
    values = ordinary(n, seed=3)
    result = run(
        [batch(values[i : i + 1_000], i) for i in range(0, n, 1_000)], CONFIG, version, state
    )
    overflow = [alert for outcome in result.outcomes for alert in outcome.overflow]
    above = set(range(n))
    places = [alert.source.offset for alert in result.alerts]
    # As many as may be: a fuse that holds back more than it must hides frauds.
    assert most_in_a_window(places, WINDOW) == 200
    assert {*places} | {alert.source.offset for alert in overflow} == above
    assert len(places) + len(overflow) == len(above)
    assert (state.ledger.alerted, state.ledger.overflowed) == (len(places), len(overflow))
    assert state.is_fuse_blown
    # Nothing above the threshold teaches, and the budget's control sees all of it.
    assert state.delta.transactions_taught <= n - len(above)
    assert state.delta.alerted_weight == len(above)
    assert sum(score.alerted for score in result.scores) == len(places)


def test_the_highest_ranked_of_a_batch_alert_and_the_rest_overflows_whole(
    small_window: None,
) -> None:
    values = ordinary(40, seed=5)
    result = run([batch(values)], CONFIG, hot())
    (outcome,) = result.outcomes
    assert len(outcome.alerts) == 2
    assert len(outcome.overflow) > 5
    lowest = min(alert.distance for alert in outcome.alerts)
    assert all(alert.distance <= lowest for alert in outcome.overflow)
    assert all(alert.reasons and alert.severity for alert in outcome.overflow)


def test_what_the_fuse_held_back_waits_for_its_label_with_the_rest(small_window: None) -> None:
    state = state_of(CONFIG)
    result = run([batch(ordinary(40, seed=5))], CONFIG, hot(), state)
    buffer = state.verdicts.buffer
    assert len(buffer) == 40
    ids = [f"t-{i}" for i in range(40)]
    assert {i for i in ids if buffer.is_alerted(buffer.slots([i])[0])} == {
        alert.transaction.transaction_id for alert in result.alerts
    }


def test_the_fuse_is_whole_again_once_nothing_was_held_back_for_a_window() -> None:
    state = state_of(CONFIG)
    state.held_back_until = 300
    state.ledger = replace(state.ledger, scored=5_299)
    assert state.is_fuse_blown
    state.ledger = replace(state.ledger, scored=5_300)
    assert not state.is_fuse_blown


def test_with_alerts_per_hour_the_limit_is_that_of_the_payment_s_own_hour() -> None:
    """Targets of 0.01 at 0 h and 0.001 at 12 h: 100 and 10 of 5,000."""
    version = trained()
    targets = np.full(24, 0.02)
    targets[[0, 12]] = 0.01, 0.001
    version = replace(
        version,
        config=replace(version.config, alerts_per_hour=5.0),
        asked=replace(version.asked, hourly_targets=targets),
    )
    values = [
        payment(i, timestamp=f"2026-01-06T{hour:02d}:30:00Z") for i, hour in enumerate((0, 12))
    ]
    decoded = decode_batch(batch(values), CONFIG.believable)
    limits = _limits(decoded, version, np.array([1, 0]))
    assert limits == [Limit(5_000, 10), Limit(5_000, 100)]


@dataclass
class Topics:
    """What is on the two topics: the alerts with their places, and what overflowed."""

    alerts: dict[int, int] = field(default_factory=dict)
    overflow: dict[int, int] = field(default_factory=dict)

    def publish(self, outcome: Outcome, n_alerts: int, n_overflow: int) -> None:
        for topic, alerts, n in (
            (self.alerts, outcome.alerts, n_alerts),
            (self.overflow, outcome.overflow, n_overflow),
        ):
            for alert in alerts[:n]:
                offset = alert.source.offset
                assert offset not in self.alerts.keys() | self.overflow.keys(), "twice"
                topic[offset] = outcome.places[offset]

    def recovered(self, saved: PartitionState, *, with_places: bool) -> PartitionState:
        """Return what a worker that claims the partition goes on from."""
        state, first = deepcopy(saved), saved.next_offset or 0
        state.published = {
            offset: place if with_places else None
            for offset, place in self.alerts.items()
            if offset >= first
        }
        state.overflowed = {offset for offset in self.overflow if offset >= first}
        return state


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_crash_and_no_change_of_model_gets_more_than_twice_the_budget_out(
    data: st.DataObject,
) -> None:
    """Batches, checkpoints, crashes and versions at random: of any 50 payments at most 2 alert.

    A crash loses the end of what its last batch published.  Nothing comes twice, and every alert is
    where the ledger has counted it.
    """
    values: list[object] = list(ordinary(150, seed=data.draw(st.integers(0, 3))))
    for position in data.draw(st.lists(st.integers(0, 149), max_size=20)):
        values[position] = b"bad"
    whole = batch(values)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamer.pipeline.fuse, "WINDOW", SMALL)
        topics, saved = Topics(), state_of(CONFIG)
        state, n_crashes = deepcopy(saved), 0
        while (position := state.next_offset or 0) < 150:
            end = data.draw(st.integers(position + 1, 150))
            version = data.draw(st.sampled_from([trained(), hot()]))
            part = replace(whole, records=whole.records[position:end])
            outcome = process(part, state, version, CONFIG, now_ms=ARRIVAL_MS)
            assert outcome is not None
            if n_crashes < 5 and data.draw(st.booleans()):
                n_crashes += 1
                n_out = [
                    data.draw(st.integers(0, len(a))) for a in (outcome.alerts, outcome.overflow)
                ]
                topics.publish(outcome, *n_out)
                state = topics.recovered(saved, with_places=data.draw(st.booleans()))
                continue
            topics.publish(outcome, len(outcome.alerts), len(outcome.overflow))
            if data.draw(st.booleans()):
                saved = deepcopy(state)
    assert most_in_a_window(list(topics.alerts.values()), SMALL) <= 2
    assert (state.ledger.alerted, state.ledger.overflowed) == (
        len(topics.alerts),
        len(topics.overflow),
    )


def test_a_flood_is_scored_in_steps_between_which_others_have_their_turn() -> None:
    """100 payments that all alert, two for reviewers and 98 held back: 98 // 16 = 6 pauses."""
    version, config = hot(), replace(CONFIG, with_scores=False)
    flood, states = batch(ordinary(100)), [state_of(config), state_of(config)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamer.pipeline.fuse, "WINDOW", SMALL)
        prepared = [prepare(flood, config, state) for state in states]
        at_once = process_prepared(prepared[0], states[0], version, config, now_ms=ARRIVAL_MS)
        steps = process_in_steps(prepared[1], states[1], version, config, now_ms=ARRIVAL_MS)
        n_pauses = 0
        while True:
            try:
                next(steps)
            except StopIteration as end:
                outcome = end.value
                break
            n_pauses += 1
    assert len(outcome.alerts) + len(outcome.overflow) == 100
    assert n_pauses == len(outcome.alerts) // 16 + len(outcome.overflow) // 16 > 5
    assert (outcome.alerts, outcome.overflow) == (at_once.alerts, at_once.overflow)
    assert states[0].ledger == states[1].ledger
