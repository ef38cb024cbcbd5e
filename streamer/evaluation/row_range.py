"""A range of a file's rows, as ``FIRST:LAST`` says it: counted from 0, the last one excluded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from streamer.arrays import Flags, Integers
from streamer.datafiles import FileBatch

__all__ = ["RowRange", "piece", "until"]

_RANGE: Final = re.compile(r"(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class RowRange:
    """The rows from ``first`` on, before ``last``."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> RowRange:
        """Return the range that ``text`` says; raise `ValueError` where it says none.

        >>> RowRange.parse("450000:700000")
        RowRange(first=450000, last=700000)
        """
        match = _RANGE.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            raise ValueError(
                f"must be two rows such as 450000:700000, the first smaller; got {text}"
            )
        return cls(int(match[1]), int(match[2]))

    def holds(self, rows: Integers) -> Flags:
        """Return which of ``rows`` (n,) lie in it."""
        return (rows >= self.first) & (rows < self.last)


def piece(batch: FileBatch, first: int, last: int) -> FileBatch:
    """Return the records from ``first`` on, before ``last``, of a batch."""
    cut = slice(first, last)
    origin = batch.origin
    if origin is not None:
        refused = {i - first: why for i, why in origin.refused.items() if first <= i < last}
        # What was left out or passed over was noted when the whole batch was read.
        origin = replace(
            origin, places=origin.places[cut], refused=refused, left_out=[], passed_over=[]
        )
    return FileBatch(
        values=batch.values[cut],
        keys=batch.keys[cut],
        labels=None if batch.labels is None else batch.labels[cut],
        transaction_ids=batch.transaction_ids[cut],
        origin=origin,
    )


def until(batches: Iterable[FileBatch], last: int) -> Iterator[FileBatch]:
    """Yield ``batches`` as far as the row ``last``, which is excluded."""
    n = 0
    for batch in batches:
        if n + len(batch.values) >= last:
            yield piece(batch, 0, last - n)
            return
        yield batch
        n += len(batch.values)
