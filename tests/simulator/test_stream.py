"""The stream: deterministic, in event-time order, with the share of fraud that was asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.simulator import FRAUD_PATTERNS, Payments, Simulator, SimulatorConfig
from tests.simulator.conftest import Run

SMALL = SimulatorConfig(seed=5, n_customers=60, n_merchants=60, fraud_share=0.05)


def assert_same(payments: Payments, *parts: Payments) -> None:
    for field in fields(Payments):
        whole = getattr(payments, field.name)
        pieces = [getattr(part, field.name) for part in parts]
        if isinstance(whole, np.ndarray):
            np.testing.assert_array_equal(whole, np.concatenate(pieces))
        else:
            assert whole == [value for piece in pieces for value in piece]


def test_the_same_seed_gives_the_same_records() -> None:
    first, second = (Simulator(SMALL).generate(3_000).records() for _ in range(2))
    assert first == second


def test_another_seed_gives_other_payments() -> None:
    other = SimulatorConfig(seed=6, n_customers=60, n_merchants=60)
    assert Simulator(SMALL).generate(50).records() != Simulator(other).generate(50).records()


def test_two_hundreds_equal_two_hundred() -> None:
    simulator = Simulator(SMALL)
    assert_same(Simulator(SMALL).generate(200), simulator.generate(100), simulator.generate(100))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_payments_do_not_depend_on_how_they_are_asked_for(sizes: list[int]) -> None:
    simulator = Simulator(SMALL)
    parts = [simulator.generate(n) for n in sizes]
    assert_same(Simulator(SMALL).generate(sum(sizes)), *parts)


def test_payments_come_in_event_time_order_across_calls() -> None:
    simulator = Simulator(SMALL)
    times = np.concatenate([simulator.generate(n).timestamps_ms for n in (1, 700, 41, 3_000)])
    assert (np.diff(times) >= 0).all()
    assert times[0] >= SMALL.start_ms


def test_transaction_ids_never_repeat(run: Run) -> None:
    assert len(set(run.payments.transaction_ids)) == len(run.payments)


def test_the_fraud_share_is_the_one_asked_for(run: Run) -> None:
    later = run.pattern[run.day >= 1]
    assert np.mean(later != "") == pytest.approx(0.005, rel=0.15)


def test_a_larger_fraud_share_is_met_as_well() -> None:
    patterns = Simulator(SimulatorConfig(seed=2, fraud_share=0.05)).generate(100_000).patterns
    assert np.mean([name is not None for name in patterns]) == pytest.approx(0.05, rel=0.15)


def test_no_fraud_share_means_no_fraud() -> None:
    simulator = Simulator(SimulatorConfig(seed=2, fraud_share=0.0))
    assert set(simulator.generate(30_000).patterns) == {None}
    assert set(simulator.pattern_counts.values()) == {0}


def test_the_first_event_day_is_free_of_fraud(run: Run) -> None:
    assert set(run.pattern[run.day == 0]) == {""}


def test_every_pattern_has_a_comparable_share_of_the_fraud(run: Run) -> None:
    counts = run.simulator.pattern_counts
    total = sum(counts.values())
    assert set(counts) == set(FRAUD_PATTERNS)
    assert all(0.13 < count / total < 0.27 for count in counts.values()), counts


def test_shares_are_comparable_in_a_small_world_too() -> None:
    simulator = Simulator(SimulatorConfig(seed=1, n_customers=100, n_merchants=50))
    simulator.generate(100_000)
    counts = simulator.pattern_counts
    assert sum(counts.values()) == pytest.approx(500, rel=0.2)
    assert all(0.1 < count / sum(counts.values()) < 0.3 for count in counts.values()), counts


def test_pattern_counts_are_those_of_the_payments_handed_out(run: Run) -> None:
    assert run.simulator.pattern_counts == Counter(filter(None, run.payments.patterns))


@pytest.mark.parametrize("seed", range(4))
def test_every_pattern_starts_within_the_first_sixty_thousand_payments(seed: int) -> None:
    counts = Counter(Simulator(SimulatorConfig(seed=seed)).generate(60_000).patterns)
    # At least the smallest episode of each pattern; a compromised merchant goes on for weeks.
    least = {"card_testing": 8, "spending_spree": 5, "impossible_travel": 1, "slow_drain": 7}
    assert all(counts[name] >= n for name, n in least.items()), counts
    assert counts["compromised_merchant"] >= 10


def test_fraud_does_not_change_what_customers_do() -> None:
    with_fraud = Run.of(SimulatorConfig(seed=9, fraud_share=0.02), 40_000)
    without = Run.of(SimulatorConfig(seed=9, fraud_share=0.0), 40_000)
    kept = np.flatnonzero(with_fraud.ordinary)
    assert len(kept) < 40_000
    for field in ("timestamps_ms", "amounts", "latitudes"):
        mixed, pure = getattr(with_fraud.payments, field), getattr(without.payments, field)
        np.testing.assert_array_equal(mixed[kept], pure[: len(kept)])
    np.testing.assert_array_equal(with_fraud.card[kept], without.card[: len(kept)])
