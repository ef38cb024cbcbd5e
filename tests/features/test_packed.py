"""Packed states: a dict's behaviour without cutting a million strings first."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.features import EntityTable, PackedStates
from streamer.features.kinds import EntityKind

KIND = EntityKind("cards", {"payments": 60.0})


def table_of(n: int) -> tuple[EntityTable, np.ndarray]:
    """A table of ``n`` entities; the sum of the i-th is i."""
    table, keys = EntityTable(KIND, 2 * n), np.arange(n)
    write(table, keys, np.arange(n, dtype=float))
    return table, keys


def write(table: EntityTable, keys: np.ndarray, sums: np.ndarray) -> None:
    rows = table.rows(keys, to_change=True)
    table.records["time_ms"][rows], table.records["payments"][rows] = 7, sums


def packed(value: float) -> bytes:
    return np.array([7.0, value]).tobytes()


def test_they_are_what_a_dict_of_the_rows_would_be() -> None:
    """10,000 rows are more than are cut at once."""
    rows = np.arange(20_000, dtype=np.uint16).view(np.uint8).reshape(10_000, 4)
    keys = [str(2**40 + i) for i in range(10_000)]
    expected = {key: rows[i].tobytes() for i, key in enumerate(keys)}
    states = PackedStates(2**40 + np.arange(10_000), rows)
    assert states == expected
    assert list(states.items()) == list(expected.items())
    assert list(states) == keys
    assert states[keys[-1]] == expected[keys[-1]]
    assert (keys[-1] in states, "1" in states) == (True, False)
    with pytest.raises(KeyError):
        states["1"]
    assert PackedStates(np.arange(0), rows[:0]) == {}
    assert states.n_bytes == sum(map(len, expected.values()))


def test_what_was_taken_stays_as_it_was_though_the_table_goes_on() -> None:
    """A checkpoint is written while later payments are scored: it must hold none of them."""
    table, keys = table_of(3_000)
    taken = table.take_changed()
    write(table, keys, np.full(3_000, -1.0))
    assert taken == {str(key): packed(key) for key in keys}
    assert table.take_changed() == {str(key): packed(-1.0) for key in keys}


@pytest.mark.parametrize("n_more", [0, 1, 30_000])
def test_room_made_before_is_used_whether_or_not_it_suffices(n_more: int) -> None:
    """60,000 are many; an eighth more has room, half more has not."""
    table, keys = table_of(60_000)
    table.reserve()
    more = 60_000 + np.arange(n_more)
    write(table, more, np.full(n_more, 0.5))
    taken = table.take_changed()
    assert len(taken) == 60_000 + n_more
    assert taken == {str(key): packed(key) for key in keys} | {
        str(key): packed(0.5) for key in more
    }
    assert table.take_changed() == {}
