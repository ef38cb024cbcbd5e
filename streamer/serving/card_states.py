"""What the stream keeps of the cards and merchants of payments that are asked about.

Each partition keeps its own: of a merchant, what came through that partition.  So the card is found
first, in all partitions, and everything else is read where it was.  A card that is in several, as after
a change of their number, counts where it paid last.  It may have been found before its first payment in
the new one, so that it is looked for again: soon where its producer would choose another, else seldom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from streamer.contract.messages import Source
from streamer.errors import InvariantError, UnavailableError
from streamer.features import CARDS, Columns, Kept
from streamer.features.kinds import CARD_VERDICTS, MERCHANT_VERDICTS, MERCHANTS
from streamer.features.packed import names_of
from streamer.indexing import extended
from streamer.serving.partitioners import Partitioners
from streamer.store.lookups import Lookups

__all__ = ["CardStates", "Found"]

# Where a card is changes with the number of partitions alone, which is asked for once in a while.
_REFRESH_S: Final = 30.0
_SETTLED_S: Final = 3_600.0
_MOST_PLACES: Final = 1_000_000
_FORGOTTEN: Final = 10_000
_TIME: Final = np.dtype("<f8")
_LOST: Final = "Redis must hold the partitions that it held before, got fewer; was it restored?"


class Found(NamedTuple):
    """What is ``kept`` of n payments' entities, and where.

    ``partitions`` are those that the cards were found in, or that they will go to; None where that is
    not known.  ``saved_at_ms`` is when these were last saved, None for cards that were not found;
    ``places`` are which payments that had, and are known for new cards too.
    """

    kept: Kept
    partitions: list[int | None]
    saved_at_ms: list[int | None]
    places: list[Source | None]

    @classmethod
    def nothing(cls, n: int) -> Found:
        """Return what is known while nothing can be read."""
        return cls(Kept.nothing(n), [None] * n, [None] * n, [None] * n)


class _Place(NamedTuple):
    """The partition that a card was found in, and when it is looked for again."""

    partition: int
    until_s: float


@dataclass(slots=True)
class CardStates:
    """Reads states from the store; where cards are is remembered, what is kept of them is not."""

    lookups: Lookups
    topic: str
    monotonic: Callable[[], float]
    partitions: tuple[int, ...] = ()
    partitioners: Partitioners = field(default_factory=Partitioners)
    _places: dict[int, _Place] = field(default_factory=dict)
    _saved: set[int] = field(default_factory=set)
    _asked_at: float = -_REFRESH_S

    @property
    def n_partitions(self) -> int:
        """How many partitions payments are spread over."""
        return max(len(self.partitions), 1)

    async def of(self, columns: Columns, cards: Sequence[str]) -> Found:
        """Return what is kept of payments' entities; ``cards`` (n,) are the cards' ids.

        Raises `UnavailableError` where the store does not answer, or has come back without what it
        held: who paid before would be answered as if new; `InvariantError` where one is no state.
        """
        await self._refresh()
        numbers = columns.cards.tolist()
        await self._find(numbers, cards)
        places, n_partitions = self._places, self.n_partitions
        partitions: list[int | None] = []
        is_found: list[bool] = []
        saved_at_ms: list[int | None] = [None] * len(numbers)
        rows: dict[int, list[int]] = {}
        for i, number in enumerate(numbers):
            place = places.get(number)
            if place is None:
                partition = self.partitioners.partition_of(cards[i], n_partitions)
            else:
                partition = place.partition
            partitions.append(partition)
            is_found.append(place is not None)
            if partition is not None:
                rows.setdefault(partition, []).append(i)
        if self._saved and self._saved.isdisjoint(rows):
            # One that is known to be there tells whether Redis still holds what it held.
            rows[next(iter(self._saved))] = []
        names = _names(columns, numbers)
        # Twice where two payments have them: that is rare, and cheaper than to find out.
        stored = await self.lookups.read_states(
            self.topic,
            {
                partition: {
                    kind: [name for k in places_in for name in _taken(names[k], own)]
                    for kind, places_in in _KINDS.items()
                }
                for partition, own in rows.items()
            },
        )
        saved = {p for p, each in stored.items() if each.saved_at_ms is not None}
        if self._saved & stored.keys() - saved:
            raise UnavailableError(_LOST)
        self._saved |= saved
        kept: list[list[bytes | None]] = [[None] * len(numbers) for _ in names]
        ends: list[Source | None] = [None] * len(numbers)
        for partition, own in rows.items():
            found = stored[partition]
            for kind, places_in in _KINDS.items():
                states = iter(found.states[kind])
                for k in places_in:
                    into = kept[k]
                    for i, state in zip(own, states, strict=False):
                        into[i] = state
            end = None
            if found.offset is not None:
                end = Source(self.topic, partition, found.offset, found.epoch)
            for i in own:
                ends[i] = end
                if is_found[i]:
                    saved_at_ms[i] = found.saved_at_ms
        return Found(Kept(*kept), partitions, saved_at_ms, ends)

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
            self.partitioners = Partitioners(self.partitioners.told())
            self._places.clear()

    async def _find(self, numbers: Sequence[int], cards: Sequence[str]) -> None:
        """Find the cards of which it is not known where they are, or not any more."""
        while (new := self._to_find(numbers, cards)) and self.partitions:
            partitions = self.partitions
            found = await self.lookups.find_entity(
                self.topic, partitions, CARDS.name, list(map(str, new))
            )
            if partitions == self.partitions:
                # Else some came meanwhile, in which nobody has looked.
                for number, card in new.items():
                    self._note(number, card, found[str(number)])
                break
        if len(self._places) > _MOST_PLACES:
            for number in list(self._places)[:_FORGOTTEN]:
                del self._places[number]

    def _to_find(self, numbers: Sequence[int], cards: Sequence[str]) -> dict[int, str]:
        places, now = self._places, self.monotonic()
        return {
            number: card
            for number, card in zip(numbers, cards, strict=True)
            if (place := places.get(number)) is None or place.until_s <= now
        }

    def _note(self, number: int, card: str, states: Mapping[int, bytes]) -> None:
        """Note in which partition a card was found."""
        before = self._places.pop(number, None)
        if not states:
            return
        partition = max(states, key=lambda each: _time_ms(states[each]))
        if before is None or before.partition != partition:
            self.partitioners.found(card, partition, self.n_partitions)
        is_settled = self.partitioners.partition_of(card, self.n_partitions) == partition
        again_s = _SETTLED_S if is_settled else _REFRESH_S
        self._places[number] = _Place(partition, self.monotonic() + again_s)


def _time_ms(state: bytes) -> float:
    """Return when a card last paid; raise `InvariantError` for a state too short to say so."""
    if len(state) < _TIME.itemsize:
        raise InvariantError(
            f"a card's state must have {_TIME.itemsize} bytes at least, got {len(state)}"
        )
    return float(np.frombuffer(state, _TIME, 1)[0])


def _taken(names: Sequence[str], rows: Sequence[int]) -> tuple[str, ...]:
    return itemgetter(*rows)(names) if len(rows) > 1 else tuple(names[i] for i in rows)


# Where the states of each kind are in `Kept`: cards have them in two currencies.
_KINDS: Final = {
    CARDS.name: (0, 1),
    MERCHANTS.name: (2,),
    CARD_VERDICTS.name: (3,),
    MERCHANT_VERDICTS.name: (4,),
}


def _names(columns: Columns, numbers: Sequence[int]) -> tuple[list[str], ...]:
    """Return the names, (n,) each, of what `Kept` holds of payments, in its order.

    Nothing is stored under -1, which stands for a merchant that a payment does not name.
    """
    cards = list(map(str, numbers))
    habits = names_of(extended(columns.cards, columns.currencies))
    return cards, habits, names_of(columns.tills), cards, names_of(columns.merchants)
