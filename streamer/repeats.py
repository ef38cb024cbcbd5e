"""Which payments a partition has scored before: the same card and transaction id sent again.

A payment is remembered as a fingerprint of 64 bits.  Among 200,000 remembered ones a new payment is
mistaken for one of them with a probability of 1e-14; with 32 bits it would be 5e-5, a payment in
21,000 lost.

Invariants:
* Offsets are cut into generations of ``window`` offsets; a payment is held against those of its own
  and of the generation before.  So one that comes again within ``window`` offsets is always known, one
  after 2 x ``window`` never, and where batches end does not matter.
* At most 2 x ``window`` fingerprints are kept, saved in at most 2 x 64 fields.
* Another epoch's offsets are other records: what was remembered of them is let go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np

from streamer.events import Transaction

__all__ = ["Repeats", "fingerprint"]

_FIELDS_PER_GENERATION: Final = 64
# A copy takes half the time of a new one, whose parameters are checked.
_BLANK: Final = blake2b(digest_size=8)
Place = tuple[int, int]
"""A generation, and which of its fields an offset belongs to."""


def fingerprint(transaction: Transaction) -> int:
    """Return 64 bits that stand for the card and the transaction id.

    The length of the first tells where the second begins, whatever characters they consist of.
    """
    card = transaction.card_id
    hashed = _BLANK.copy()
    hashed.update(f"{len(card)}:{card}{transaction.transaction_id}".encode())
    return int.from_bytes(hashed.digest(), "little")


class Repeats:
    """The fingerprints of one partition's last payments; ``window`` 0 remembers none."""

    def __init__(self, window: int, epoch: int = 0) -> None:
        self.window = window
        self.epoch = epoch
        self._step = max(1, -(-window // _FIELDS_PER_GENERATION))
        self._known: dict[int, set[int]] = {}
        # What fields hold that are not complete, or not saved yet; and which fields are saved.
        self._open: dict[Place, list[int]] = {}
        self._changed: set[Place] = set()
        self._saved: set[str] = set()
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def recognise(self, offsets: Sequence[int], fingerprints: Sequence[int]) -> list[bool]:
        """Return which payments have been there before, earlier ones of the same call included.

        ``offsets`` ascend.  Changes nothing: what is then scored is for `add`.
        """
        if not self.window:
            return [False] * len(offsets)
        found: list[bool] = []
        early: set[int] = set()
        early_generation = -2
        for generation, prints in self._by_generation(offsets, fingerprints):
            known = [self._known.get(generation, set()), self._known.get(generation - 1, set())]
            if early_generation == generation - 1:
                known.append(early)
            # Nearly always none is known, which three questions about all of them find out.
            added = set(prints)
            if len(added) == len(prints) and all(map(added.isdisjoint, known)):
                found += [False] * len(prints)
            else:
                added = _recognised(prints, known, found)
            early, early_generation = added, generation
        return found

    def add(self, offsets: Sequence[int], fingerprints: Sequence[int]) -> None:
        """Remember payments; ``offsets`` ascend, over all calls."""
        if not self.window or not offsets:
            return
        for generation, prints in self._by_generation(offsets, fingerprints):
            self._known.setdefault(generation, set()).update(prints)
        first = 0
        while first < len(offsets):
            generation, rest = divmod(offsets[first], self.window)
            place = generation, rest // self._step
            # A generation's last field may be shorter than the others.
            until = generation * self.window + min((place[1] + 1) * self._step, self.window)
            end = bisect_left(offsets, until, first)
            self._open.setdefault(place, []).extend(fingerprints[first:end])
            self._changed.add(place)
            first = end
        self._expire(offsets[-1] // self.window)

    def take_changed(self) -> dict[str, bytes]:
        """Return the fields that differ since the last call, packed."""
        changed = {self._name(place): _packed(self._open[place]) for place in sorted(self._changed)}
        self._saved |= changed.keys()
        self._changed.clear()
        # Only the last field can still grow.
        self._open = dict(sorted(self._open.items())[-1:])
        return changed

    def take_removed(self) -> list[str]:
        """Return the fields that have gone since the last call."""
        removed = sorted(self._removed)
        self._removed.clear()
        return removed

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned; what was kept for another window or epoch goes."""
        ours = f"{self.epoch}:{self.window}:"
        for name, packed in stored.items():
            if not self.window or not name.startswith(ours):
                self._removed.add(name)
                continue
            generation, field = map(int, name.removeprefix(ours).split(":"))
            prints = np.frombuffer(packed, dtype="<u8").tolist()
            self._known.setdefault(generation, set()).update(prints)
            self._open[generation, field] = prints
            self._saved.add(name)
        self._open = dict(sorted(self._open.items())[-1:])

    def _by_generation(
        self, offsets: Sequence[int], fingerprints: Sequence[int]
    ) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield each generation of ascending ``offsets`` and the fingerprints that fall into it."""
        first = 0
        while first < len(offsets):
            generation = offsets[first] // self.window
            end = bisect_left(offsets, (generation + 1) * self.window, first)
            yield generation, fingerprints[first:end]
            first = end

    def _expire(self, generation: int) -> None:
        expired = [known for known in self._known if known < generation - 1]
        for old in expired:
            del self._known[old]
            gone = {name for name in self._saved if int(name.split(":")[2]) == old}
            self._saved -= gone
            self._removed |= gone
            self._open = {place: prints for place, prints in self._open.items() if place[0] != old}
            self._changed = {place for place in self._changed if place[0] != old}

    def _name(self, place: Place) -> str:
        return f"{self.epoch}:{self.window}:{place[0]}:{place[1]}"


def _recognised(prints: Sequence[int], known: Sequence[set[int]], found: list[bool]) -> set[int]:
    """Say of each whether it is known (``found`` is IN/OUT), and return those that are not."""
    added: set[int] = set()
    for print_ in prints:
        is_known = print_ in added or any(print_ in each for each in known)
        found.append(is_known)
        if not is_known:
            added.add(print_)
    return added


def _packed(prints: Sequence[int]) -> bytes:
    return np.array(prints, dtype="<u8").tobytes()
