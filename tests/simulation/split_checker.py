"""What must hold where a partition's checkpoint and the head lie in different slots.

As `checker`, and for the head: what it has learned is counted from the logs, by the watermarks, and so
needs nothing that the protocol says of itself but where its watermarks are and what it declares.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from faust.types import TP

from streamer.model import Sums
from streamer.store.stored import partition_record
from tests.simulation.checker import Checker
from tests.simulation.counters import Counters, print_of
from tests.simulation.merge_log import NOTHING_MERGED, Watermark
from tests.simulation.payments import TOPIC, payment_of
from tests.simulation.slots import HEAD, TaggedKeys
from tests.simulation.split_store import KEPT

if TYPE_CHECKING:
    from tests.simulation.split_world import SplitWorld

__all__ = ["SplitChecker", "SplitTruth"]

_REASON: Final = b"unlearned"


class SplitTruth(NamedTuple):
    """What an older head brings back: its watermarks, and how much it had declared."""

    marks: dict[int, Watermark]
    unlearned: dict[int, set[int]]
    n_declared: int


class SplitChecker(Checker):
    """Compares a world of slots with what it ought to be."""

    def __init__(self, world: SplitWorld) -> None:
        super().__init__(world)
        self._split = world
        self._keys: TaggedKeys = TaggedKeys(world.settings.namespace)
        partitions = range(world.scenario.n_partitions)
        self.marks = dict.fromkeys(partitions, NOTHING_MERGED)
        self.unlearned: dict[int, set[int]] = {p: set() for p in partitions}
        """Offsets whose payments the head was declared not to learn."""
        self.n_declared = 0
        self.ends: dict[int, deque[int]] = {p: deque([0], KEPT + 1) for p in partitions}
        """Where the last checkpoints of each slot ended, which an older head can be led on from."""
        self.n_merges = self.n_taken_over = self.n_remerged = self.n_repeated = self.n_unlearned = 0
        self._writers: dict[str, str] = {}
        self._highest_mark = dict.fromkeys(partitions, 0)

    def slot_written(self, slot: int, who: str, keys: set[str]) -> None:
        """Check what a slot holds after a write."""
        if slot == HEAD:
            self._check_head(keys)
            return
        key = self._keys.partition(TOPIC, slot)
        if key in keys:
            account = self.books.payments[slot]
            before = account.record.offset
            record = partition_record(self._split.redis.slots[slot].data[key], key)
            self._check_partition(account, record, who)
            if record.offset is not None and record.offset != before:
                self.ends[slot].append(record.offset)
                self.n_repeated += record.offset <= self.marks[slot].offset
                self._writers.setdefault(self._tip(slot), who)

    def truth(self) -> SplitTruth:
        """Return what a copy of the head's slot brings back."""
        unlearned = {p: set(offsets) for p, offsets in self.unlearned.items()}
        return SplitTruth(dict(self.marks), unlearned, self.n_declared)

    def head_replaced(self, truth: SplitTruth) -> None:
        """Take in that the head is what it was when ``truth`` was taken."""
        self.marks = dict(truth.marks)
        self.unlearned = {p: set(offsets) for p, offsets in truth.unlearned.items()}
        self.n_declared = truth.n_declared

    def slot_replaced(self, partition: int, account: Any, ends: deque[int]) -> None:
        """Take in that a partition's slot is what it was."""
        self.books.payments[partition] = account.copy()
        self.ends[partition] = ends.copy()

    def is_done(self, tp: TP) -> bool:
        offset = self._world.logs[tp].end
        return super().is_done(tp) and self.marks[tp.partition].offset == offset

    def finish(self) -> None:
        for account in self.books.payments.values():
            self._check_complete(account)
            self._check_states(account)
        self._check_learned()
        n_scored = sum(account.record.ledger.scored for account in self.books.payments.values())
        n_unlearned = sum(
            len(self._learned(p, mark.offset, set())) - len(self._learned(p, mark.offset))
            for p, mark in self.marks.items()
        )
        n_seen = self._sums().transactions_seen
        self._expect(
            n_seen == n_scored - n_unlearned,
            f"the head must have learned {n_scored} scored but {n_unlearned} declared, got {n_seen}",
        )

    def _check_head(self, keys: set[str]) -> None:
        self._check_declared()
        if self._keys.watermarks in keys:
            self._check_marks()
        if keys & {self._keys.watermarks, self._keys.head}:
            self._check_learned()

    def _check_marks(self) -> None:
        data = self._split.redis.slots[HEAD].data
        for p in self.marks:
            stored = data[self._keys.watermarks].get(f"{TOPIC}:{p}".encode())
            if stored is None:
                continue
            before, mark = self.marks[p], msgspec.json.decode(stored, type=Watermark)
            self._expect(
                mark.offset >= before.offset and mark.generation >= before.generation,
                f"watermark of {p} must not go back, {before} to {mark}",
            )
            reached = self._highest.get(TP(TOPIC, p), 0)
            self._expect(
                mark.offset <= reached,
                f"watermark of {p} must be in what was checkpointed, {reached}, got {mark}",
            )
            if mark.entry != before.entry:
                self.n_merges += 1
                self.n_taken_over += self._writers.get(mark.entry, mark.owner) != mark.owner
                self.n_remerged += before.offset < self._highest_mark[p]
                self._highest_mark[p] = max(mark.offset, self._highest_mark[p])
            self.marks[p] = mark

    def _check_declared(self) -> None:
        """Hold what is declared unlearned against what the slot still had for the head."""
        declared = [entry for _, entry in self._lineage() if entry[b"reason"] == _REASON]
        new, self.n_declared = declared[self.n_declared :], len(declared)
        for entry in new:
            p = int(entry[b"partition"].rpartition(b"/")[2])
            first, following = int(entry[b"first_offset"]), int(entry[b"next_offset"])
            offsets = range(first, following)
            self._world.note(f"unlearned of {p}: {offsets}")
            self._expect(
                self._split.redis.n_older[HEAD] > 0 and first not in self.ends[p],
                f"payments of {p} in {offsets} must be merged: the slot has them, {self.ends[p]}",
            )
            self.unlearned[p].update(offsets)
            self.n_unlearned += 1
            n = len(self._learned(p, following, set())) - len(self._learned(p, first, set()))
            self._expect(
                n == int(entry[b"n_payments"]),
                f"{n} payments of {p} in {offsets} must be declared, got {entry[b'n_payments']!r}",
            )

    def _check_learned(self) -> None:
        """The head holds each payment below the watermarks once, but those declared."""
        sums = self._sums()
        learned = [name for p, mark in self.marks.items() for name in self._learned(p, mark.offset)]
        self._expect(
            sums.transactions_seen == len(learned),
            f"the head must have learned each payment below its watermarks once, {len(learned)}, "
            f"got {sums.transactions_seen}",
        )
        if isinstance(sums, Counters):
            self._expect(
                sums.prints == sum(map(print_of, learned)),
                "the head must have learned the payments below its watermarks, got others",
            )

    def _learned(self, p: int, end: int, without: set[int] | None = None) -> list[str]:
        """Return the payments of a partition's log before ``end``, each once, but those declared."""
        log, left_out = self._log(p), self.unlearned[p] if without is None else without
        seen: set[str] = set()
        found: list[str] = []
        for offset in range(log.start, end):
            payment = payment_of(p, log.place(offset))
            if payment is not None and payment not in seen:
                seen.add(payment)
                if offset not in left_out:
                    found.append(payment)
        return found

    def _tip(self, p: int) -> str:
        record = self._split.redis.slots[p].data[self._keys.partition(TOPIC, p)]
        tip: bytes = record.get(b"entry", b"")
        return tip.decode()

    def _sums(self) -> Any:
        data = self._split.redis.slots[HEAD].data
        if self._keys.head not in data:
            return Sums.zero(self._world.pipeline.model)
        return self._decoded(data[self._keys.version(data[self._keys.head].decode())])
