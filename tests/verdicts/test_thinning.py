"""Which payments wait on for half a year, and for how many each of them counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamer.contract.record_columns import Spans
from streamer.indexing import fingerprints
from streamer.verdicts import N_BESIDE, UnjudgedBuffer, Waiting
from streamer.verdicts.thinning import share_weights, thin

N_INPUTS = 2
N = 20_000


def kept(
    *ranks: float,
    n: int = N,
    capacity: int = N,
    alerts: Sequence[int] = (),
    rng: np.random.Generator | None = None,
) -> UnjudgedBuffer:
    """Return a buffer with ``n`` payments of the same ranks, at 0 to n-1 ms."""
    buffer = UnjudgedBuffer(N_INPUTS, capacity)
    beside = np.zeros((n, N_BESIDE))
    beside[:, :2] = ranks
    names = [f"t-{i}" for i in range(n)]
    waiting = Waiting(
        np.arange(n),
        np.isin(np.arange(n), alerts),
        np.zeros((n, N_INPUTS)),
        beside,
        fingerprints(names),
        Spans.of(["card"] * n, ["shop"] * n),
    )
    buffer.add((rng or np.random.default_rng(0)).random(n), waiting)
    return buffer


@pytest.mark.parametrize(
    ("distance_rank", "odds_rank", "weight"),
    [(0.96, np.nan, 4.0), (0.5, 0.9, 10.0), (0.2, 0.5, 20.0), (0.2, 0.995, 1.0)],
)
def test_what_waits_on_counts_for_what_does_not(
    distance_rank: float, odds_rank: float, weight: float
) -> None:
    """Rarity 1/25 waits on with 0.01 · 25 = 1/4, 1/10 with 1/10, a half with 1/20, the least; 1/200
    always.  The variance of the sum of 1/q over n payments is n (1/q - 1).
    """
    buffer = kept(distance_rank, odds_rank)
    held = buffer._table.index.held
    assert buffer.weights(held).tolist() == [1.0] * N
    buffer.thin(N)
    held = buffer._table.index.held
    weights = buffer.weights(held)
    assert weights == pytest.approx(np.full(len(held), weight), rel=1e-5)
    assert abs(weights.sum() - N) <= 4 * np.sqrt(N * (weight - 1.0))


def test_each_payment_is_drawn_once_at_its_time_and_alerts_wait_on() -> None:
    at_once, step_by_step = (kept(0.5, np.nan, alerts=range(50)) for _ in range(2))
    at_once.thin(10_000)
    for time_ms in (1, 3_000, 3_000, 9_999, 2_000, 10_000):
        step_by_step.thin(time_ms)
    assert np.array_equal(step_by_step._table.index.held, at_once._table.index.held)
    times_ms = at_once.times_ms(at_once._table.index.held)
    assert np.count_nonzero(times_ms >= 10_000) == 10_000
    assert np.count_nonzero(times_ms < 50) == 50
    assert 400 < np.count_nonzero((times_ms >= 50) & (times_ms < 10_000)) < 600
    alerts = np.array([slot for slot in at_once.slots(["t-0", "t-49"]) if slot is not None])
    assert at_once.weights(alerts).tolist() == [1.0, 1.0]


def test_room_and_age_are_two_draws_and_the_weight_is_of_both() -> None:
    """A quarter of 20,000 have room, one in twenty of these waits on: 250, each counts for 80."""
    buffer = kept(0.5, np.nan, capacity=N // 3)
    share = buffer.share
    assert 0.24 < share < 0.26
    buffer.thin(N)
    weights = buffer.weights(buffer._table.index.held)
    assert weights == pytest.approx(np.full(len(weights), 20.0 / share), rel=1e-5)
    # 4 standard deviations of 250 draws.
    assert abs(weights.sum() - N) < 4 * np.sqrt(250) * 80


def test_compiled_and_as_it_is_written_the_same_wait_on() -> None:
    """Ranks of single precision on either side of what is rare."""
    buffer = kept(0.5, np.nan, n=2_000)
    table, slots = buffer._table, buffer._table.index.held
    table.vectors[slots, N_INPUTS] = np.linspace(0.9, 1.0, 2_000, dtype=np.float32)
    table.is_alert[slots[::9]] = True
    known = slots, table.index.prints, table.vectors, N_INPUTS, table.is_alert
    of = slots, table.ages.times_ms, 1_500, table.vectors, N_INPUTS, table.is_alert, table.shares
    for kernel, arguments in ((thin, known), (share_weights, of)):
        outs = [np.zeros(2_000, np.int64 if kernel is thin else np.float64) for _ in range(2)]
        assert kernel(*arguments, outs[0]) == kernel.py_func(*arguments, outs[1])
        assert outs[0].tobytes() == outs[1].tobytes()
