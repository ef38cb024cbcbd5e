"""What the stream keeps of the cards and merchants of payments that are asked about.

Each partition keeps its own: of a merchant, what came through that partition.  So the card is found
first, in all partitions, and everything else is read where it was.  A card that is in several, as after
a change of their number, counts where it paid last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from streamer.errors import UnavailableError
from streamer.features import CARDS, Columns, Kept
from streamer.features.kinds import CARD_VERDICTS, MERCHANT_VERDICTS, MERCHANTS
from streamer.features.packed import names_of
from streamer.indexing import extended
from streamer.serving.partitioners import Partitioners
from streamer.store.lookups import Lookups

__all__ = ["CardStates", "Found"]

# Where a card is changes with the number of partitions alone, which is asked for once in a while.
_REFRESH_S: Final = 30.0
_MOST_PLACES: Final = 1_000_000
_FORGOTTEN: Final = 10_000
_NOBODY: Final = "-1"
_LOST: Final = "Redis must hold the partitions that it held before, got fewer; was it restored?"


class Found(NamedTuple):
    """What is ``kept`` of n payments' entities, and where.

    ``partitions`` are those that the cards were found in, or that they will go to; None where that is
    not known.  ``saved_at_ms`` is when these were last saved, None for cards that were not found.
    """

    kept: Kept
    partitions: list[int | None]
    saved_at_ms: list[int | None]

    @classmethod
    def nothing(cls, n: int) -> Found:
        """Return what is known while nothing can be read."""
        return cls(Kept.nothing(n), [None] * n, [None] * n)


@dataclass(slots=True)
class CardStates:
    """Reads states from the store; where cards are is remembered, what is kept of them is not."""

    lookups: Lookups
    topic: str
    monotonic: Callable[[], float]
    partitions: tuple[int, ...] = ()
    partitioners: Partitioners = field(default_factory=Partitioners)
    _places: dict[int, int] = field(default_factory=dict)
    _saved: set[int] = field(default_factory=set)
    _asked_at: float = -_REFRESH_S

    @property
    def n_partitions(self) -> int:
        """How many partitions payments are spread over."""
        return max(len(self.partitions), 1)

    async def of(self, columns: Columns, cards: Sequence[str]) -> Found:
        """Return what is kept of payments' entities; ``cards`` (n,) are the cards' ids.

        Raises `UnavailableError` where the store does not answer, or has come back without what it
        held: who paid before would be answered as if new.
        """
        await self._refresh()
        numbers = columns.cards.tolist()
        await self._find(numbers, cards)
        partitions = [
            self._places[number]
            if number in self._places
            else self.partitioners.partition_of(card, self.n_partitions)
            for number, card in zip(numbers, cards, strict=True)
        ]
        names = _names(columns)
        wanted: dict[int, dict[str, set[str]]] = {}
        for i, partition in enumerate(partitions):
            if partition is not None:
                of_partition = wanted.setdefault(partition, {})
                for kind, of_kind in names:
                    if of_kind[i] != _NOBODY:
                        of_partition.setdefault(kind, set()).add(of_kind[i])
        if self._saved and self._saved.isdisjoint(wanted):
            # One that is known to be there tells whether Redis still holds what it held.
            wanted[next(iter(self._saved))] = {}
        stored = await self.lookups.read_states(
            self.topic,
            {p: {kind: list(each) for kind, each in of.items()} for p, of in wanted.items()},
        )
        saved = {p for p, each in stored.items() if each.saved_at_ms is not None}
        if self._saved & stored.keys() - saved:
            raise UnavailableError(_LOST)
        self._saved |= saved
        kept = Kept._make(
            [
                None
                if partition is None
                else stored[partition].states.get(kind, {}).get(of_kind[i])
                for i, partition in enumerate(partitions)
            ]
            for kind, of_kind in names
        )
        saved_at_ms = [
            stored[partition].saved_at_ms
            if partition is not None and number in self._places
            else None
            for number, partition in zip(numbers, partitions, strict=True)
        ]
        return Found(kept, partitions, saved_at_ms)

    async def _refresh(self) -> None:
        now = self.monotonic()
        if self.partitions and now - self._asked_at < _REFRESH_S:
            return
        partitions = await self.lookups.partition_numbers(self.topic)
        if not set(self.partitions) <= set(partitions):
            raise UnavailableError(_LOST)
        self._asked_at = now
        if partitions != self.partitions:
            # Cards have gone to other partitions by now.
            self.partitions = partitions
            self.partitioners = Partitioners()
            self._places.clear()

    async def _find(self, numbers: Sequence[int], cards: Sequence[str]) -> None:
        """Find the cards of which it is not known where they are."""
        places = self._places
        new = {
            number: card
            for number, card in zip(numbers, cards, strict=True)
            if number not in places
        }
        if not new or not self.partitions:
            return
        names = list(map(str, new))
        found = await self.lookups.find_entity(self.topic, self.partitions, CARDS.name, names)
        for number, card in new.items():
            if states := found[str(number)]:
                places[number] = max(states, key=lambda each: _time_ms(states[each]))
                self.partitioners.found(card, places[number], self.n_partitions)
        if len(places) > _MOST_PLACES:
            for number in list(places)[:_FORGOTTEN]:
                del places[number]


def _time_ms(state: bytes) -> float:
    """Return when a card last paid."""
    return float(np.frombuffer(state, "<f8", 1)[0])


def _names(columns: Columns) -> list[tuple[str, list[str]]]:
    """Return kind and names, (n,) each, of what `Kept` holds of payments, in its order."""
    habits = extended(columns.cards, columns.currencies)
    return [
        (CARDS.name, names_of(columns.cards)),
        (CARDS.name, names_of(habits)),
        (MERCHANTS.name, names_of(columns.tills)),
        (CARD_VERDICTS.name, names_of(columns.cards)),
        (MERCHANT_VERDICTS.name, names_of(columns.merchants)),
    ]
