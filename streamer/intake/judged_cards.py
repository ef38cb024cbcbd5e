"""A payment whose card is a card's number, by the rule for such: refused, or under its mask."""

from __future__ import annotations

from typing import Final

import msgspec

from streamer.contract.batch import Record
from streamer.contract.card_rule import CardRule
from streamer.intake.readings import Payment, Reading, Refused
from streamer.intake.refused_records import DeadLetter

__all__ = ["card_refused", "judged"]

_DETAIL: Final = (
    "card_id must be a token or a pseudonym, got the number of a card (PAN), which is refused"
)
_HINT: Final = (
    "have the producer send a token, or set STREAMER_CARD_NUMBERS: mask, or allow where such "
    "ids are no card numbers (docs/card-numbers.md)"
)


def judged(reading: Reading, cards: CardRule, path: str) -> Reading:
    """Return what a reading is by ``cards``; ``path`` is where the card's id was looked for."""
    if not isinstance(reading, Payment):
        return reading
    card_id = cards.id_of(reading.transaction.card_id)
    if card_id is None:
        return Refused("card_number", path, _DETAIL, _HINT)
    if card_id == reading.transaction.card_id:
        return reading
    transaction = msgspec.structs.replace(reading.transaction, card_id=card_id)
    return msgspec.structs.replace(reading, transaction=transaction)


def card_refused(record: Record, path: str) -> DeadLetter:
    """Return the dead letter for a record whose card's id, at ``path``, is a card's number."""
    return DeadLetter(record, "card_number", path, _DETAIL, _HINT)
