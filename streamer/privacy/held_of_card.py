"""What workers keep of a card in Redis, partition by partition, as of each one's last checkpoint.

A card's payments are in one partition, unless its producer has changed how it chooses one: all are
asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from streamer.contract.codes import CURRENCIES
from streamer.contract.messages import Feedback
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES
from streamer.features.packed import names_of
from streamer.indexing import extended, fingerprints
from streamer.pipeline import card_entities
from streamer.pipeline.told_cards import unpacked
from streamer.pipeline.waves import unpacked_waves
from streamer.privacy.card_names import CardNames
from streamer.privacy.card_words import card_state, card_verdicts
from streamer.store import PartitionRecord, Store, rfc3339
from streamer.verdicts import N_BESIDE
from streamer.verdicts.segments import (
    Rows,
    State,
    check_numbers,
    field_names,
    read_rows,
    read_state,
)

__all__ = ["HeldOfCard", "Waiting", "held_of_card"]


_N_INPUTS: Final = len(FEATURE_NAMES) + len(CONTEXT_NAMES) + 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payment that waits for a verdict, in a segment of those that are saved.

    One that does not any more is there until its segment is written anew.
    """

    segment: int
    at_ms: int
    print_: int
    still_waits: bool
    told: Mapping[str, Any]


@dataclass(slots=True)
class HeldOfCard:
    """Of one partition; ``record`` says up to where.

    ``rows`` are the states by their names in Redis, ``states`` the same decoded.  ``in_budget`` says
    whether the card is among those that the reserve told of, ``n_waves`` in how many waves it is.
    """

    topic: str
    partition: int
    record: PartitionRecord
    rows: dict[str, list[str]] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    verdict_state: dict[str, Any] | None = None
    waiting: list[Waiting] = field(default_factory=list)
    rulings: list[Feedback] = field(default_factory=list)
    in_budget: bool = False
    n_waves: int = 0

    @property
    def segments(self) -> list[int]:
        """The segments that have payments of the card, waiting or not."""
        return sorted({each.segment for each in self.waiting})

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the card is there."""
        held = self.rows or self.waiting or self.rulings or self.in_budget or self.n_waves
        return not held


async def held_of_card(
    store: Store, wanted: str, names: CardNames, transactions: Collection[str]
) -> list[HeldOfCard]:
    """Return what every partition of the topic ``wanted`` that was ever saved keeps of a card.

    ``transactions`` are known to be its payments.
    """
    found = []
    for (topic, partition), record in (await store.partitions()).items():
        if topic != wanted or record.offset is None:
            continue
        held = HeldOfCard(topic, partition, record)
        await _find_states(store, held, names.card_id)
        labels = await store.load_all(topic, partition, "labels", are_large=True)
        held.waiting = list(_waiting(labels, names.card_id))
        payments = {each.print_ for each in held.waiting}
        payments |= set(fingerprints(sorted(transactions)).tolist())
        stored = await store.load_all(topic, partition, "rulings")
        held.rulings = _rulings(stored, names.all, payments)
        (card,) = fingerprints([names.card_id]).tolist()
        held.in_budget = bool((unpacked(record.told_cards)[:, 0] == card).any())
        waves = unpacked_waves(record.waves)
        held.n_waves = int(((waves == card).any(axis=1)).sum())
        found.append(held)
    return found


async def _find_states(store: Store, held: HeldOfCard, card_id: str) -> None:
    wanted = {kind: names_of(prints) for kind, prints in card_entities(card_id).items()}
    stored = await store.load_entities(held.topic, held.partition, wanted)
    (card,) = fingerprints([card_id]).tolist()
    others = extended(np.full(len(CURRENCIES), card), np.arange(len(CURRENCIES)))
    of_others = dict(zip(names_of(others), CURRENCIES, strict=True))
    for name, packed in stored["cards"].items():
        if packed is not None:
            held.states.append(card_state(packed, of_others.get(name)))
            held.rows.setdefault("cards", []).append(name)
    for name, packed in stored["card_verdicts"].items():
        if packed is not None:
            held.verdict_state = card_verdicts(packed)
            held.rows.setdefault("card_verdicts", []).append(name)


def _waiting(labels: Mapping[str, bytes], card_id: str) -> Iterator[Waiting]:
    wanted = card_id.encode()
    for number in check_numbers(labels):
        rows_name, state_name = field_names(number)
        packed = labels[rows_name]
        if wanted not in packed:
            continue
        rows = read_rows(packed, _N_INPUTS)
        state = State.untouched(len(rows.prints))
        if state_name in labels:
            state = read_state(labels[state_name], _N_INPUTS, len(rows.prints))
        pairs = rows.lengths.reshape(-1, 2)
        ends = np.cumsum(pairs.sum(axis=1))
        for i, (n_card, n_merchant) in enumerate(pairs.tolist()):
            first = int(ends[i]) - n_card - n_merchant
            named = rows.names[first : first + n_card + n_merchant].tobytes()
            if named[:n_card] == wanted:
                at_ms = int(rows.times_ms[i])
                told = _told(rows, i, named[n_card:].decode())
                waits = bool(state.waits[i])
                yield Waiting(number, at_ms, int(rows.prints[i]), waits, told)


def _told(rows: Rows, i: int, merchant: str) -> dict[str, Any]:
    inputs = rows.vectors[i, :-N_BESIDE].tolist()
    names = (*FEATURE_NAMES, *CONTEXT_NAMES, "distance")
    return {
        "paid_at": rfc3339(int(rows.times_ms[i])),
        "merchant_id": merchant or None,
        "alerted": bool(rows.is_alert[i]),
        "inputs": {n: v for n, v in zip(names, inputs, strict=True) if v == v},
    }


def _rulings(
    stored: Mapping[str, bytes], names: Collection[str], payments: Collection[int]
) -> list[Feedback]:
    keys: Sequence[str] = sorted(stored)
    decode = msgspec.json.Decoder(Feedback).decode
    verdicts = [decode(stored[key]) for key in keys]
    pairs = zip(verdicts, fingerprints(list(keys)).tolist(), strict=True)
    return [each for each, one in pairs if one in payments or each.card_id in names]
