"""The payments that the main line or a challenger alerted, and those drawn for the sample, until
verdicts on them come.

Invariant: at most `CAPACITY` of a challenger and partition, the latest: with an alert in a hundred
payments over both lines, those of three million.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers

__all__ = ["CAPACITY", "Found", "FoundAlerts"]

CAPACITY: Final = 32_768
_PACKED: Final = struct.Struct("<qd??")
_ROWS: Final = np.dtype([("time", "<i8"), ("weight", "<f8"), ("main", "?"), ("own", "?")])


class Found(NamedTuple):
    """When a payment happened, for how many it stands if judged, and who alerted it.

    ``weight`` is 1 for an alert of the main line, 1/q for one of the sample, and 0 where reviewers are
    not asked.
    """

    time_ms: int
    weight: float
    is_main: bool
    is_own: bool


class FoundAlerts:
    """Found payments by the fingerprint of their id, oldest first.

    ``since_ms`` is from when on one that is not here had been alerted by neither, None before the first
    payment.
    """

    def __init__(self) -> None:
        self.since_ms: int | None = None
        # A plain dict searches for its first entry past all that were ever removed before it.
        self._packed: OrderedDict[int, bytes] = OrderedDict()
        self._changed: set[int] = set()
        self._removed: set[int] = set()

    def __len__(self) -> int:
        return len(self._packed)

    def put(
        self, prints: Integers, times_ms: Integers, weights: Floats, is_main: Flags, is_own: Flags
    ) -> None:
        """Keep n payments, each (n,): what `Found` says of them; the oldest make room."""
        rows = np.empty(len(prints), _ROWS)
        for name, column in zip(
            _ROWS.names or (), (times_ms, weights, is_main, is_own), strict=True
        ):
            rows[name] = column
        packed, size, keys = rows.tobytes(), _PACKED.size, prints.tolist()
        pieces = (packed[i : i + size] for i in range(0, len(packed), size))
        self._packed.update(zip(keys, pieces, strict=True))
        self._changed.update(keys)
        self._removed.difference_update(keys)
        while len(self._packed) > CAPACITY:
            key, packed = self._packed.popitem(last=False)
            self._changed.discard(key)
            self._removed.add(key)
            time_ms: int = _PACKED.unpack(packed)[0]
            # From here back some may be missing.
            self.since_ms = max(self.since_ms or 0, time_ms + 1)

    def get(self, key: int) -> Found | None:
        """Return what was found, None where neither alerted it, or that is not known any more."""
        packed = self._packed.get(key)
        return None if packed is None else Found(*_PACKED.unpack(packed))

    def erase(self, keys: Iterable[int]) -> None:
        """Let go of payments: from here on nobody knows who had alerted them."""
        gone = self._packed.keys() & set(keys)
        for key in gone:
            del self._packed[key]
        self._changed -= gone
        self._removed |= gone

    def take_changed(self) -> dict[str, bytes]:
        """Return what is new since the last call, by the fingerprint in hexadecimal."""
        changed = {f"{key:x}": self._packed[key] for key in self._changed}
        self._changed.clear()
        return changed

    def take_removed(self) -> list[str]:
        """Return what has gone since the last call."""
        removed = [f"{key:x}" for key in self._removed]
        self._removed.clear()
        return removed

    def names(self) -> list[str]:
        """Return all that may be stored, as `take_changed` names it."""
        return [f"{key:x}" for key in (*self._packed, *self._removed)]

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned, in the order of time."""
        by_key = {int(name, 16): packed for name, packed in stored.items()}
        times = {key: _PACKED.unpack(packed)[0] for key, packed in by_key.items()}
        self._packed = OrderedDict(
            (key, by_key[key]) for key in sorted(by_key, key=times.__getitem__)
        )
