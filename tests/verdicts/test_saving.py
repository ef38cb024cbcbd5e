"""What waits for a verdict, in Redis: an exact log in segments, bounded, whatever crashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.record_columns import Spans
from streamer.errors import InvariantError
from streamer.indexing.prints import fingerprints
from streamer.verdicts import UnjudgedBuffer, Waiting, log

MOST_ROWS, MOST_SMALL = 16, 3
N_INPUTS = 2


@pytest.fixture(autouse=True, scope="module")
def _small_segments() -> Iterator[None]:
    with (
        patch.object(log, "MOST_ROWS", MOST_ROWS),
        patch.object(log, "MOST_SMALL", MOST_SMALL),
    ):
        yield


class Redis:
    """The fields of one hash, as checkpoints leave them."""

    def __init__(self) -> None:
        self.fields: dict[str, bytes] = {}

    def save(self, buffer: UnjudgedBuffer) -> dict[str, bytes]:
        """Do what a checkpoint does, and return what it wrote."""
        changed, removed = buffer.take_changed(), buffer.take_removed()
        assert not changed.keys() & set(removed)
        self.fields |= changed
        for name in removed:
            del self.fields[name]
        return changed

    def loaded(self, capacity: int) -> UnjudgedBuffer:
        buffer = UnjudgedBuffer(N_INPUTS, capacity)
        buffer.load(self.fields)
        return buffer


class Payments:
    """Adds numbered payments; those of every seventh call alert."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)
        self.n = 0

    def add(self, buffer: UnjudgedBuffer, n: int) -> None:
        numbers = np.arange(self.n, self.n + n)
        waiting = Waiting(
            numbers,
            np.full(n, self.n % 7 == 0),
            self._rng.random((n, N_INPUTS)),
            self._rng.random((n, 3)),
            fingerprints([f"t-{i}" for i in numbers.tolist()]),
            Spans.of(
                [f"card-{i % 5}é" for i in numbers.tolist()],
                ["" if i % 3 else f"shop-{i}" for i in numbers.tolist()],
            ),
        )
        buffer.add(self._rng.random(n), waiting)
        self.n += n


def contents(buffer: UnjudgedBuffer) -> dict[int, tuple[Any, ...]]:
    """Return everything that is known of each payment, by what it is known by."""
    found = {}
    for slot in buffer._table.index.held.tolist():
        found[int(buffer._table.index.prints[slot])] = (
            int(buffer._table.ages.times_ms[slot]),
            float(buffer._table.hashes[slot]),
            float(buffer._table.shares[slot]),
            float(buffer.weights(np.array([slot]))[0]),
            buffer.is_alerted(slot),
            buffer.learned(slot),
            bool(buffer._table.is_final[slot]) and buffer.learned(slot) >= 0,
            buffer._table.vectors[slot].tobytes(),
            buffer.parties(slot),
        )
    return found


