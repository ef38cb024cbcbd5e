"""How payments that wait for a verdict lie in Redis: many to a field, in columns.

A *segment* is what one checkpoint added.  Its rows are written once and hold what was known of the
payments then; what has become of them since is in a second, small field, which is replaced as a whole.

``<number>:rows``: `_HEAD`, then the columns of `Rows` one behind the other.
``presumed``: a time in milliseconds: what is from before and not judged was presumed legitimate.
``thinned``: another: of what is from before a sample was left.
``<number>:state``: `_HEAD` with the same number of rows, how many were judged, the two bounds, of those
judged the rows, verdicts and finality, and one bit a row for whether it still waits.

Every number is little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Bytes, Flags, Floats, Integers
from streamer.errors import InvariantError
from streamer.verdicts.waiting import N_BESIDE

__all__ = [
    "FORMAT",
    "PRESUMED",
    "THINNED",
    "Rows",
    "State",
    "check_numbers",
    "field_names",
    "read_rows",
    "read_state",
    "read_time",
]

FORMAT: Final = 3
"""1 was one field per payment, named after its transaction; 2 had no stakes."""

# What it is, format, inputs, rows.
_HEAD: Final = struct.Struct("<4sHHI")
_MAGIC: Final = b"labl"
_ROWS: Final = ":rows"
_STATE: Final = ":state"
PRESUMED: Final = "presumed"
THINNED: Final = "thinned"
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Payments as they were when they were written; n of them.

    ``prints`` what each is known by, ``times_ms`` of its event, ``hashes`` (in [0, 1)), ``shares`` the
    probability of being kept, ``is_alert``, ``vectors`` (n, n_inputs + N_BESIDE) inputs, ranks and
    stake, ``lengths`` (2n,) bytes of card and merchant, which follow each other in ``names``.
    """

    prints: Integers
    times_ms: Integers
    hashes: Floats
    shares: Floats
    is_alert: Flags
    vectors: NDArray[np.float32]
    lengths: Integers
    names: Bytes

    def only(self, is_kept: Flags) -> Rows:
        """Return those rows for which ``is_kept`` (n,) is set."""
        if is_kept.all():
            return self
        pairs = self.lengths.reshape(-1, 2)
        return Rows(
            self.prints[is_kept],
            self.times_ms[is_kept],
            self.hashes[is_kept],
            self.shares[is_kept],
            self.is_alert[is_kept],
            self.vectors[is_kept],
            pairs[is_kept].reshape(-1),
            self.names[np.repeat(is_kept, pairs.sum(axis=1))],
        )

    def packed(self) -> bytes:
        """Return the field ``<number>:rows``."""
        n, width = self.vectors.shape
        columns: list[tuple[Array, str]] = [
            (self.prints, "<i8"),
            (self.times_ms, "<i8"),
            (self.hashes, "<f8"),
            (self.shares, "<f8"),
            (self.vectors, "<f4"),
            (self.lengths, "<u2"),
            (self.is_alert, "u1"),
            (self.names, "u1"),
        ]
        head = _HEAD.pack(_MAGIC, FORMAT, width - N_BESIDE, n)
        return _joined(head, columns)


@dataclass(frozen=True, slots=True)
class State:
    """What has become of a segment's rows since they were written; n of them, k judged.

    ``bounds`` are what the shares of rows are at most by now: of the rest, of alerts.  ``waits`` (n,);
    ``judged`` (k,) the rows that have been, with what was learned.
    """

    bounds: tuple[float, float]
    waits: Flags
    judged: Integers
    verdicts: NDArray[np.int8]
    is_final: Flags

    @classmethod
    def untouched(cls, n_rows: int) -> State:
        """Return the state of a segment that has no field for it."""
        none = np.zeros(0, dtype=np.int64)
        waits = np.ones(n_rows, dtype=bool)
        return cls((1.0, 1.0), waits, none, none.astype(np.int8), none > 0)

    def packed(self, n_inputs: int) -> bytes:
        """Return the field ``<number>:state``."""
        columns: list[tuple[Array, str]] = [
            (np.array([len(self.judged)]), "<u4"),
            (np.array(self.bounds), "<f8"),
            (self.judged, "<u4"),
            (self.verdicts, "i1"),
            (self.is_final, "u1"),
            (np.packbits(self.waits), "u1"),
        ]
        head = _HEAD.pack(_MAGIC, FORMAT, n_inputs, len(self.waits))
        return _joined(head, columns)


