"""One card out of what a partition remembers: as if it had never paid, but for what others share.

What stays is in sums over many cards: the model's, those of merchants, the ledger's counters; and the
fingerprints by which a payment that is sent again is known (`repeats`), each of a card and a payment
together, which go by themselves after two windows of offsets.

Invariants:
* A payment of the card that comes afterwards meets a partition that does not know it.
* Nothing that is remembered of another card changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Integers
from streamer.contract.codes import CURRENCIES
from streamer.features.packed import names_of
from streamer.indexing import extended, fingerprints
from streamer.pipeline.partition_state import PartitionState
from streamer.pipeline.told_cards import forget_card
from streamer.pipeline.waves import forget_waves

__all__ = ["ErasedCard", "card_entities", "erase_card"]

_NO_SEGMENTS: Final[Collection[int]] = ()


@dataclass(frozen=True, slots=True)
class ErasedCard:
    """What was let go: how many states, waiting payments and standing verdicts.

    ``card`` is what stands for the card; ``entities`` are the names, by kind, under which more may be
    stored than was held; ``payments`` what the payments that waited were known by, with those that were
    named.
    """

    card: int
    n_states: int
    n_waiting: int
    n_rulings: int
    entities: Mapping[str, Sequence[str]]
    payments: tuple[int, ...]


def card_entities(card_id: str) -> dict[str, Integers]:
    """Return what stands for everything that is kept under a card, by kind.

    That is its own row, what it spends in each currency that is not its first, and what verdicts say.
    """
    card = fingerprints([card_id])
    currencies = np.arange(len(CURRENCIES))
    habits = extended(np.repeat(card, len(CURRENCIES)), currencies)
    return {"cards": np.concatenate([card, habits]), "card_verdicts": card}


def erase_card(
    state: PartitionState,
    card_id: str,
    names: Collection[str],
    transactions: Collection[str],
    segments: Collection[int] = _NO_SEGMENTS,
) -> ErasedCard:
    """Let go of a card in ``state`` (IN/OUT).

    ``names`` are what else the card is called, in verdicts that named what an alert showed;
    ``transactions`` payments that are known to be its own; ``segments`` saved payments that are to be
    written anew (`streamer.verdicts.buffer`).
    """
    entities = card_entities(card_id)
    tables = state.tables
    n_states = tables.cards.erase(entities["cards"])
    n_states += tables.card_verdicts.erase(entities["card_verdicts"])
    waited = set(state.verdicts.buffer.erase(card_id, segments).tolist())
    payments = waited | set(fingerprints(sorted(transactions)).tolist())
    called = {card_id, *names}
    n_rulings = state.verdicts.rulings.erase(called, payments)
    state.verdicts.record.erase(called, payments)
    card = int(entities["cards"][0])
    forget_card(state.told, card)
    forget_waves(state.waves, card)
    return ErasedCard(
        card,
        n_states,
        len(waited),
        n_rulings,
        {kind: names_of(prints) for kind, prints in entities.items()},
        tuple(sorted(payments)),
    )
