"""Bytes to transactions, and what is wrong with the ones that are none.

No sequence of bytes raises here: a record is a payment, is passed over (a refund, a decline, a
deletion), or becomes a `DeadLetter` with a reason code, the path of the fault and one line of detail.
The detail never repeats a string of the message, since a misplaced field could be a card number.

A payment counts at the time of its event, and never later than it arrived: one from the future would
otherwise take its card, its merchant and the hours of the budget there with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from streamer.batch import Batch, Record
from streamer.errors import UnavailableError
from streamer.events import Transaction
from streamer.intake import Intake, Payment, Refused, Skipped, nameless
from streamer.intake.readings import PassedOver, Refusal

__all__ = [
    "PLAIN",
    "DeadLetter",
    "DeadLetterReason",
    "Decoded",
    "TimestampRange",
    "decode_batch",
    "diagnose",
    "unbelievable",
]

DeadLetterReason = Literal[
    Refusal,
    "several_payments",
    "unreadable",
    "timestamp_too_old",
    "timestamp_in_future",
    # Of verdicts (`streamer.verdicts`).
    "unknown_alert",
    "contradictory",
]

PLAIN: Final = Intake()
"""The intake without a declaration."""

# What msgspec says, in the order in which it has to be tried.
_VALIDATION_REASONS: Final[tuple[tuple[str, DeadLetterReason], ...]] = (
    ("Object missing required field", "missing_field"),
    ("Invalid enum value", "unknown_code"),
    ("with a timezone component", "timestamp_without_offset"),
    ("RFC3339", "invalid_timestamp"),
    ("matching regex", "wrong_format"),
    ("of length", "wrong_format"),
    ("Number out of range", "out_of_range"),
    (", got", "wrong_type"),
)
_PATH: Final = re.compile(r" - at `(?P<path>\$[^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_ENUM: Final = re.compile(r"Invalid enum value .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be scored, and why."""

    record: Record
    reason: DeadLetterReason
    path: str
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TimestampRange:
    """Which event times are believable, relative to the time at which a record was received."""

    earliest_ms: int
    max_ahead_ms: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after decoding: ``transactions[i]`` came from ``records[i]``.

    ``times_ms`` are when they count: the event's time, or that of its arrival where that is earlier.
    ``passed_over`` counts records by reason, ``left_out`` optional fields by name and reason.
    """

    batch: Batch
    records: list[Record]
    transactions: list[Transaction]
    times_ms: list[int]
    dead_letters: list[DeadLetter]
    n_key_mismatches: int
    passed_over: Mapping[PassedOver, int] = field(default_factory=dict)
    left_out: Mapping[tuple[str, Refusal], int] = field(default_factory=dict)

    def only(self, kept: list[int]) -> Decoded:
        """Return the batch with these of its transactions alone."""
        return replace(
            self,
            records=[self.records[i] for i in kept],
            transactions=[self.transactions[i] for i in kept],
            times_ms=[self.times_ms[i] for i in kept],
        )


def decode_batch(batch: Batch, believable: TimestampRange, intake: Intake = PLAIN) -> Decoded:
    """Decode every record of ``batch`` by ``intake``; what cannot be understood becomes a dead letter.

    A key that is missing or is not the card does no harm to the score, which goes by the value's
    ``card_id``; it is counted, because such a card's payments are spread over partitions.
    """
    plain = intake.plain
    earliest_ms, received_at_ms = believable.earliest_ms, batch.received_at_ms
    latest_ms = received_at_ms + believable.max_ahead_ms
    records: list[Record] = []
    transactions: list[Transaction] = []
    times_ms: list[int] = []
    dead_letters: list[DeadLetter] = []
    passed_over: Counter[PassedOver] = Counter()
    left_out: Counter[tuple[str, Refusal]] = Counter()
    n_key_mismatches = 0
    for record in batch.records:
        transaction, faulty = plain(record.value), None
        if transaction is None:
            reading = _read(record, batch, believable, intake)
            if isinstance(reading, DeadLetter):
                dead_letters.append(reading)
                continue
            if not isinstance(reading, Payment):
                passed_over[reading] += 1
                continue
            transaction, faulty = reading.transaction, reading.left_out
        time_ms = int(transaction.timestamp.timestamp() * 1000)
        if not earliest_ms <= time_ms <= latest_ms:
            dead_letters.append(unbelievable(record, "timestamp", time_ms, believable, latest_ms))
            continue
        if record.key is None or record.key != transaction.card_id.encode():
            n_key_mismatches += 1
        if faulty:
            left_out.update((left.field, left.reason) for left in faulty)
        if time_ms > record.timestamp or time_ms > received_at_ms:
            time_ms = min(time_ms, _arrived_ms(record, batch, believable))
        records.append(record)
        transactions.append(transaction)
        times_ms.append(time_ms)
    decoded = Decoded(
        batch,
        records,
        transactions,
        times_ms,
        dead_letters,
        n_key_mismatches,
        passed_over,
        left_out,
    )
    places = nameless(transactions)
    return _without(places, decoded, believable, intake) if places else decoded


def _without(
    places: list[int], decoded: Decoded, believable: TimestampRange, intake: Intake
) -> Decoded:
    """Return the batch with what the records at ``places`` are, in which an id is none.

    Without a merchant a payment is one; without a card, or an id of its own, a dead letter.
    """
    letters: list[DeadLetter] = []
    transactions = list(decoded.transactions)
    left_out = Counter(decoded.left_out)
    n_key_mismatches, gone = decoded.n_key_mismatches, set()
    for place in places:
        record, before = decoded.records[place], transactions[place]
        found = _read(record, decoded.batch, believable, intake)
        # An object may wrap another payment, and be itself none.
        if isinstance(found, Payment) and _is_same_payment(found.transaction, before):
            transactions[place] = found.transaction
            left_out.update((left.field, left.reason) for left in found.left_out)
            continue
        if not isinstance(found, DeadLetter):
            found = DeadLetter(record, "missing_field", "$", "a payment must have ids")
        letters.append(found)
        gone.add(place)
        n_key_mismatches -= record.key is None or record.key != before.card_id.encode()
    kept = set(range(len(decoded.records))).difference(gone)
    return replace(
        replace(decoded, transactions=transactions).only(sorted(kept)),
        dead_letters=sorted(decoded.dead_letters + letters, key=lambda of: of.record.offset),
        n_key_mismatches=n_key_mismatches,
        left_out=left_out,
    )


def _is_same_payment(found: Transaction, before: Transaction) -> bool:
    """Whether a payment is the one it was, but for a merchant or a channel that is none."""
    kept = {"merchant_id": found.merchant_id, "channel": found.channel}
    return found == msgspec.structs.replace(before, **kept)


def _read(
    record: Record, batch: Batch, believable: TimestampRange, intake: Intake
) -> Payment | PassedOver | DeadLetter:
    """Return what one record is by ``intake``: a payment, why it is passed over, or a dead letter.

    An offset is one place in the ledger and one alert: a message with more than one payment has none.
    """
    try:
        readings = intake.read(
            record.value,
            position=f"{batch.partition}-{record.offset}",
            arrived_ms=_arrived_ms(record, batch, believable),
        )
    except (UnavailableError, MemoryError):
        raise
    except Exception as error:
        # A defect here, which would end every worker that comes to this offset, one after the other.
        detail = f"value must be readable, got {type(error).__name__} in the intake"
        hint = "a defect of streamer: report it, and replay the message after an update"
        return DeadLetter(record, "unreadable", "$", detail, hint)
    payments = [reading for reading in readings if isinstance(reading, Payment)]
    refused = [reading for reading in readings if isinstance(reading, Refused)]
    if len(payments) + len(refused) > 1 and payments:
        detail = f"value must hold one payment, got {len(payments) + len(refused)}"
        hint = "have the producer, or a step before the topic, send each as a message of its own"
        return DeadLetter(record, "several_payments", "$", detail, hint)
    if refused:
        fault = refused[0]
        return DeadLetter(record, fault.reason, fault.path, fault.detail, fault.hint)
    if payments:
        return payments[0]
    first = readings[0]
    return first.reason if isinstance(first, Skipped) else "refund"


def _arrived_ms(record: Record, batch: Batch, believable: TimestampRange) -> int:
    """Return when a record arrived: by its own time in Kafka, which is the same whenever it is read.

    A producer may set that time, and one that nobody could believe is not taken.
    """
    is_believable = believable.earliest_ms <= record.timestamp <= batch.received_at_ms
    return record.timestamp if is_believable else batch.received_at_ms


def diagnose(record: Record, error: Exception) -> DeadLetter:
    """Return the dead letter for a record that failed with ``error`` while decoding.

    >>> from streamer.batch import StoredRecord
    >>> letter = diagnose(StoredRecord(0, 0, None, b"[]"), msgspec.ValidationError(
    ...     "Expected `float` > 0.0 - at `$.amount`"))
    >>> letter.reason, letter.path, letter.detail
    ('out_of_range', '$.amount', 'Expected `float` > 0.0')
    """
    if not record.value:
        return DeadLetter(record, "empty", "$", "value must be a JSON object, got nothing")
    if isinstance(error, UnicodeDecodeError):
        detail = f"value must be UTF-8, got an invalid byte at position {error.start}"
        return DeadLetter(record, "invalid_utf8", "$", detail)
    if isinstance(error, RecursionError):
        return DeadLetter(record, "nested_too_deep", "$", "value must be nested less deeply")
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        reason: DeadLetterReason = "truncated_json" if "truncated" in text else "malformed_json"
        return DeadLetter(record, reason, "$", text)
    located = _PATH.search(text)
    path = located["path"] if located else "$"
    detail = text[: located.start()] if located else text
    missing = _MISSING.search(text)
    if missing:
        path = f"{path}.{missing['field']}"
    elif path == "$":
        return DeadLetter(record, "not_an_object", path, detail)
    detail = _ENUM.sub("must be a code of the published list", detail)
    return DeadLetter(record, _validation_reason(text), path, detail)


def _validation_reason(text: str) -> DeadLetterReason:
    for fragment, reason in _VALIDATION_REASONS:
        if fragment in text:
            return reason
    return "out_of_range"


def unbelievable(
    record: Record, field: str, time_ms: int, believable: TimestampRange, latest_ms: int
) -> DeadLetter:
    """Return the dead letter for a record whose ``field`` lies outside of ``believable``."""
    if time_ms < believable.earliest_ms:
        year = datetime.fromtimestamp(believable.earliest_ms / 1000, tz=UTC).year
        detail = f"{field} must be in {year} or later"
        return DeadLetter(record, "timestamp_too_old", f"$.{field}", detail)
    ahead_s = (time_ms - latest_ms + believable.max_ahead_ms) // 1000
    detail = (
        f"{field} must be at most {believable.max_ahead_ms // 1000} s ahead of the time of "
        f"arrival, got {ahead_s} s ahead"
    )
    return DeadLetter(record, "timestamp_in_future", f"$.{field}", detail)
