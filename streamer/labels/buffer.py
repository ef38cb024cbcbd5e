"""The payments that wait for their label: as much of each as learning from it will need.

Kept are every alert and, as far as there is room, the rest.  When the buffer is full the room goes to
those whose hash is smallest (every payment has one, drawn from its offset), so what is left is a fair
sample, and each payment remembers the probability with which it was to be kept.  Its label then counts
as one over that (Horvitz and Thompson, 1952): the sum over what was kept is right in expectation.

Invariants:
* At most ``capacity`` payments: those that a chargeback has judged make room first, alerts last.
* ``changed`` and ``removed`` say exactly how the buffer differs from what was last saved.

A payment is packed as the lengths of its parts, its numbers, and the names of its card and merchant,
which a verdict need not know.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features import PackedStates

__all__ = ["UNJUDGED", "LabelBuffer", "Waiting"]

Floats = NDArray[np.float64]

UNJUDGED: Final = -1
_FIRST_SIZE: Final = 1024
# Making room for one payment at a time would sort the buffer for each.
_KEPT_SHARE: Final = 0.75
_META: Final = 6  # time, hash, probability of being kept, alerted, label, is the label final
_META_BYTES: Final = 8 * _META
# After the numbers: bytes of the card, bytes of the merchant, and both.
_LENGTHS: Final = struct.Struct("<HH")
_NOBODY: Final = _LENGTHS.pack(0, 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Payments to put into the buffer, or taken out of it; n of them.

    ``inputs`` (n, n_inputs) of the head, NaN where unknown; ``ranks`` (n, 2) that the distance and
    the head gave, NaN where there was no head; ``parties`` card and merchant of each, None where the
    payment names no merchant, or empty where nobody will ask.
    """

    times_ms: NDArray[np.int64]
    alerted: NDArray[np.bool_]
    inputs: Floats
    ranks: Floats
    parties: Sequence[tuple[str, str | None]] = ()


