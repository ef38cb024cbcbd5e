"""The payments that wait for a verdict: bounded, a fair sample, and saved exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.record_columns import Spans
from streamer.indexing.prints import fingerprints
from streamer.model import uniform_hash
from streamer.verdicts import UnjudgedBuffer, Waiting
from streamer.verdicts.buffer import UNJUDGED


def waiting(
    ids: Sequence[str],
    values: np.ndarray,
    alerted: np.ndarray | None = None,
    first_ms: int = 0,
    *,
    parties: Sequence[tuple[str, str | None]] = (),
) -> Waiting:
    """Return payments a millisecond apart with one input each."""
    n = len(values)
    cards, merchants = zip(*(parties or [("card", None)] * n), strict=True)
    return Waiting(
        np.arange(first_ms, first_ms + n),
        np.zeros(n, dtype=bool) if alerted is None else alerted,
        np.asarray(values, dtype=float)[:, None],
        np.full((n, 3), np.nan),
        fingerprints(ids),
        Spans.of(cards, [name or "" for name in merchants]),
    )


def fill(
    buffer: UnjudgedBuffer, n: int, alerted: np.ndarray | None = None, step: int = 100
) -> None:
    """Add payments t-0, t-1, ... in pieces; the input of each is its number."""
    for first in range(0, n, step):
        numbers = np.arange(first, min(first + step, n))
        marks = None if alerted is None else alerted[numbers]
        ids = [f"t-{i}" for i in numbers]
        buffer.add(uniform_hash(numbers), waiting(ids, numbers, marks, first))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 300), st.integers(1, 50), st.floats(0, 1))
def test_the_buffer_never_holds_more_than_its_capacity(
    capacity: int, n: int, step: int, share: float
) -> None:
    buffer = UnjudgedBuffer(1, capacity)
    fill(buffer, n, np.random.default_rng(n).random(max(n, 1)) < share, step)
    assert len(buffer) <= capacity


def test_every_alert_is_kept_while_alerts_alone_fit() -> None:
    buffer = UnjudgedBuffer(1, 100)
    alerted = np.zeros(2_000, dtype=bool)
    alerted[::50] = True
    fill(buffer, 2_000, alerted)
    assert all(buffer.slots([f"t-{i}"])[0] is not None for i in range(0, 2_000, 50))
    slots = [buffer.slots(["t-0"])[0], buffer.slots(["t-1950"])[0]]
    assert buffer.weights(np.array(slots)).tolist() == [1.0, 1.0]


def test_the_weights_of_the_kept_stand_for_all_payments() -> None:
    """In expectation their sum is the number of all: within 10% over forty samples of 20,000."""
    totals, sums = [], []
    for seed in range(40):
        buffer = UnjudgedBuffer(1, 1_000)
        numbers = np.arange(20_000)
        hashes = uniform_hash(numbers + seed * 20_000)
        for first in range(0, 20_000, 500):
            part = slice(first, first + 500)
            ids = [f"t-{i}" for i in numbers[part]]
            buffer.add(hashes[part], waiting(ids, numbers[part], None, first))
        held = [s for s in buffer.slots([f"t-{i}" for i in numbers]) if s is not None]
        values, weights = buffer.vectors[held], buffer.weights(np.array(held))
        totals.append(weights.sum())
        sums.append(weights @ values[:, 0])
    assert np.mean(totals) == pytest.approx(20_000, rel=0.02)
    assert np.mean(sums) == pytest.approx(numbers.sum(), rel=0.02)
    assert min(totals) > 17_000


def test_the_share_recovers_when_there_is_room_again() -> None:
    buffer = UnjudgedBuffer(1, 100)
    fill(buffer, 1_000)
    assert buffer.share < 0.2
    buffer.remove(buffer.older_than(10**9))
    for first in range(10):
        buffer.add(np.array([0.999]), waiting([f"u-{first}"], np.array([1.0])))
    assert buffer.share == 1.0


def test_a_label_that_was_learned_is_remembered() -> None:
    buffer = UnjudgedBuffer(1, 10)
    fill(buffer, 2)
    slot = buffer.slots(["t-0"])[0]
    assert slot is not None
    assert buffer.learned(slot) == UNJUDGED
    buffer.judge(slot, True, is_final=False)
    assert buffer.learned(slot) == 1


def test_payments_whose_label_is_final_make_room_first() -> None:
    buffer = UnjudgedBuffer(1, 100)
    fill(buffer, 100)
    for i in range(30):
        buffer.judge(buffer.slots([f"t-{i}"])[0], False, is_final=True)
    buffer.add(np.array([0.5]), waiting(["u"], np.array([1.0])))
    assert all(buffer.slots([f"t-{i}"])[0] is not None for i in range(30, 100))
    assert sum(buffer.slots([f"t-{i}"])[0] is not None for i in range(30)) == 4
    assert buffer.share == 1.0


def test_a_capacity_of_nothing_keeps_nothing() -> None:
    buffer = UnjudgedBuffer(1, 0)
    fill(buffer, 10, np.ones(10, dtype=bool))
    assert len(buffer) == 0


def test_payments_without_room_for_their_label_are_told_once() -> None:
    """300 payments into room for 100: at most 100 are left, and the rest was dropped."""
    buffer = UnjudgedBuffer(1, 100)
    fill(buffer, 300)
    assert buffer.take_dropped() == 300 - len(buffer)
    assert buffer.take_dropped() == 0


def test_card_and_merchant_of_a_payment_are_remembered_and_saved() -> None:
    first, second = UnjudgedBuffer(1, 10), UnjudgedBuffer(1, 10)
    told = [("card-é", "shop"), ("card-2", None)]
    first.add(np.zeros(2), waiting(["t-0", "t-1"], np.arange(2), parties=told))
    second.load(first.take_changed())
    for buffer in (first, second):
        slots = [buffer.slots(["t-0"])[0], buffer.slots(["t-1"])[0]]
        assert [buffer.parties(slot) for slot in slots] == told
    second.remove(np.array([second.slots(["t-0"])[0]]))
    second.add(np.zeros(1), waiting(["t-2"], np.arange(1)))
    assert second.parties(second.slots(["t-2"])[0]) == ("card", None)


def test_of_a_payment_that_comes_twice_the_later_one_waits_unjudged() -> None:
    """In one call and in two, with the names of the later one."""
    buffer = UnjudgedBuffer(1, 10)
    told = [("card-1", "shop-1"), ("card-2", None), ("card-3", "shop-3")]
    buffer.add(np.zeros(3), waiting(["t-0", "t-1", "t-0"], np.arange(3), parties=told))
    assert (len(buffer), buffer.parties(buffer.slots(["t-0"])[0])) == (2, told[2])
    buffer.judge(buffer.slots(["t-1"])[0], True, is_final=True)
    buffer.add(np.zeros(1), waiting(["t-1"], np.array([7]), parties=[("card-4", None)]))
    slot = buffer.slots(["t-1"])[0]
    assert (len(buffer), buffer.learned(slot), buffer.parties(slot)) == (
        2,
        UNJUDGED,
        ("card-4", None),
    )
    assert buffer.vectors[slot, 0] == 7.0
