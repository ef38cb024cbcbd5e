"""The bounded tables of entity states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.errors import InvariantError
from streamer.features.entities import EntityTable, Evicted
from streamer.features.kinds import EntityKind
from streamer.features.packed import names_of
from streamer.indexing import fingerprints

KIND = EntityKind("things", {"total": 10.0}, (("latest", "<i4"),))


def rows(table: EntityTable, *keys: str) -> np.ndarray:
    return table.rows(fingerprints(keys))


def unknown(table: EntityTable, *keys: str) -> list[str]:
    return table.unknown(fingerprints(keys))


def names(*keys: str) -> list[str]:
    """Return what things are called in Redis, in the order of these names."""
    return sorted(names_of(fingerprints(keys)), key=int)


def put(table: EntityTable, key: str, time_ms: int, total: float, latest: int) -> None:
    row = table.rows(fingerprints([key]), to_change=True)
    for name, value in (("time_ms", time_ms), ("total", total), ("latest", latest)):
        table.records[name][row] = value


def state(table: EntityTable, key: str) -> tuple[float, ...]:
    """Return time, total and latest of one thing."""
    record = table.records[rows(table, key)[0]]
    return record.time_ms, record.total, record.latest


def test_what_is_saved_loads_into_another_table_bit_for_bit() -> None:
    one, other = EntityTable(KIND, 10), EntityTable(KIND, 10)
    put(one, "a", 1_767_614_400_123, 0.1 + 0.2, 2**31 - 1)
    put(one, "b", 5, -1.0, 52)
    saved = one.take_changed()
    (never_stored,) = names("never stored")
    other.load({**saved, never_stored: None})
    assert len(other) == 3
    assert state(other, "never stored") == (-1, 0.0, 0)
    assert unknown(other, "never stored") == []
    for key in "ab":
        assert state(one, key) == state(other, key)


def test_only_changed_entities_are_handed_out_and_only_once() -> None:
    table = EntityTable(KIND, 10)
    put(table, "a", 1, 1.0, 0)
    put(table, "b", 1, 1.0, 0)
    assert set(table.take_changed()) == set(names("a", "b"))
    put(table, "b", 2, 2.0, 0)
    assert set(table.take_changed()) == set(names("b"))
    assert table.take_changed() == {}


def test_a_full_table_drops_what_was_unused_for_longest() -> None:
    table = EntityTable(KIND, 3)
    for key in ("a", "b", "c", "a", "d"):
        rows(table, key)
    assert unknown(table, "a", "b", "c", "d") == names("b")
    assert table.n_evicted == 1


def test_a_full_table_drops_saved_entities_before_unsaved_ones() -> None:
    table = EntityTable(KIND, 2)
    put(table, "unsaved", 1, 1.0, 0)
    rows(table, "saved later")
    rows(table, "new")
    assert unknown(table, "unsaved", "saved later") == names("saved later")


def test_one_batch_larger_than_the_table_is_an_error_that_says_what_to_do() -> None:
    table = EntityTable(KIND, 2)
    with pytest.raises(InvariantError, match=r"things capacity must be .* got 2; raise it"):
        rows(table, "a", "b", "c")


def test_a_reused_row_starts_from_nothing() -> None:
    table = EntityTable(KIND, 1)
    put(table, "a", 1, 99.0, 1)
    assert state(table, "b") == (-1, 0.0, 0)


def test_an_entity_that_began_without_its_stored_state_is_merged_with_it() -> None:
    """Half-life 10 s: the stored 8 is 20 s old, so 2 is left of it, and 1 came in meanwhile."""
    table = EntityTable(KIND, 10)
    earlier = EntityTable(KIND, 10)
    put(earlier, "a", 10_000, 8.0, 52)
    table.mark_unloaded(names("a"))
    put(table, "a", 30_000, 1.0, 7)
    assert table.unloaded == unknown(table, "a") == names("a")
    table.load(earlier.take_changed())
    assert state(table, "a") == (30_000, 3.0, 7)
    assert table.unloaded == unknown(table, "a") == []


@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=8), max_size=60))
def test_never_more_than_its_capacity_and_every_key_of_a_batch_has_its_own_row(
    batches: list[list[int]],
) -> None:
    table = EntityTable(KIND, 12)
    for numbers in batches:
        keys = [f"k{number}" for number in numbers]
        found = rows(table, *keys)
        assert len(table) <= 12
        assert len(set(zip(keys, found.tolist(), strict=True))) == len(set(keys))
        assert len(set(found.tolist())) == len(set(keys))
        assert unknown(table, *keys) == []


def test_more_waiting_entities_than_rows_are_loaded_as_far_as_they_fit() -> None:
    """Redis back after a long outage: 50 cards wait, 12 have a row; today's error ended the worker."""
    table, earlier = EntityTable(KIND, 12), EntityTable(KIND, 50)
    for number in range(50):
        put(earlier, f"k{number}", 1_000, 4.0, 1)
        table.mark_unloaded(names(f"k{number}"))
        put(table, f"k{number}", 1_000, 1.0, 1)
    waiting = table.unloaded
    assert len(waiting) == len(table) <= 12
    stored = earlier.take_changed()
    table.load({name: stored[name] for name in waiting})
    assert table.unloaded == []
    merged = table.take_changed()
    assert {np.frombuffer(merged[name], KIND.row)["total"][0] for name in waiting} == {5.0}


