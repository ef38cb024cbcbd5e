"""States as bytes by name, kept as one array until somebody writes them.

A snapshot is taken while scoring waits, and written while it goes on.  So what is done first is to
copy rows, a millisecond for 20,000; to cut them into as many strings takes ten times as long, and that
is done where nobody waits.
"""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterator, Mapping
from functools import cached_property
from typing import Final

from streamer.arrays import Bytes, Integers

__all__ = ["PackedStates", "is_name", "names_of"]

# Whoever writes a million of them needs them a few thousand at a time.
_CUT_AT_ONCE: Final = 4_096
_NAME: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_MOST: Final = (1 << 63) - 1


def names_of(prints: Integers) -> list[str]:
    """Return the names that entities have in Redis: the digits of what they are known by."""
    return list(map(str, prints.tolist()))


def is_name(text: str) -> bool:
    """Return whether an entity may have this name in Redis.

    >>> [is_name(text) for text in ("-42", "0", "042", "card-1", str(1 << 63))]
    [True, True, False, False, False]
    """
    return _NAME.fullmatch(text) is not None and -_MOST - 1 <= int(text) <= _MOST


class PackedStates(Mapping[str, bytes]):
    """The bytes of each row of an array, by name; like a dict that nothing is written to."""

    def __init__(self, prints: Integers, rows: Bytes) -> None:
        """``rows`` (n, n_bytes) belong to the distinct ``prints`` (n,), and nobody changes them."""
        self._prints = prints
        self._rows = rows

    @cached_property
    def _row_of(self) -> dict[str, int]:
        # Made when first asked for: what is only written needs none.
        return dict(zip(self, range(len(self)), strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(names_of(self._prints))

    def __contains__(self, name: object) -> bool:
        return name in self._row_of

    def __getitem__(self, name: str) -> bytes:
        return bytes(self._rows[self._row_of[name]])

    def items(self) -> ItemsView[str, bytes]:
        """Return names and bytes in the order of the rows."""
        return _Items(self)

    @property
    def rows(self) -> Bytes:
        """The bytes of each, shape (n, n_bytes)."""
        return self._rows

    def pieces(self, size: int) -> Iterator[PackedStates]:
        """Return them ``size`` at a time."""
        for first in range(0, len(self), size):
            until = first + size
            yield PackedStates(self._prints[first:until], self._rows[first:until])

    @property
    def n_bytes(self) -> int:
        """The bytes of all rows together, without the names."""
        return self._rows.nbytes

    def cut(self) -> Iterator[bytes]:
        """Return the bytes of each row in order."""
        n_bytes = self._rows.shape[1]
        for first in range(0, len(self), _CUT_AT_ONCE):
            piece = self._rows[first : first + _CUT_AT_ONCE].tobytes()
            yield from (piece[at : at + n_bytes] for at in range(0, len(piece), n_bytes))


class _Items(ItemsView[str, bytes]):
    _mapping: PackedStates

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return zip(self._mapping, self._mapping.cut(), strict=True)