class LabelBuffer:
    """Payments by transaction id."""

    def __init__(self, n_inputs: int, capacity: int) -> None:
        self.n_inputs = n_inputs
        self.capacity = capacity
        self.n_dropped = 0
        self._n_told = 0
        size = min(_FIRST_SIZE, max(capacity, 1))
        self._meta = np.zeros((size, _META))
        self._vectors = np.zeros((size, n_inputs + 2), dtype=np.float32)
        # Card and merchant as they are saved.
        self._parties: list[bytes] = [_NOBODY] * size
        self._slot_of: dict[str, int] = {}
        self._ids: list[str] = []
        self._free: list[int] = []
        self._changed = np.zeros(size, dtype=bool)
        # In the order in which they went, each once.
        self._removed: dict[str, None] = {}
        # Probability with which a payment that does not alert is kept: falls while there is no room.
        self.share = 1.0
        # No payment is older: what has not expired by then need not be searched.
        self._oldest_ms = np.inf

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, ids: Sequence[str], hashes: Floats, waiting: Waiting) -> None:
        """Keep payments; ``hashes`` (n,) in [0, 1) decides which of them stay when room is scarce."""
        if not self.capacity:
            return
        if len(self) < self.capacity // 2 and self.share < 1.0:
            self.share = min(2.0 * self.share, 1.0)
        kept = waiting.alerted | (hashes < self.share)
        picked = np.flatnonzero(kept)
        self.n_dropped += len(ids) - len(picked)
        if not len(picked):
            return
        slots = self._slots([ids[i] for i in picked.tolist()])
        meta = np.empty((len(picked), _META))
        meta[:, 0] = waiting.times_ms[picked]
        meta[:, 1] = hashes[picked]
        meta[:, 3] = waiting.alerted[picked]
        meta[:, 2] = np.where(waiting.alerted[picked], 1.0, self.share)
        meta[:, 4:] = UNJUDGED, 0
        # Of a payment that is there twice the later row stays, as it does one by one.
        self._meta[slots] = meta
        self._vectors[slots, :-2] = waiting.inputs[picked]
        self._vectors[slots, -2:] = waiting.ranks[picked]
        if waiting.parties:
            for slot, i in zip(slots, picked.tolist(), strict=True):
                card, merchant = waiting.parties[i]
                # Far fewer names than payments.
                self._parties[slot] = _packed_parties(card, merchant)
        self._oldest_ms = min(self._oldest_ms, float(meta[:, 0].min()))
        if len(self) > self.capacity:
            self._make_room()

    def slot(self, transaction_id: str) -> int | None:
        """Return where a payment lies, None where it does not."""
        return self._slot_of.get(transaction_id)

    def parties(self, slot: int) -> tuple[str | None, str | None]:
        """Return the card and the merchant of a payment, None for what is not known."""
        packed = self._parties[slot]
        n_card, _ = _LENGTHS.unpack_from(packed)
        names = packed[_LENGTHS.size :]
        return names[:n_card].decode() or None, names[n_card:].decode() or None

    def label(self, slot: int) -> int:
        """Return 1, 0 or `UNJUDGED`: the verdict that was learned already."""
        return int(self._meta[slot, 4])

    def is_alerted(self, slot: int) -> bool:
        """Whether reviewers got a payment as an alert."""
        return bool(self._meta[slot, 3])

    def set_label(self, slot: int, is_fraud: bool, *, is_final: bool) -> None:
        """Note which verdict was learned, so that one that overrules it can be.

        A payment whose label is final is the first to make room.
        """
        self._meta[slot, 4:6] = is_fraud, is_final
        self._changed[slot] = True

    def read(self, slots: Sequence[int]) -> tuple[Floats, Floats, Floats]:
        """Return inputs (n, n_inputs), ranks (n, 2) and weights (n,) of payments."""
        vectors = self._vectors[slots].astype(np.float64)
        return vectors[:, :-2], vectors[:, -2:], 1.0 / self._meta[slots, 2]

    def remove(self, transaction_id: str) -> None:
        """Let go of a payment."""
        slot = self._slot_of.pop(transaction_id)
        self._free.append(slot)
        self._changed[slot] = False
        self._removed[transaction_id] = None

    def older_than(self, time_ms: int) -> list[str]:
        """Return the payments from before ``time_ms``, oldest first."""
        if time_ms <= self._oldest_ms:
            return []
        slots = np.fromiter(self._slot_of.values(), dtype=np.int64, count=len(self))
        times_ms = self._meta[slots, 0]
        self._oldest_ms = float(times_ms.min(initial=np.inf))
        old = slots[times_ms < time_ms]
        return [self._ids[slot] for slot in old[np.argsort(self._meta[old, 0], kind="stable")]]

    def take_changed(self) -> PackedStates:
        """Return what is new or differs since the last call, packed."""
        slots = np.flatnonzero(self._changed)
        self._changed[slots] = False
        packed = np.empty((len(slots), self._n_bytes), dtype=np.uint8)
        packed[:, :_META_BYTES] = self._meta[slots].astype("<f8", copy=False).view(np.uint8)
        packed[:, _META_BYTES:] = self._vectors[slots].astype("<f4", copy=False).view(np.uint8)
        ids = self._ids
        picked = slots.tolist()
        return PackedStates(
            [ids[slot] for slot in picked], packed, [self._parties[slot] for slot in picked]
        )

    def take_removed(self) -> list[str]:
        """Return what has gone since the last call."""
        removed, self._removed = list(self._removed), {}
        return removed

    def take_dropped(self) -> int:
        """Return for how many unjudged payments there was no room, at first or later, since the
        last call."""
        n_new, self._n_told = self.n_dropped - self._n_told, self.n_dropped
        return n_new

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned, but not what another release wrote."""
        keys = [key for key in sorted(stored) if self._is_ours(stored[key])]
        slots = self._slots(keys)
        joined = np.frombuffer(b"".join(stored[key][: self._n_bytes] for key in keys), np.uint8)
        packed = joined.reshape(len(keys), self._n_bytes)
        self._meta[slots] = packed[:, :_META_BYTES].copy().view("<f8")
        self._vectors[slots] = packed[:, _META_BYTES:].copy().view("<f4")
        for key, slot in zip(keys, slots, strict=True):
            self._parties[slot] = stored[key][self._n_bytes :]
        self._changed[slots] = False
        if len(self):
            held = list(self._slot_of.values())
            self.share = float(self._meta[held, 2].min())
            self._oldest_ms = float(self._meta[held, 0].min())

    @property
    def _n_bytes(self) -> int:
        return _META_BYTES + 4 * self._vectors.shape[1]

    def _is_ours(self, packed: bytes) -> bool:
        names = packed[self._n_bytes :]
        if len(names) < _LENGTHS.size:
            return False
        n_card, n_merchant = _LENGTHS.unpack_from(names)
        return bool(len(names) == _LENGTHS.size + n_card + n_merchant)

    def _slots(self, keys: Sequence[str]) -> list[int]:
        """Return the slot of each key, a new one where it has none."""
        slot_of, ids, free = self._slot_of, self._ids, self._free
        fresh = [key for key in dict.fromkeys(keys) if key not in slot_of]
        n_free = min(len(free), len(fresh))
        for key in fresh[:n_free]:
            slot = free.pop()
            ids[slot] = key
            self._parties[slot] = _NOBODY
            slot_of[key] = slot
        slot_of.update(zip(fresh[n_free:], range(len(ids), len(ids) + len(fresh)), strict=False))
        ids += fresh[n_free:]
        while len(ids) > len(self._meta):
            self._meta = np.concatenate([self._meta, np.zeros_like(self._meta)])
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
            self._parties += [_NOBODY] * len(self._parties)
            self._changed = np.concatenate([self._changed, np.zeros_like(self._changed)])
        slots = [slot_of[key] for key in keys]
        self._changed[slots] = True
        if self._removed:
            for key in keys:
                self._removed.pop(key, None)
        return slots

    def _make_room(self) -> None:
        n_over = len(self) - int(self.capacity * _KEPT_SHARE)
        slots = np.fromiter(self._slot_of.values(), dtype=np.int64, count=len(self))
        final = slots[self._meta[slots, 5] > 0]
        for slot in final[np.argsort(self._meta[final, 0], kind="stable")][:n_over].tolist():
            self.remove(self._ids[slot])
        n_over -= min(n_over, len(final))
        slots = slots[self._meta[slots, 5] == 0]
        alerted = self._meta[slots, 3] > 0
        rest, alerts = slots[~alerted], slots[alerted]
        n_rest = min(n_over, len(rest))
        if n_rest:
            self.share = self._drop(rest, n_rest, self.share)
        if n_over > n_rest and len(alerts):
            self._drop(alerts, n_over - n_rest, 1.0)

    def _drop(self, slots: NDArray[np.int64], n: int, share: float) -> float:
        """Drop the ``n`` payments with the largest hashes and return the share that is left."""
        hashes = self._meta[slots, 1]
        is_all = n >= len(slots)
        bound = 0.0 if is_all else float(np.partition(hashes, len(slots) - n)[len(slots) - n])
        for slot in slots[hashes >= bound].tolist():
            self.remove(self._ids[slot])
            self.n_dropped += 1
        left = slots[hashes < bound]
        self._meta[left, 2] = np.minimum(self._meta[left, 2], bound)
        self._changed[left] = True
        return 0.5 * share if is_all else min(share, bound)


def _packed_parties(card: str, merchant: str | None) -> bytes:
    names = card.encode(), (merchant or "").encode()
    return b"".join((_LENGTHS.pack(*map(len, names)), *names))
