"""The arithmetic of `load.stability`; the measurement itself is run by hand."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from load.stability import WAYS, OverSeeds, jaccard, main


def test_two_sets_of_alerts_are_as_alike_as_their_common_share() -> None:
    """Hand-worked: of four places two are in both."""
    first, second = frozenset({(0, 1), (0, 2), (1, 1)}), frozenset({(0, 1), (0, 2), (1, 3)})
    assert jaccard(first, second) == 0.5
    assert jaccard(first, first) == 1.0
    assert jaccard(first, frozenset()) == 0.0
    assert jaccard(frozenset(), frozenset()) == 1.0


def test_an_offset_of_one_partition_is_not_that_of_another() -> None:
    """Offsets begin at 0 in each."""
    assert jaccard(frozenset({(0, 7)}), frozenset({(1, 7)})) == 0.0


def test_the_spread_over_seeds_is_the_farthest_from_their_mean() -> None:
    """0.9, 1.0, 1.2, 0.9 have the mean 1.0, and 1.2 is a fifth of it away."""
    assert OverSeeds.of([0.9, 1.0, 1.2, 0.9]) == OverSeeds(0.9, 1.2, 0.2)


def test_the_first_way_is_run_a_second_time_and_another_with_two_workers() -> None:
    """Everything is compared with the first; only one thing differs in each."""
    first, again, two, seed = WAYS
    assert (first.n_workers, first.seed) == (again.n_workers, again.seed) == (1, 0)
    assert (two.n_workers, two.seed) == (2, 0)
    assert (seed.n_workers, seed.seed) == (1, 1)


@pytest.mark.parametrize("payments", ["50000", "60000"])
def test_nothing_is_started_where_no_payment_would_be_compared(payments: str) -> None:
    """The part that is compared begins behind the established one."""
    sizes = ["--payments", payments, "--established", "60000"]
    said = CliRunner().invoke(main, ["--broker", "embedded", *sizes])
    assert said.exit_code == 2
    assert f"must be less than --payments {payments}, got 60000" in said.output
