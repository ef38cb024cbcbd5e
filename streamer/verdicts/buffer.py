"""The payments that wait for their verdict: as much of each as learning from it will need.

Kept are every alert and, as far as there is room, the rest.  When the buffer is full the room goes to
those whose hash is smallest (every payment has one, drawn from its offset), so what is left is a fair
sample, and each payment remembers the probability with which it was to be kept.  Its verdict then
counts as one over that (Horvitz and Thompson, 1952): the sum over what was kept is right in
expectation.

Invariants:
* At most ``capacity`` payments: those that a chargeback has judged make room first, alerts last.
* What is not saved yet, and what of it is, the table knows (`table`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.indexing.prints import fingerprints
from streamer.verdicts.presuming import draw_presumed, is_drawn_again
from streamer.verdicts.table import PRESUMED_BEFORE, UNJUDGED, Table
from streamer.verdicts.waiting import Waiting

__all__ = ["UNJUDGED", "UnjudgedBuffer"]


_FIRST_SIZE: Final = 1024
# 30 MB of address space.
_MOST_ROOM: Final = 1 << 18
# Making room for one payment at a time would sort the buffer for each.
_KEPT_SHARE: Final = 0.75


class UnjudgedBuffer:
    """Payments by transaction id."""

    def __init__(self, n_inputs: int, capacity: int) -> None:
        self.n_inputs = n_inputs
        self.capacity = capacity
        self.n_dropped = 0
        self._n_told = 0
        size = min(_FIRST_SIZE, max(capacity, 1))
        self._table = Table(n_inputs, size, min(capacity + capacity // 2, _MOST_ROOM))
        # Probability with which a payment that does not alert is kept: falls while there is no room.
        self.share = 1.0

    def __len__(self) -> int:
        return len(self._table.index)

    def add(self, hashes: Floats, waiting: Waiting) -> None:
        """Keep payments; ``hashes`` (n,) in [0, 1) decides which of them stay when room is scarce."""
        if not self.capacity:
            return
        if len(self) < self.capacity // 2 and self.share < 1.0:
            self.share = min(2.0 * self.share, 1.0)
        picked, slots = self._table.put(waiting.ids, hashes, waiting, self.share)
        self.n_dropped += len(hashes) - len(picked)
        if not len(picked):
            return
        self._table.names.copy(slots, waiting.parties, picked)
        if len(self) > self.capacity:
            self._make_room()

    def slots(self, transaction_ids: Sequence[str]) -> list[int | None]:
        """Return where each payment lies, None for one that does not."""
        slots = self._table.index.find(fingerprints(transaction_ids)).tolist()
        return [slot if slot >= 0 else None for slot in slots]

    def parties(self, slot: int) -> tuple[str | None, str | None]:
        """Return the card and the merchant of a payment, None for what is not known."""
        return self._table.names.get(slot)

    def learned(self, slot: int) -> int:
        """Return 1, 0 or `UNJUDGED`: what was learned already, from a verdict or presumed."""
        verdict = int(self._table.verdicts[slot])
        if verdict == UNJUDGED:
            return 0 if self._table.is_presumed(slot) else UNJUDGED
        return verdict % PRESUMED_BEFORE

    def is_presumed(self, slot: int) -> bool:
        """Whether a payment was learned as legitimate before there was a verdict."""
        return self._table.is_presumed(slot)

    def presume(self, time_ms: int) -> Integers:
        """Return the slots of the payments from before ``time_ms`` of which nothing was learned, oldest
        first; from now on they count as learned to be legitimate."""
        return self._table.presume(time_ms)

    def draw_presumed(self, slots: Integers, least: float) -> tuple[Integers, Floats]:
        """Return which of ``slots`` (n,) teach that they are legitimate, and how many payments each
        of these stands for; both (m,).  See `streamer.verdicts.presuming`."""
        table, n = self._table, len(slots)
        drawn, weights = np.empty(n, np.int64), np.empty(n)
        known = slots, table.index.prints, table.vectors, self.n_inputs, table.shares
        n_drawn = draw_presumed(*known, least, drawn, weights)
        return drawn[:n_drawn], weights[:n_drawn]

    def is_drawn_again(self, drawn: Integers, weights: Floats, part: float) -> Flags:
        """Return which of the payments that `draw_presumed` returned belong to a ``part``, (m,)."""
        table = self._table
        return is_drawn_again(table.index.prints[drawn], table.shares[drawn], weights, part)

    def is_judged(self, slot: int) -> bool:
        """Whether a verdict on a payment was learned."""
        return bool(self._table.verdicts[slot] != UNJUDGED)

    def thin(self, time_ms: int) -> None:
        """Let go of payments from before ``time_ms``, of which a sample stays (`thinning`)."""
        self._table.thin(time_ms)

    def times_ms(self, slots: Integers) -> Integers:
        """Return when payments happened, shape (n,)."""
        return self._table.ages.times_ms[slots]

    def is_alerted(self, slot: int) -> bool:
        """Whether reviewers got a payment as an alert."""
        return bool(self._table.is_alert[slot])

    def judge(self, slot: int, is_fraud: bool, *, is_final: bool) -> None:
        """Note which verdict was learned, so that one that overrules it can be.

        A payment whose verdict is final is the first to make room.
        """
        self._table.judge(slot, is_fraud, is_final=is_final)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Inputs, ranks and stake of the payment in each slot, shape (n_slots, n_inputs + N_BESIDE)."""
        return self._table.vectors

    def stakes(self, slots: Sequence[int]) -> Floats:
        """Return in which lane each alerted, and its weight (`streamer.model.lanes`), shape (n,)."""
        return self._table.vectors[slots, -1].astype(np.float64)

    def weights(self, slots: Integers) -> Floats:
        """Return how many payments each stands for, shape (n,)."""
        return self._table.weights(slots)

    def remove(self, slots: Integers) -> None:
        """Let go of payments."""
        self._table.remove(slots)

    def erase(self, card_id: str, segments: Collection[int]) -> Integers:
        """Let go of a card's payments, here and where they are saved, and return what they were known
        by, shape (m,); ``segments`` are saved ones that have some of them, gone or not."""
        return self._table.erase(card_id, segments)

    def older_than(self, time_ms: int) -> Integers:
        """Return the slots of the payments from before ``time_ms``, oldest first."""
        return self._table.ages.older_than(time_ms)

    def take_changed(self) -> dict[str, bytes]:
        """Return the fields that are new or differ since the last call, packed (`segments`)."""
        return self._table.take_changed()

    def take_removed(self) -> list[str]:
        """Return the fields that were made void by the last `take_changed`."""
        return self._table.take_removed()

    def take_dropped(self) -> int:
        """Return for how many unjudged payments there was no room, at first or later, since the
        last call."""
        n_new, self._n_told = self.n_dropped - self._n_told, self.n_dropped
        return n_new

    def load(self, stored: Mapping[str, bytes]) -> None:
        """Take in what `take_changed` returned; InvariantError where another release wrote it."""
        self._table.load(stored)
        if len(self):
            self.share = float(self._table.shares[self._table.index.held].min())

    def _make_room(self) -> None:
        n_over = len(self) - int(self.capacity * _KEPT_SHARE)
        held = self._table.index.held
        is_final = self._table.is_final[held]
        final, slots = held[is_final], held[~is_final]
        # So none of them is left where the shares of the others fall, and a bound says it all (`log`).
        self.remove(final[np.argsort(self._table.ages.times_ms[final], kind="stable")][:n_over])
        n_over -= min(n_over, len(final))
        alerted = self._table.is_alert[slots]
        rest, alerts = slots[~alerted], slots[alerted]
        n_rest = min(n_over, len(rest))
        if n_rest:
            self.share = self._drop(rest, n_rest, self.share, of_alerts=False)
        if n_over > n_rest and len(alerts):
            self._drop(alerts, n_over - n_rest, 1.0, of_alerts=True)

    def _drop(self, slots: Integers, n: int, share: float, *, of_alerts: bool) -> float:
        """Drop the ``n`` payments with the largest hashes and return the share that is left."""
        hashes = self._table.hashes[slots]
        is_all = n >= len(slots)
        bound = 0.0 if is_all else float(np.partition(hashes, len(slots) - n)[len(slots) - n])
        gone, left = slots[hashes >= bound], slots[hashes < bound]
        self.remove(gone)
        self.n_dropped += len(gone)
        self._table.shares[left] = np.minimum(self._table.shares[left], bound)
        self._table.log.bound(bound, of_alerts=of_alerts)
        return 0.5 * share if is_all else min(share, bound)
