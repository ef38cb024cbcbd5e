"""What the head lacks of a partition whose checkpoints lie in another slot: pure.

A checkpoint leaves an entry with its delta in the partition's slot, and each entry names the one before
it.  The head names, for each partition, the last entry that it has merged: its watermark.  What is to
be merged follows from these two alone, so that the question may be asked by anybody and at any time.

Invariants:
* An entry is merged on top of the one that it names: once, whoever does it, however often.
* Whatever the two slots hold, there is an answer; what cannot be merged any more is told with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

__all__ = ["NOTHING_MERGED", "Entry", "Gap", "Plan", "Tip", "Watermark", "planned"]


class Entry(msgspec.Struct, frozen=True):
    """One checkpoint's delta, without the delta.

    ``learned`` is how many payments the partition had taught with this one, ``taught`` how many are in
    it.  ``generation`` and ``owner`` are those of who wrote it.
    """

    name: str
    after: str
    base_offset: int
    next_offset: int
    learned: int
    taught: int
    generation: int
    owner: str
    now_ms: int


class Tip(NamedTuple):
    """Where a partition's slot has come to: its last entry, its offset, how many payments it taught."""

    entry: str
    offset: int
    learned: int


class Watermark(msgspec.Struct, frozen=True):
    """Up to where the head has merged a partition, and whose the partition is."""

    entry: str = ""
    offset: int = 0
    learned: int = 0
    generation: int = 0
    owner: str = ""


NOTHING_MERGED: Final = Watermark()


class Gap(NamedTuple):
    """Offsets whose payments are in the ledger and will not be in the head, and how many these are."""

    first_offset: int
    next_offset: int
    n_payments: int


class Plan(NamedTuple):
    """``entries`` are to be merged now, ``gap`` is to be declared.

    ``repeat_to``: the slot is older than the head, which has learned what is read again up to there.
    """

    entries: tuple[Entry, ...] = ()
    gap: Gap | None = None
    repeat_to: int | None = None


def planned(mark: Watermark, tip: Tip, chain: Sequence[Entry]) -> Plan:
    """Return what to do about a partition; ``chain`` is what its slot keeps, oldest first.

    >>> first = Entry("1@1", "", 0, 40, 40, 40, 1, "a", 0)
    >>> second = Entry("2@1", "1@1", 40, 90, 90, 50, 1, "a", 0)
    >>> tip = Tip("2@1", 90, 90)
    >>> [entry.name for entry in planned(Watermark("1@1", 40, 40), tip, [first, second]).entries]
    ['2@1']
    >>> planned(Watermark("9@4", 300, 290), tip, [first, second]).repeat_to
    300
    >>> planned(Watermark("0@0", 20, 20), tip, [second]).gap
    Gap(first_offset=20, next_offset=40, n_payments=20)
    """
    before = chain[0].after if chain else tip.entry
    names = [before, *(entry.name for entry in chain)]
    if mark.entry in names:
        return Plan(tuple(chain[names.index(mark.entry) :]))
    if tip.offset < mark.offset:
        return Plan(repeat_to=mark.offset)
    later = [entry for entry in chain if entry.base_offset >= mark.offset]
    if later:
        upto, learned = later[0].base_offset, later[0].learned - later[0].taught
    else:
        upto, learned = tip.offset, tip.learned
    return Plan(tuple(later), Gap(mark.offset, upto, learned - mark.learned))
