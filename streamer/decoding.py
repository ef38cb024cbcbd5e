"""Bytes to transactions, and what is wrong with the ones that are none.

No sequence of bytes raises here: a record either decodes or becomes a `DeadLetter` with a reason
code, the JSON path of the fault and one line of detail.  The detail never repeats a string of the
message, since a misplaced field could be a card number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from streamer.batch import Batch, Record
from streamer.events import Transaction

__all__ = [
    "DeadLetter",
    "DeadLetterReason",
    "Decoded",
    "TimestampRange",
    "decode_batch",
    "diagnose",
    "unbelievable",
]

DeadLetterReason = Literal[
    "empty",
    "malformed_json",
    "truncated_json",
    "invalid_utf8",
    "nested_too_deep",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "wrong_format",
    "unknown_code",
    "invalid_timestamp",
    "timestamp_without_offset",
    "timestamp_too_old",
    "timestamp_in_future",
]

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


@dataclass(frozen=True, slots=True)
class TimestampRange:
    """Which event times are believable, relative to the time at which a record was received."""

    earliest_ms: int
    max_ahead_ms: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after decoding: ``transactions[i]`` came from ``records[i]``."""

    batch: Batch
    records: list[Record]
    transactions: list[Transaction]
    times_ms: list[int]
    dead_letters: list[DeadLetter]
    n_key_mismatches: int


_decoder: Final = msgspec.json.Decoder(Transaction)


def decode_batch(batch: Batch, believable: TimestampRange) -> Decoded:
    """Decode every record of ``batch``; what cannot be decoded becomes a dead letter.

    A key that is missing or is not the card does no harm to the score, which goes by the value's
    ``card_id``; it is counted, because such a card's payments are spread over partitions.
    """
    decode = _decoder.decode
    latest_ms = batch.received_at_ms + believable.max_ahead_ms
    records: list[Record] = []
    transactions: list[Transaction] = []
    times_ms: list[int] = []
    dead_letters: list[DeadLetter] = []
    n_key_mismatches = 0
    for record in batch.records:
        value = record.value
        try:
            # msgspec skips unknown fields without looking at their encoding.
            if not value or not (value.isascii() or value.decode()):
                raise msgspec.DecodeError("empty")
            transaction = decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            dead_letters.append(diagnose(record, error))
            continue
        time_ms = int(transaction.timestamp.timestamp() * 1000)
        if not believable.earliest_ms <= time_ms <= latest_ms:
            dead_letters.append(unbelievable(record, "timestamp", time_ms, believable, latest_ms))
            continue
        if record.key is None or record.key != transaction.card_id.encode():
            n_key_mismatches += 1
        records.append(record)
        transactions.append(transaction)
        times_ms.append(time_ms)
    return Decoded(batch, records, transactions, times_ms, dead_letters, n_key_mismatches)


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
