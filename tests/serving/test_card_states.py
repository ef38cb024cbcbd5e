"""Where a card is is looked for again, as partitions are added and cards go to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streamer.serving.card_states import CardStates
from streamer.serving.partitioners import Partitioners, murmur2
from streamer.store.lookups import StoredStates


class Stored:
    """Partitions with the times that cards last paid there; ``now_s`` is what the clock says."""

    def __init__(self, n_partitions: int) -> None:
        self.n_partitions = n_partitions
        self.paid: dict[int, dict[str, float]] = {}
        self.now_s = 1_000.0
        self.n_searches = 0
        self.meanwhile: asyncio.Future[None] | None = None

    def states(self) -> CardStates:
        return CardStates(self, "payments", lambda: self.now_s)  # type: ignore[arg-type]

    async def partition_numbers(self, topic: str) -> tuple[int, ...]:
        return tuple(range(self.n_partitions))

    async def find_entity(
        self, topic: str, partitions: Sequence[int], kind: str, names: Sequence[str]
    ) -> dict[str, dict[int, bytes]]:
        self.n_searches += 1
        if self.meanwhile is not None:
            waiting, self.meanwhile = self.meanwhile, None
            await waiting
        return {
            name: {
                p: np.array([at_ms]).tobytes()
                for p in partitions
                if (at_ms := self.paid.get(p, {}).get(name)) is not None
            }
            for name in names
        }

    async def read_states(
        self, topic: str, wanted: Mapping[int, Mapping[str, Sequence[str]]]
    ) -> dict[int, StoredStates]:
        return {
            partition: StoredStates(1, 0, 0, {kind: [None] * len(n) for kind, n in names.items()})
            for partition, names in wanted.items()
        }


async def partition_of(states: CardStates, number: int) -> int | None:
    one = np.array([number])
    columns: Any = SimpleNamespace(cards=one, currencies=one, tills=one, merchants=one)
    [partition] = (await states.of(columns, [str(number)])).partitions
    return partition


def by_murmur2(number: int, n_partitions: int) -> int:
    return (murmur2(str(number).encode()) & 0x7FFFFFFF) % n_partitions


def mover() -> int:
    """Return a card in partition 0 of 2 that goes to another one of 4."""
    return next(n for n in range(100, 999) if by_murmur2(n, 2) == 0 and by_murmur2(n, 4) == 2)


def learned(stored: Stored) -> CardStates:
    """Return states that have learned from 30 cards of 2 partitions which partitioner it is."""
    for number in range(30):
        stored.paid.setdefault(by_murmur2(number, 2), {})[str(number)] = 1.0
    states = stored.states()

    async def ask() -> None:
        for number in range(30):
            await partition_of(states, number)

    asyncio.run(ask())
    return states


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_card_asked_about_before_it_has_gone_to_a_new_partition_is_found_there_later(
    is_restarted: bool,
) -> None:
    stored, card = Stored(2), mover()
    states = learned(stored)
    stored.paid[0][str(card)] = 1.0

    async def scenario() -> None:
        assert await partition_of(states, card) == 0
        stored.n_partitions = 4
        asked = stored.states() if is_restarted else states
        stored.now_s += 30.0
        assert await partition_of(asked, card) == 0
        stored.paid[2] = {str(card): 2.0}
        stored.now_s += 29.0
        assert await partition_of(asked, card) == 0
        stored.now_s += 1.0
        assert await partition_of(asked, card) == 2

    asyncio.run(scenario())


def test_a_card_where_its_producer_puts_it_is_looked_for_once_an_hour() -> None:
    stored = Stored(2)
    states = learned(stored)
    card = next(iter(stored.paid[1]))
    # Those found before the partitioner was known.
    stored.now_s += 30.0

    async def scenario() -> None:
        assert await partition_of(states, int(card)) == 1
        before = stored.n_searches
        stored.now_s += 3_599.0
        assert await partition_of(states, int(card)) == 1
        assert stored.n_searches == before
        stored.now_s += 1.0
        assert await partition_of(states, int(card)) == 1
        assert stored.n_searches == before + 1

    asyncio.run(scenario())


def test_a_search_that_began_before_partitions_were_added_is_made_again() -> None:
    stored, card = Stored(2), mover()
    stored.paid = {0: {str(card): 1.0}, 2: {str(card): 2.0}}
    states = stored.states()

    async def scenario() -> None:
        stored.meanwhile = asyncio.get_running_loop().create_future()
        waiting = stored.meanwhile
        asking = asyncio.ensure_future(partition_of(states, card))
        while not stored.n_searches:  # noqa: ASYNC110 - of the same loop
            await asyncio.sleep(0)
        stored.n_partitions = 4
        stored.now_s += 30.0
        assert await partition_of(states, 1) is None
        waiting.set_result(None)
        assert await asking == 2
        assert await partition_of(states, card) == 2

    asyncio.run(scenario())


def test_cards_that_have_not_gone_on_do_not_hide_the_partitioner_that_was_told() -> None:
    before = Partitioners()
    for number in range(30):
        before.found(str(number), by_murmur2(number, 2), 2)
    after = Partitioners(before.told())
    for number in range(30):
        after.found(str(number), by_murmur2(number, 2), 4)
    assert after.partition_of("7", 4) == by_murmur2(7, 4)
    one = Partitioners()
    for number in range(30):
        one.found(str(number), 0, 1)
    assert one.told() is None


def test_a_partitioner_is_told_once_cards_that_have_gone_on_are_nine_of_ten() -> None:
    seen = Partitioners()
    for number in range(1_000):
        seen.found(str(number), by_murmur2(number, 2), 4)
    assert seen.partition_of("7", 4) is None
    for number in range(2_000):
        seen.found(str(number), by_murmur2(number, 4), 4)
    assert seen.partition_of("7", 4) == by_murmur2(7, 4)