def test_the_table_grows_with_what_waits_and_with_what_is_loaded() -> None:
    """3,000 things: more than the rows that there are at first."""
    many = names(*(f"k{number}" for number in range(3_000)))
    waiting, loaded = EntityTable(KIND, 5_000), EntityTable(KIND, 5_000)
    waiting.mark_unloaded(many)
    assert sorted(waiting.unloaded, key=int) == many
    loaded.load(dict.fromkeys(many, KIND.fresh.tobytes()))
    assert len(loaded) == 3_000


def test_a_load_larger_than_the_table_takes_what_fits() -> None:
    """Stored and never stored ones alike."""
    earlier = EntityTable(KIND, 50)
    for number in range(25):
        put(earlier, f"k{number}", 1_000, 4.0, 1)
    stored: dict[str, bytes | None] = {**earlier.take_changed()}
    stored |= dict.fromkeys(names(*(f"n{number}" for number in range(25))))
    table = EntityTable(KIND, 12)
    put(table, "k3", 1_000, 1.0, 0)
    table.load(stored)
    assert len(table) == 12


def test_what_is_lost_with_an_eviction_is_counted() -> None:
    """Of four that go one is saved, one unsaved, one waits to be merged, and one is both."""
    table = EntityTable(KIND, 4)
    put(table, "saved", 1, 1.0, 0)
    put(table, "waits", 1, 1.0, 0)
    table.take_changed()
    put(table, "unsaved", 1, 1.0, 0)
    put(table, "both", 1, 1.0, 0)
    table.mark_unloaded(names("waits", "both"))
    rows(table, "a", "b", "c", "d")
    assert table.take_evicted() == Evicted(4, 3)
    assert table.take_evicted() == Evicted(0, 0)
    assert table.unloaded == []


def test_no_more_go_than_have_to_where_something_would_be_lost() -> None:
    """Of 32 rows a sixteenth goes at once, two; one of those is unsaved and may stay."""
    table = EntityTable(KIND, 32)
    put(table, "saved", 1, 1.0, 0)
    table.take_changed()
    for number in range(31):
        put(table, f"unsaved {number}", 1, 1.0, 0)
    rows(table, "new")
    assert table.take_evicted() == Evicted(1, 0)
    assert len(table) == 32


def test_loading_what_a_batch_lacks_costs_it_nothing_that_it_has() -> None:
    """16 rows, "old" unused for longest: a batch of it and 5 new ones keeps it."""
    table = EntityTable(KIND, 16)
    put(table, "old", 1, 7.0, 0)
    table.take_changed()
    for number in range(15):
        rows(table, f"k{number}")
    absent = unknown(table, "old", *(f"new{number}" for number in range(5)))
    assert len(absent) == 5
    table.load(dict.fromkeys(absent))
    assert state(table, "old") == (1, 7.0, 0)


@pytest.mark.parametrize("state", [b"", b"1", b"\x00" * 8, b"\x00" * 1_000])
def test_a_stored_state_of_another_size_is_refused_in_words(state):
    """Another release's, or garbage; nothing of it is taken in."""
    table = EntityTable(EntityKind("cards", {"payments": 60.0}), 10)
    for _ in range(2):
        with pytest.raises(InvariantError, match=rf"cards must have 16 bytes, got {len(state)};"):
            table.load(dict.fromkeys(names("c-1"), state))
        rows(table, "c-1")
        assert table.times_ms[rows(table, "c-1")].tolist() == [-1]


def test_of_a_rare_kind_who_is_not_stored_has_no_row_and_is_asked_for_when_others_say_so() -> None:
    """Of cards that are judged there are few."""
    table = EntityTable(EntityKind("judged", {"frauds": 60.0}, is_rare=True), 10)
    table.load(dict.fromkeys(names("c-1", "c-2")))
    assert len(table) == 0
    cards = fingerprints(["c-1", "c-2"])
    assert table.unknown(cards, np.array([True, False])) == names("c-1")
    table.mark_unloaded(names("c-2"))
    assert table.unknown(cards, np.array([False, False])) == names("c-2")
