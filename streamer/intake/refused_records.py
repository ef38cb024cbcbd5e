"""What is wrong with a record that cannot be scored.

The detail never repeats a string of the message, since a misplaced field could be a card number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from streamer.contract.batch import Record
from streamer.intake.readings import Refusal

__all__ = [
    "DeadLetter",
    "DeadLetterReason",
    "Masked",
    "TimestampRange",
    "diagnose",
    "unbelievable",
]

DeadLetterReason = Literal[
    Refusal,
    "several_payments",
    "unreadable",
    "timestamp_too_old",
    "timestamp_in_future",
    # Of verdicts (`streamer.verdicts.sent`).
    "unknown_alert",
    "contradictory",
]

Masked = Literal["", "in part", "withheld", "too long"]
"""Whether the number of a card is missing in the record of a dead letter, or all of its value is: for a
number in it, or since it was too long to be looked through for one."""

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
    masked: Masked = ""


@dataclass(frozen=True, slots=True)
class TimestampRange:
    """Which event times are believable, relative to the time at which a record was received."""

    earliest_ms: int
    max_ahead_ms: int


def diagnose(record: Record, error: Exception) -> DeadLetter:
    """Return the dead letter for a record that failed with ``error`` while decoding.

    >>> from streamer.contract.batch import StoredRecord
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
