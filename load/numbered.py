"""Payments of numbered cards, as many as are wanted: simulated ones under other names.

A simulator of five million customers would draw a day of all of them for each payment of a few.  Here
10,000 simulated payments are taken again and again, each time of other cards, 2 µs each; what a card
pays, where and when is that of the simulator, its next payment is the same again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["Numbered"]

_N_TEMPLATES: Final = 10_000
_AFTER_THE_CARD: Final = b'","amount":'


class Numbered:
    """Payments that count on: the n-th is of card n, or of n modulo the number of cards."""

    def __init__(self, seed: int = 1) -> None:
        simulated = Simulator(SimulatorConfig(seed=seed)).generate(_N_TEMPLATES).records()
        self._rests = [value[value.index(_AFTER_THE_CARD) :] for _, value in simulated]

    def records(self, numbers: range, n_cards: int | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield the payments of these numbers as they lie in Kafka.

        >>> (key, value), = Numbered().records(range(12, 13), n_cards=10)
        >>> key, value[:66]
        (b'card-000000002', b'{"transaction_id":"payment-0000000012","card_id":"card-000000002",')
        """
        rests, n_templates = self._rests, len(self._rests)
        for number in numbers:
            of = number if n_cards is None else number % n_cards
            card = b"card-%09d" % of
            # By the card: one that pays again does so in its currency.
            rest = rests[of % n_templates]
            yield card, b'{"transaction_id":"payment-%010d","card_id":"%s%s' % (number, card, rest)