def field_names(number: int) -> tuple[str, str]:
    """Return the names of a segment's two fields.

    >>> field_names(7)
    ('7:rows', '7:state')
    """
    return f"{number}{_ROWS}", f"{number}{_STATE}"


def check_numbers(names: Iterable[str]) -> list[int]:
    """Return the segments whose fields these are, oldest first; InvariantError if not all are.

    >>> check_numbers(["12:rows", "7:state", "7:rows"])
    [7, 12]
    """
    named = [name.removesuffix(_ROWS) for name in names if name.endswith(_ROWS)]
    numbers = sorted(int(number) for number in named if number.isascii() and number.isdigit())
    known = {PRESUMED, THINNED} | {name for number in numbers for name in field_names(number)}
    if not known.issuperset(names):
        raise _foreign("another field; format 1 had one for each payment")
    return numbers


def read_time(stored: Mapping[str, bytes], name: str) -> int:
    """Return the time in a field, -1 where it is not there; InvariantError where it is none."""
    if name not in stored:
        return -1
    try:
        return int(stored[name])
    except ValueError:
        raise _foreign(f"no time in the field {name}") from None


def read_rows(packed: bytes, n_inputs: int) -> Rows:
    """Return what `Rows.packed` made; InvariantError where it was something else."""
    reader = _Reader(packed, n_inputs)
    n = reader.n_rows
    width = n_inputs + N_BESIDE
    # A copy, which loops take like any other array: one over a string's bytes is another type.
    prints = reader.take("<i8", n).astype(np.int64)
    times_ms = reader.take("<i8", n)
    hashes, shares = reader.take("<f8", n), reader.take("<f8", n)
    vectors = reader.take("<f4", n * width).reshape(n, width)
    lengths = reader.take("<u2", 2 * n).astype(np.int64)
    is_alert = reader.take("u1", n).astype(bool)
    names = reader.take("u1", int(lengths.sum()))
    reader.finish()
    return Rows(prints, times_ms, hashes, shares, is_alert, vectors, lengths, names)


def read_state(packed: bytes, n_inputs: int, n_rows: int) -> State:
    """Return what `State.packed` made of a segment with so many rows; else InvariantError."""
    reader = _Reader(packed, n_inputs)
    if reader.n_rows != n_rows:
        raise _foreign(f"a state of {reader.n_rows} rows for {n_rows}")
    n_judged = int(reader.take("<u4", 1)[0])
    rest_bound, alert_bound = reader.take("<f8", 2).tolist()
    judged = reader.take("<u4", n_judged).astype(np.int64)
    verdicts = reader.take("i1", n_judged)
    is_final = reader.take("u1", n_judged).astype(bool)
    waits = np.unpackbits(reader.take("u1", (n_rows + 7) // 8), count=n_rows).astype(bool)
    reader.finish()
    if (judged >= n_rows).any():
        raise _foreign("a row beyond the last one")
    return State((rest_bound, alert_bound), waits, judged, verdicts, is_final)


def _joined(head: bytes, columns: Iterable[tuple[Array, str]]) -> bytes:
    # The arrays themselves, of which nothing is copied but into the field.
    parts: list[Any] = [np.ascontiguousarray(column, dtype=kind) for column, kind in columns]
    return b"".join([head, *parts])


class _Reader:
    """Takes the columns of a field one after the other."""

    def __init__(self, packed: bytes, n_inputs: int) -> None:
        self._packed = packed
        if len(packed) < _HEAD.size:
            raise _foreign("too few bytes")
        magic, found, inputs, self.n_rows = _HEAD.unpack_from(packed)
        if (magic, found) != (_MAGIC, FORMAT):
            raise _foreign("another format")
        if inputs != n_inputs:
            raise _foreign(f"{inputs} inputs in place of {n_inputs}")
        self._at = _HEAD.size

    def take(self, kind: str, n: int) -> Array:
        dtype = np.dtype(kind)
        if self._at + n * dtype.itemsize > len(self._packed):
            raise _foreign("too few bytes")
        column = np.frombuffer(self._packed, dtype, n, self._at)
        self._at += column.nbytes
        return column

    def finish(self) -> None:
        if self._at != len(self._packed):
            raise _foreign("too many bytes")


def _foreign(got: str) -> InvariantError:
    return InvariantError(
        f"stored unjudged payments must be segments of format {FORMAT}, got {got}; another "
        "release or something else has written them: start another STREAMER_NAMESPACE"
    )