def rows_of(fields: dict[str, bytes]) -> list[int]:
    """Return how many rows each segment has: the last number of its head."""
    return [
        int.from_bytes(packed[8:12], "little")
        for name, packed in fields.items()
        if name.endswith(":rows")
    ]


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 40)),
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("judge"), st.integers(0, 500)),
        st.tuples(st.just("judge finally"), st.integers(0, 500)),
        st.tuples(st.just("expire"), st.integers(0, 500)),
        st.tuples(st.just("thin"), st.integers(0, 500)),
        st.tuples(st.just("save"), st.just(0)),
        st.tuples(st.just("save"), st.just(0)),
        st.tuples(st.just("crash"), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(_steps, st.sampled_from([40, 1_000]))
def test_whatever_happens_a_crash_leaves_what_the_last_checkpoint_saw(
    steps: list[tuple[str, int]], capacity: int
) -> None:
    """And Redis holds at most half as many rows again and a segment more, in few fields."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, capacity)
    seen = contents(buffer)
    for what, n in steps:
        held = buffer._table.index.held
        if what == "add":
            payments.add(buffer, n)
        elif what.startswith("judge") and len(held):
            slot = int(held[n % len(held)])
            buffer.judge(slot, bool(n % 2), is_final=what == "judge finally")
        elif what == "expire":
            buffer.remove(buffer.older_than(n % (payments.n + 1)))
        elif what == "thin":
            buffer.thin(n % (payments.n + 1))
        elif what == "save":
            redis.save(buffer)
            seen = contents(buffer)
            assert contents(redis.loaded(capacity)) == seen
            rows = rows_of(redis.fields)
            assert sum(rows) <= 1.5 * len(buffer) + MOST_ROWS
            assert max(rows, default=0) <= MOST_ROWS
            assert len(rows) <= MOST_SMALL + 3 * len(buffer) // MOST_ROWS + 1
        elif what == "crash":
            buffer = redis.loaded(capacity)
            assert contents(buffer) == seen
    assert redis.loaded(capacity).take_changed() == {}


def test_a_checkpoint_writes_what_was_added_and_nothing_of_the_rest() -> None:
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 1_000)
    for _ in range(10):
        payments.add(buffer, MOST_ROWS)
        assert rows_of(redis.save(buffer)) == [MOST_ROWS]
    assert redis.save(buffer) == {}


def test_a_verdict_writes_the_small_field_of_its_segment_alone() -> None:
    """A head of 12 bytes, a count of 4, bounds of 16, a bit for each of 16 rows, 6 for the judged."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 1_000)
    for _ in range(3):
        payments.add(buffer, MOST_ROWS)
        redis.save(buffer)
    buffer.judge(buffer.slots(["t-20"])[0], True, is_final=False)
    assert {name: len(packed) for name, packed in redis.save(buffer).items()} == {"1:state": 40}
    buffer = redis.loaded(1_000)
    assert [buffer.learned(buffer.slots([f"t-{i}"])[0]) for i in (19, 20)] == [-1, 1]


def test_what_expired_goes_as_a_whole_and_is_never_written_again() -> None:
    """Payments come as fast as they expire: each is written once, and a segment goes with its last."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 1_000)
    n_written = 0
    for _ in range(100):
        payments.add(buffer, MOST_ROWS)
        buffer.remove(buffer.older_than(payments.n - 100))
        n_written += sum(rows_of(redis.save(buffer)))
        assert sum(rows_of(redis.fields)) < 100 + 2 * MOST_ROWS
    assert n_written == payments.n


def test_small_segments_are_merged_so_that_each_payment_is_written_a_few_times() -> None:
    """One payment a checkpoint, 64 of them, segments of at most 16: each at most 1 + log2(16) times."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 1_000)
    n_written = 0
    for _ in range(64):
        payments.add(buffer, 1)
        n_written += sum(rows_of(redis.save(buffer)))
    assert n_written <= 64 * 5
    assert len(rows_of(redis.fields)) <= MOST_SMALL + 64 // MOST_ROWS + 1


def test_segments_of_which_little_is_left_are_written_together() -> None:
    """Of three full ones a payment each: 3 rows in place of 48."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 1_000)
    for _ in range(3):
        payments.add(buffer, MOST_ROWS)
        redis.save(buffer)
    held = buffer._table.index.held
    buffer.remove(held[held % MOST_ROWS != 5])
    redis.save(buffer)
    assert sum(rows_of(redis.fields)) <= 1.5 * 3 + MOST_ROWS
    assert contents(redis.loaded(1_000)) == contents(buffer)


def test_making_room_writes_no_row_again() -> None:
    """Shares fall and payments go: that is bits and two bounds a segment."""
    redis, payments, buffer = Redis(), Payments(), UnjudgedBuffer(N_INPUTS, 64)
    payments.n = 1
    for _ in range(4):
        payments.add(buffer, MOST_ROWS)
        redis.save(buffer)
    payments.add(buffer, 1)
    assert buffer.share < 1.0
    written = redis.save(buffer)
    assert sum(rows_of(written)) <= MOST_ROWS
    assert len(written) == 5
    assert contents(redis.loaded(64)) == contents(buffer)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda fields: fields | {"t-7": b"x" * 200},
        lambda fields: fields | {"0:rows": fields["0:rows"][:-1]},
        lambda fields: fields | {"0:rows": fields["0:rows"] + b"x"},
        lambda fields: fields | {"0:rows": b""},
        lambda fields: fields | {"0:rows": b"labl\1" + fields["0:rows"][5:]},
        lambda fields: fields | {"0:state": fields["0:state"][:-1]},
        lambda fields: fields | {"0:state": fields["0:state"] + bytes(6)},
        lambda fields: {"0:state": fields["0:state"]},
        lambda fields: fields | {"1:state": fields["0:state"]},
    ],
    ids="format1 short long empty number state-short state-long no-rows other-state".split(),
)
def test_what_is_no_segment_of_this_format_is_refused_in_words(spoilt: Any) -> None:
    redis, buffer = Redis(), UnjudgedBuffer(N_INPUTS, 1_000)
    Payments().add(buffer, 9)
    buffer.judge(buffer.slots(["t-3"])[0], True, is_final=True)
    redis.save(buffer)
    assert set(redis.fields) == {"0:rows", "0:state"}
    redis.fields = spoilt(redis.fields)
    with pytest.raises(InvariantError, match=r"must be segments of format 3, got .*NAMESPACE"):
        redis.loaded(1_000)


def test_payments_with_other_inputs_are_refused_in_words() -> None:
    buffer = UnjudgedBuffer(N_INPUTS, 10)
    Payments().add(buffer, 3)
    with pytest.raises(InvariantError, match="got 2 inputs in place of 3"):
        UnjudgedBuffer(3, 10).load(buffer.take_changed())
