"""Verdicts as people send them: words in any case or yes and no, times as text or count, few fields.

Invariant: what is made of a message does not depend on what else is known; which transaction an
``alert_id`` names is for the caller to find out, and `completed` puts both together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import msgspec

from streamer.contract.batch import Batch, Record
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.contract.messages import Feedback, Origin, Transaction, Verdict
from streamer.contract.pseudonyms import CardKey, is_pseudonym
from streamer.intake.decoding import PLAIN, DeadLetter, TimestampRange, diagnose, unbelievable
from streamer.intake.epochs import EPOCH, believable_unit, counted
from streamer.intake.hidden_numbers import without_card_numbers
from streamer.intake.judged_cards import card_refused

__all__ = ["SentVerdict", "completed", "decode_verdicts", "unknown_alert"]

Ruling: TypeAlias = Literal["fraud", "legitimate"]

_decoder: Final = msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, slots=True)
class SentVerdict:
    """A verdict that can be used, once it is known which transaction it is on."""

    record: Record
    ruling: Ruling
    origin: Origin
    decided_at: datetime
    transaction_id: str | None
    card_id: str | None
    merchant_id: str | None
    alert_id: str | None


def decode_verdicts(
    batch: Batch, believable: TimestampRange, cards: CardRule = REFUSED
) -> tuple[list[SentVerdict], list[DeadLetter]]:
    """Return the verdicts of ``batch`` and what is none; nothing in it raises.

    ``cards`` says what is done where one names a card by its number, as it does for payments.
    """
    verdicts: list[SentVerdict] = []
    letters: list[DeadLetter] = []
    latest_ms = batch.received_at_ms + believable.max_ahead_ms
    for record in batch.records:
        found = _decoded(record)
        if isinstance(found, SentVerdict):
            # One from the far future would make all earlier ones on its merchant look ancient.
            time_ms = int(found.decided_at.timestamp() * 1000)
            if not believable.earliest_ms <= time_ms <= latest_ms:
                found = unbelievable(record, "decided_at", time_ms, believable, latest_ms)
        if isinstance(found, SentVerdict):
            found = _judged(found, cards)
        if isinstance(found, SentVerdict):
            verdicts.append(found)
        else:
            letters.append(found)
    return verdicts, without_card_numbers(letters, cards, PLAIN.contents)


def completed(
    sent: SentVerdict, transaction: Transaction | None, card_key: CardKey | None
) -> Feedback | DeadLetter:
    """Return the verdict as it is kept; ``transaction`` is what its alert is on, if known."""
    transaction_id, card_id, merchant_id = sent.transaction_id, sent.card_id, sent.merchant_id
    if transaction is not None:
        if transaction_id not in (None, transaction.transaction_id):
            detail = "transaction_id must be that of the alert in alert_id, got another"
            return DeadLetter(sent.record, "contradictory", "$.transaction_id", detail)
        is_ours = card_id is None or card_id == transaction.card_id
        if not is_ours and card_id is not None and card_key is not None:
            is_ours = is_pseudonym(card_id, transaction.card_id, card_key)
        if not is_ours:
            detail = "card_id must be that of the alert in alert_id, got another"
            return DeadLetter(sent.record, "contradictory", "$.card_id", detail)
        transaction_id, card_id = transaction.transaction_id, transaction.card_id
        merchant_id = merchant_id or transaction.merchant_id
    if transaction_id is None:
        return unknown_alert(sent, "alert_id must be that of an alert, got another text")
    return Feedback(transaction_id, card_id, sent.ruling, sent.origin, sent.decided_at, merchant_id)


def unknown_alert(sent: SentVerdict, detail: str) -> DeadLetter:
    """Return the dead letter of a verdict whose alert alone says what it is on, and is not found."""
    return DeadLetter(sent.record, "unknown_alert", "$.alert_id", detail)


def _judged(sent: SentVerdict, cards: CardRule) -> SentVerdict | DeadLetter:
    """Return a verdict on its card as it counts, a dead letter where that is a number and refused."""
    if sent.card_id is None:
        return sent
    card_id = cards.id_of(sent.card_id)
    return (
        card_refused(sent.record, "$.card_id")
        if card_id is None
        else replace(sent, card_id=card_id)
    )


def _decoded(record: Record) -> SentVerdict | DeadLetter:
    try:
        sent = _decoder.decode(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        letter = diagnose(record, error)
        if letter.reason == "wrong_format" and letter.path == "$.verdict":
            detail = "verdict must be fraud or legitimate"
            return DeadLetter(record, "unknown_code", letter.path, detail)
        return letter
    if sent.transaction_id is None and sent.alert_id is None:
        detail = "transaction_id must be there, or alert_id"
        return DeadLetter(record, "missing_field", "$.transaction_id", detail)
    ruling = _ruling(sent, record)
    if isinstance(ruling, DeadLetter):
        return ruling
    origin = sent.origin
    if origin is None:
        if sent.alert_id is None:
            detail = "origin must be reviewer or chargeback, or alert_id be there"
            return DeadLetter(record, "missing_field", "$.origin", detail)
        origin = "reviewer"
    decided_at = _decided_at(sent, record)
    if decided_at is None:
        detail = "decided_at must be RFC 3339, or seconds or milliseconds since 1970"
        return DeadLetter(record, "invalid_timestamp", "$.decided_at", detail)
    names = (_text(sent.transaction_id), _text(sent.card_id), _text(sent.merchant_id))
    return SentVerdict(record, ruling, origin, decided_at, *names, sent.alert_id)


def _ruling(sent: Verdict, record: Record) -> Ruling | DeadLetter:
    """Return what a verdict says, in however many fields it says it."""
    told = [flag for flag in (sent.is_fraud, sent.fraud) if flag is not None]
    if sent.verdict is not None:
        # `$` of a pattern lets a line feed pass.
        told.insert(0, sent.verdict.strip().lower() == "fraud")
    if not told:
        detail = "verdict must be there, or is_fraud"
        return DeadLetter(record, "missing_field", "$.verdict", detail)
    if len(set(told)) > 1:
        detail = "verdict, is_fraud and fraud must say the same, got both"
        return DeadLetter(record, "contradictory", "$.is_fraud", detail)
    return "fraud" if told[0] else "legitimate"


def _decided_at(sent: Verdict, record: Record) -> datetime | None:
    when = sent.decided_at
    if when is None:
        return datetime.fromtimestamp(record.timestamp / 1000, tz=UTC)
    if isinstance(when, datetime):
        return when
    unit = believable_unit(when)
    return counted(when, unit, EPOCH) if unit in ("s", "ms") else None


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
