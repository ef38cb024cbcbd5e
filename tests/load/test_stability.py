"""The arithmetic of `load.stability`; the measurement itself is run by hand."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from load.likeness import OverStarts, floor, jaccard, noise
from load.stability import WAYS, main


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


def test_the_spread_over_starts_is_the_farthest_from_their_mean() -> None:
    """0.9, 1.0, 1.2, 0.9 have the mean 1.0, and 1.2 is a fifth of it away."""
    assert OverStarts.of([0.9, 1.0, 1.2, 0.9]) == OverStarts(0.9, 1.2, 0.2)


def test_the_first_way_is_run_a_second_time_and_others_with_two_workers() -> None:
    """Everything is compared with the first; only one thing differs in each."""
    assert [(way.n_workers, way.is_established) for way in WAYS] == [
        (1, False),
        (1, False),
        (2, True),
        (2, False),
    ]


@pytest.mark.parametrize("payments", ["50000", "60000"])
def test_nothing_is_started_where_no_payment_would_be_compared(payments: str) -> None:
    """The part that is compared begins behind the established one."""
    sizes = ["--payments", payments, "--established", "60000"]
    said = CliRunner().invoke(main, ["--broker", "embedded", *sizes])
    assert said.exit_code == 2
    assert f"must be less than --payments {payments}, got 60000" in said.output


def test_the_floor_is_what_noise_at_the_line_leaves_in_common() -> None:
    """Against a simulation: 400,000 payments, of which 1% alert by rarities that differ by 0.2."""
    rng = np.random.default_rng(0)
    rarities = (np.arange(400_000) + 0.5) / 400_000
    noisy = rarities * np.exp(rng.normal(0.0, 0.2, len(rarities)))
    first = {(0, i): rarities[i] for i in np.flatnonzero(rarities < 0.01).tolist()}
    line = np.sort(noisy)[len(first)]
    second = {(0, i): noisy[i] for i in np.flatnonzero(noisy < line).tolist()}
    assert noise(first, second) == pytest.approx(0.2, rel=0.1)
    found = jaccard(frozenset(first), frozenset(second))
    assert floor(0.2) == pytest.approx(found, abs=0.015)
