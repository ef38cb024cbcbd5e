"""Which waiting payments are old: all of them, oldest first, without a look at the others."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.verdicts.ages import NEVER_MS, Ages

# Several blocks, the last of them not full.
SIZE = 1_000


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "forget", "older"]), st.integers(0, 10**6), st.integers(1, 60)
        ),
        max_size=30,
    )
)
def test_what_is_older_than_a_time_is_what_a_look_at_all_of_them_finds(
    steps: list[tuple[str, int, int]],
) -> None:
    """Oldest first, of one time in the order of the slots; also when they are not let go."""
    ages, expected = Ages(SIZE // 2), np.full(SIZE, NEVER_MS)
    ages.grow(SIZE)
    for kind, seed, n in steps:
        slots = np.random.default_rng(seed).permutation(SIZE)[:n]
        if kind == "put":
            times_ms = np.random.default_rng(seed + 1).integers(0, 1_000, n)
            ages.put(slots, times_ms)
            expected[slots] = times_ms
        elif kind == "forget":
            ages.forget(slots)
            expected[slots] = NEVER_MS
        else:
            time_ms = seed % 1_100
            old = np.flatnonzero(expected < time_ms)
            in_order = old[np.argsort(expected[old], kind="stable")]
            assert ages.older_than(time_ms).tolist() == in_order.tolist()


def test_blocks_without_old_payments_are_not_looked_into() -> None:
    """A batch of one must not pay for the 100,000 that wait."""
    ages = Ages(SIZE)
    ages.put(np.arange(SIZE), np.arange(SIZE))
    # Of this one nobody was told: only who looks at the last block can find it.
    ages.times_ms[SIZE - 1] = 0
    assert ages.older_than(3).tolist() == [0, 1, 2]
    ages.forget(np.arange(3))
    assert ages.older_than(3).tolist() == []
    # The first block is known to begin at 3 now.
    assert ages.earliest_ms.tolist() == [3, 256, 512, 768]


def test_of_a_slot_that_is_there_twice_the_later_time_stays() -> None:
    ages = Ages(SIZE)
    ages.put(np.array([7, 7]), np.array([50, 20]))
    assert (ages.older_than(20).tolist(), ages.older_than(21).tolist()) == ([], [7])
    ages.put(np.array([7, 7]), np.array([20, 50]))
    assert (ages.older_than(50).tolist(), ages.older_than(51).tolist()) == ([], [7])
