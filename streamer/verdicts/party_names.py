"""Card and merchant of each payment that waits, one behind the other in one array of bytes.

Invariants:
* What a slot that holds no payment had for names takes no part in anything.
* The array is never more than half empty once it has had to grow.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Bytes, Integers
from streamer.compiled import compiled
from streamer.contract.record_columns import Spans
from streamer.indexing.prints import Texts

__all__ = ["Names", "copy_names", "copy_pieces", "gather"]


_FIRST_SIZE: Final = 1 << 15


class Names:
    """The two names of each slot; ``size`` slots."""

    def __init__(self, size: int) -> None:
        self._content = np.zeros(_FIRST_SIZE, dtype=np.uint8)
        self._n_used = 0
        self._starts = np.zeros(size, dtype=np.int64)
        # Bytes of the card, bytes of the merchant.
        self._lengths = np.zeros((size, 2), dtype=np.uint16)

    def grow(self, size: int) -> None:
        """Have ``size`` slots."""
        more = size - len(self._starts)
        self._starts = np.concatenate([self._starts, np.zeros(more, dtype=np.int64)])
        self._lengths = np.concatenate([self._lengths, np.zeros((more, 2), dtype=np.uint16)])

    def put(self, slots: Integers, texts: Texts) -> None:
        """Give ``slots`` (n,) their names: ``texts`` card, merchant, card, merchant, ...

        Of a slot that is there twice the later names stay.
        """
        content, lengths = texts
        # What they had before is not worth keeping when room is made.
        self._lengths[slots] = 0
        self._make_room(len(content))
        pairs = lengths.reshape(-1, 2)
        self._starts[slots] = self._n_used + _starts(pairs)
        self._lengths[slots] = pairs
        self._content[self._n_used : self._n_used + len(content)] = content
        self._n_used += len(content)

    def copy(self, slots: Integers, parties: Spans, picked: Integers) -> None:
        """Give ``slots`` (m,) the last two names of ``parties`` (n, 2 or more), rows ``picked`` (m,).

        As `put` does, but for one payment in a tenth of the time.
        """
        n_new = self._copied(slots, parties, picked)
        if n_new:
            self._lengths[slots] = 0
            self._make_room(n_new)
            self._copied(slots, parties, picked)

    def forget(self, slots: Integers) -> None:
        """Let go of the names of ``slots``."""
        self._lengths[slots] = 0

    def erase(self, slots: Integers) -> None:
        """Let go of the names of ``slots``, and of every name that nothing refers to any more."""
        self.forget(slots)
        self._compact(0)

    def of_card(self, slots: Integers, card_id: str) -> Integers:
        """Return those of ``slots`` (n,) whose card has this id, shape (m,)."""
        wanted = np.frombuffer(card_id.encode(), np.uint8)
        fitting = slots[self._lengths[slots, 0] == len(wanted)]
        at = self._starts[fitting][:, np.newaxis] + np.arange(len(wanted))
        found: Integers = fitting[(self._content[at] == wanted).all(axis=1)]
        return found

    def get(self, slot: int) -> tuple[str | None, str | None]:
        """Return the card and the merchant, None for what is not known."""
        start, (n_card, n_merchant) = int(self._starts[slot]), self._lengths[slot].tolist()
        names = self._content[start : start + n_card + n_merchant].tobytes()
        return names[:n_card].decode() or None, names[n_card:].decode() or None

    def read(self, slots: Integers) -> Texts:
        """Return the names of ``slots``, as `put` takes them."""
        lengths = self._lengths[slots].astype(np.int64)
        content = gather(self._content, self._starts[slots], lengths[:, 0] + lengths[:, 1])
        return Texts(content, lengths.reshape(-1))

    def _copied(self, slots: Integers, parties: Spans, picked: Integers) -> int:
        """Do as `copy` does, and return 0; for how many bytes there is no room if there is none."""
        self._n_used, n_new = copy_names(
            parties.content,
            parties.starts,
            parties.lengths,
            picked,
            slots,
            self._content,
            self._n_used,
            self._starts,
            self._lengths,
        )
        return n_new

    def _make_room(self, n_new: int) -> None:
        if self._n_used + n_new > len(self._content):
            self._compact(n_new)

    def _compact(self, n_new: int) -> None:
        """Keep the names that slots have, in an array with room for twice as much and ``n_new``."""
        used = np.flatnonzero(self._lengths.any(axis=1))
        content, lengths = self.read(used)
        size = len(self._content)
        while size < 2 * (len(content) + n_new):
            size *= 2
        self._content = np.zeros(size, dtype=np.uint8)
        self._content[: len(content)] = content
        self._n_used = len(content)
        self._starts[used] = _starts(lengths.reshape(-1, 2))


def gather(content: Bytes, starts: Integers, lengths: Integers) -> Bytes:
    """Return the pieces of ``content`` that begin at ``starts`` (n,), one behind the other."""
    pieces = np.empty(int(lengths.sum()), dtype=np.uint8)
    copy_pieces(content, starts, lengths, pieces)
    return pieces


def _starts(pairs: Integers) -> Integers:
    """Return where each pair of names begins, if the first one does at 0."""
    sizes: Integers = pairs[:, 0] + pairs[:, 1]
    return np.cumsum(sizes) - sizes


@compiled
def copy_pieces(content: Bytes, starts: Integers, lengths: Integers, pieces: Bytes) -> None:
    """Fill ``pieces`` (OUT) with as many bytes of ``content`` from each of ``starts`` on."""
    to = 0
    for i in range(len(starts)):
        for at in range(starts[i], starts[i] + lengths[i]):
            pieces[to] = content[at]
            to += 1


@compiled
def copy_names(
    content: Bytes,
    starts: Integers,
    lengths: Integers,
    picked: Integers,
    slots: Integers,
    kept: Bytes,
    n_used: int,
    kept_starts: Integers,
    kept_lengths: NDArray[np.uint16],
) -> tuple[int, int]:
    """Append the names in the rows ``picked`` (m,) to ``kept``, and note where those of ``slots`` are.

    ``kept`` and the two behind ``n_used`` are IN/OUT; the last columns of ``starts`` and ``lengths``
    (n, 2 or more) are of card and merchant.  Return how much of ``kept`` is used now, and 0; where
    they have no room nothing is done, and the second is how many bytes they have.
    """
    first = starts.shape[1] - 2
    n_new = 0
    for i in range(len(picked)):
        n_new += lengths[picked[i], first] + lengths[picked[i], first + 1]
    if n_used + n_new > len(kept):
        return n_used, n_new
    for i in range(len(picked)):
        row, slot = picked[i], slots[i]
        kept_starts[slot] = n_used
        for party in range(2):
            start, length = starts[row, first + party], lengths[row, first + party]
            kept_lengths[slot, party] = length
            for at in range(start, start + length):
                kept[n_used] = content[at]
                n_used += 1
    return n_used, 0
