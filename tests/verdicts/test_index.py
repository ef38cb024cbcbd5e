"""Payments by fingerprint: found where they were put, whatever else came and went."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.record_columns import Spans
from streamer.indexing import index, prints
from streamer.indexing.index import FREE, Index
from streamer.indexing.prints import fingerprints
from streamer.verdicts import party_names
from streamer.verdicts.party_names import Names

# Few places in a table of 16 and more, so that searches are long and run round its end.
_prints = st.sampled_from([at + 64 * i for at in (0, 1, 14, 15, 63) for i in range(5)])
_calls = st.lists(st.tuples(st.booleans(), st.lists(_prints, min_size=1, max_size=6)), max_size=30)


@settings(deadline=None)
@given(_calls)
def test_it_holds_what_a_dictionary_would(calls: list[tuple[bool, list[int]]]) -> None:
    table, slot_of = Index(1), dict[int, int]()
    for enters, keys in calls:
        if enters:
            slots = table.enter(np.array(keys))
            for key, slot in zip(keys, slots.tolist(), strict=True):
                assert slot_of.setdefault(key, slot) == slot
        else:
            known = [key for key in dict.fromkeys(keys) if key in slot_of]
            table.leave(np.array([slot_of.pop(key) for key in known], dtype=np.int64))
        assert len(table) == len(slot_of)
        assert sorted(slot_of.values()) == table.held.tolist()
        asked = np.array([at + 64 * i for at in range(64) for i in range(6)])
        found = table.find(asked).tolist()
        assert found == [slot_of.get(key, FREE) for key in asked.tolist()]


def test_the_loops_do_what_their_python_does() -> None:
    rng = np.random.default_rng(3)
    keys = rng.integers(0, 1 << 62, 40) & ~np.int64(0b111)
    compiled, plain = (
        [np.full(128, FREE, np.int32), np.full(64, FREE), np.arange(64, dtype=np.int32)]
        for _ in range(2)
    )
    for kind, (table, held, free) in (("compiled", compiled), ("python", plain)):
        enter, find, leave = (
            each if kind == "compiled" else each.py_func
            for each in (index.enter, index.find, index.leave)
        )
        slots, found = np.empty(40, np.int64), np.empty(40, np.int64)
        assert enter(keys, table, held, free, 0, slots) == 40
        assert leave(slots[::3].copy(), table, held, free, 40) == 26
        find(keys, table, held, found)
        assert (found[::3] == FREE).all()
        assert (found[1::3] == slots[1::3]).all()
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fingerprints_are_the_same_for_ever_and_in_python() -> None:
    """They are stored: other ones would lose every payment that waits."""
    content, lengths = prints.joined(["", "a", "t-1", "Ünïcödé"])
    found = np.empty(4, np.int64)
    prints.add_prints.py_func(content, lengths, found)
    stored = [5472609000722892110, 5232582605641982453, 5013062241261236839]
    assert found[:3].tolist() == stored
    assert fingerprints(["", "a", "t-1", "Ünïcödé"]).tolist() == found.tolist()
    assert fingerprints(["Ünïcödé"])[0] == found[3]


def test_fingerprints_of_ids_that_count_up_differ_and_spread() -> None:
    """300,000 of them: none twice, and of 1,024 groups by their bits none is twice the usual."""
    found = fingerprints([f"payment-{i:010d}" for i in range(300_000)])
    assert len(np.unique(found)) == 300_000
    assert found.min() >= 0
    for bits in (found & 1023, found >> 53):
        assert np.bincount(bits, minlength=1024).max() < 2 * 300_000 / 1024


def test_names_stay_with_their_slots_while_room_is_made() -> None:
    """20 rounds of 300 slots out of 400: more bytes than the first array has."""
    rng = np.random.default_rng(5)
    kept, told = Names(400), dict[int, tuple[str, str | None]]()
    for turn in range(20):
        slots = rng.permutation(400)[:300]
        parties = [
            (f"card-{'é' * (turn % 4)}-{s}" * 3, f"{turn}" if s % 2 else None) for s in slots
        ]
        cards, merchants = zip(*parties, strict=True)
        kept.copy(slots, Spans.of(cards, [name or "" for name in merchants]), np.arange(300))
        told |= dict(zip(slots.tolist(), parties, strict=True))
        gone = slots[:50]
        kept.forget(gone)
        told |= dict.fromkeys(gone.tolist(), (None, None))
        assert {slot: kept.get(slot) for slot in told} == told
    content, lengths = kept.read(np.array([1, 2]))
    again = Names(400)
    again.put(np.array([2, 1]), prints.Texts(content, lengths))
    assert [again.get(2), again.get(1)] == [kept.get(1), kept.get(2)]


def test_names_of_what_is_picked_are_copied_and_of_a_slot_that_is_there_twice_the_later() -> None:
    names = Spans.of(["id"] * 3, ["a", "bé", "ccc"], ["m", "", "nn"])
    picked, slots = np.array([1, 2, 0]), np.array([3, 0, 3])
    for copy in (party_names.copy_names, party_names.copy_names.py_func):
        kept, at, long = np.zeros(11, np.uint8), np.zeros(4, int), np.zeros((4, 2), np.uint16)
        assert copy(*names, picked, slots, kept[:9], 0, at, long) == (0, 3 + 5 + 2)
        assert not kept.any()
        assert copy(*names, picked, slots, kept, 0, at, long) == (3 + 5 + 2, 0)
        assert kept.tobytes() == "bécccnnam".encode() + b"\0"
        assert at.tolist() == [3, 0, 0, 8]
        assert long.tolist() == [[3, 2], [0, 0], [0, 0], [1, 1]]


def test_pieces_are_copied_as_python_would() -> None:
    content = np.arange(20, dtype=np.uint8)
    starts, lengths = np.array([5, 0, 19]), np.array([3, 0, 1])
    for copy in (party_names.copy_pieces, party_names.copy_pieces.py_func):
        pieces = np.zeros(4, dtype=np.uint8)
        copy(content, starts, lengths, pieces)
        assert pieces.tolist() == [5, 6, 7, 19]


def test_two_hundred_thousand_names_alike_have_each_a_number_of_its_own() -> None:
    """Consecutive card numbers, with and without a currency; a name without one is no other's."""
    cards = prints.fingerprints([f"4111{number:012d}" for number in range(100_000)])
    others = np.concatenate([prints.extended(cards, np.full(100_000, n)) for n in (0, 1)])
    found = np.concatenate([cards, others])
    assert len(np.unique(found)) == len(found)
    assert (found >= 0).all()
    assert prints.extended(np.array([-1]), np.array([3])).tolist() == [-1]
    assert prints.extend_print.py_func(int(cards[7]), 1) == others[100_007]
