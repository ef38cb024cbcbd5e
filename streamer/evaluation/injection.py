"""Puts the payments of a break into a file's own traffic, each where its time has it.

Victims are drawn among the cards that paid often enough in the month before and met no fraud in it.
The file is read once before, as far as the last break's day, to know them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal

import msgspec
import numpy as np

from streamer.contract.codes import decimals_of
from streamer.contract.messages import Transaction
from streamer.datafiles import FileBatch
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.evaluation.break_patterns import PATTERNS, Habit, Step
from streamer.evaluation.breaks import BREAK_DAYS, KINDS, Break
from streamer.evaluation.row_range import piece
from streamer.intake.decoding import Decoded

__all__ = ["Injected", "injected_payments", "with_injected"]

Decode = Callable[[FileBatch], Decoded]
"""Decodes a batch whose first record has the offset 0."""

_MONTH_MS: Final = 30 * DAY_MS
_MIN_PAYMENTS: Final = 8
# As many cards go to one new merchant: it is new to all of them.
_VICTIMS_PER_MERCHANT: Final = 5


@dataclass(frozen=True, slots=True)
class Injected:
    """A payment that the file does not have, and what it is labelled."""

    time_ms: int
    transaction: Transaction
    label: str


@dataclass(slots=True)
class _Card:
    payments: list[tuple[int, Transaction, bool]]

    def habit_before(self, start_ms: int) -> Habit | None:
        """Return the habit of the month before; None for too few payments, or a fraud in it."""
        month = [p for p in self.payments if start_ms - _MONTH_MS <= p[0] < start_ms]
        if len(month) < _MIN_PAYMENTS or any(is_fraud for _, _, is_fraud in month):
            return None
        return Habit(
            last=max(month, key=lambda payment: payment[0])[1],
            times_ms=np.array([time_ms for time_ms, _, _ in month]),
            amounts=np.array([paid.amount for _, paid, _ in month]),
            merchants=tuple(paid.merchant_id for _, paid, _ in month),
        )


def injected_payments(
    batches: Iterable[FileBatch], decode: Decode, breaks: Sequence[Break], seed: int
) -> list[Injected]:
    """Return what ``breaks`` add to the payments of ``batches``, in order of time."""
    cards = _cards(batches, decode, breaks)
    payments: list[Injected] = []
    taken: set[str] = set()
    for each in breaks:
        victims = _victims(cards, each, taken, seed)
        taken |= victims.keys()
        payments += _episodes(each, victims, seed)
    return sorted(payments, key=attrgetter("time_ms"))


def with_injected(
    batches: Iterable[FileBatch], decode: Decode, payments: Sequence[Injected]
) -> Iterator[FileBatch]:
    """Yield ``batches`` with ``payments``, each before the first record that is later than it.

    Those that are later than everything in the file are left out.
    """
    waiting, clock_ms = deque(payments), -1
    for batch in batches:
        if not waiting:
            yield batch
            continue
        decoded = decode(batch)
        clocks = np.maximum.accumulate(np.append(clock_ms, decoded.times_ms))[1:]
        places: list[tuple[int, Injected]] = []
        while waiting and len(clocks) and waiting[0].time_ms < clocks[-1]:
            at = int(np.searchsorted(clocks, waiting[0].time_ms, side="right"))
            places.append((int(decoded.offsets[at]), waiting.popleft()))
        clock_ms = int(clocks[-1]) if len(clocks) else clock_ms
        yield from _merged(batch, places)


def _merged(batch: FileBatch, places: list[tuple[int, Injected]]) -> Iterator[FileBatch]:
    first = 0
    for place, group in groupby(places, key=lambda each: each[0]):
        if place > first:
            yield piece(batch, first, place)
            first = place
        added = [payment for _, payment in group]
        yield FileBatch(
            values=[msgspec.json.encode(payment.transaction) for payment in added],
            keys=[payment.transaction.card_id.encode() for payment in added],
            labels=[payment.label for payment in added],
            transaction_ids=[payment.transaction.transaction_id for payment in added],
        )
    yield piece(batch, first, len(batch.values)) if first else batch


def _cards(
    batches: Iterable[FileBatch], decode: Decode, breaks: Sequence[Break]
) -> Mapping[str, _Card]:
    """Return the cards with their payments of the months before ``breaks``."""
    first_ms = min(each.start_ms for each in breaks) - _MONTH_MS
    end_ms = max(each.start_ms for each in breaks)
    cards: dict[str, _Card] = defaultdict(lambda: _Card([]))
    for batch in batches:
        decoded = decode(batch)
        times_ms = decoded.times_ms
        if len(times_ms) and times_ms.min() >= end_ms:
            break
        labels = batch.labels or [None] * len(batch.values)
        for i in np.flatnonzero((times_ms >= first_ms) & (times_ms < end_ms)).tolist():
            transaction = decoded.transaction(i)
            is_fraud = labels[int(decoded.offsets[i])] is not None
            cards[transaction.card_id].payments.append((int(times_ms[i]), transaction, is_fraud))
    return cards


def _victims(
    cards: Mapping[str, _Card], each: Break, taken: set[str], seed: int
) -> dict[str, Habit]:
    """Return as many victims as the break has, none of them ``taken``, with their habits."""
    habits = {}
    for card_id in sorted(cards.keys() - taken):
        habit = cards[card_id].habit_before(each.start_ms)
        if habit is not None:
            habits[card_id] = habit
    if len(habits) < each.n_victims:
        raise ConfigurationError(
            f"victims of --break {each.kind} must be at most {len(habits):,}, the cards with "
            f"{_MIN_PAYMENTS} payments and no fraud in the 30 days before {each.first_day}; "
            f"got {each.n_victims:,}"
        )
    drawn = (
        _rng(each, seed, "victims").choice(sorted(habits), each.n_victims, replace=False).tolist()
    )
    return {card_id: habits[card_id] for card_id in drawn}


def _episodes(each: Break, victims: Mapping[str, Habit], seed: int) -> Iterator[Injected]:
    rng = _rng(each, seed, "episodes")
    for number, habit in enumerate(victims.values()):
        day_ms = each.start_ms + number * BREAK_DAYS // each.n_victims * DAY_MS
        new_merchant = f"new-{each.kind}-{number // _VICTIMS_PER_MERCHANT}"
        steps = PATTERNS[each.kind](habit, rng, day_ms, new_merchant)
        for i, step in enumerate(steps):
            key = f"{each.kind}-{each.first_day}-{number}-{i}"
            yield Injected(step.time_ms, _payment(habit.last, step, key), each.scenario)


def _payment(last: Transaction, step: Step, transaction_id: str) -> Transaction:
    """Return a payment as the card's ``last`` one, but for what the episode says of it."""
    return msgspec.structs.replace(
        last,
        transaction_id=transaction_id,
        amount=round(step.amount, decimals_of(last.currency)),
        timestamp=datetime.fromtimestamp(step.time_ms / 1000, tz=UTC),
        merchant_id=step.merchant_id,
        latitude=None,
        longitude=None,
    )


def _rng(each: Break, seed: int, what: Literal["victims", "episodes"]) -> np.random.Generator:
    words = [seed, KINDS.index(each.kind), each.first_day.toordinal(), what == "episodes"]
    return np.random.default_rng(words)
