"""A month of poisoning moves a center by no more than is stated; unbounded, it hides a fraud."""

from __future__ import annotations

import pytest

from tests.pipeline.attack import UNBOUNDED, config, simulate

# docs/decisions/0011: what an attacker with 50 cards gains in a month, in the deviations that the
# attacked cluster had before it.
MAX_DISPLACEMENT = 3.5
# As many payments of the attacker as honest ones.
HONEST_PER_DAY = 2_100


@pytest.mark.parametrize("cluster", [1, 8])
def test_a_month_of_poisoning_moves_a_center_by_no_more_than_is_stated(cluster: int) -> None:
    """A fraud at 2.5 thresholds still alerts."""
    outcome = simulate(config(), HONEST_PER_DAY, 1, cluster)
    assert outcome.displacement <= MAX_DISPLACEMENT
    assert outcome.fraud > 1.0


def test_without_the_bounds_the_same_attack_hides_the_fraud() -> None:
    outcome = simulate(config(**UNBOUNDED), HONEST_PER_DAY, 1, 8)
    assert outcome.displacement > 2 * MAX_DISPLACEMENT
    assert outcome.fraud < 0.5
