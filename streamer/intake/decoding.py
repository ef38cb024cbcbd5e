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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import ne
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.contract.batch import Batch, Record
from streamer.contract.clocks import clocks
from streamer.contract.messages import Transaction
from streamer.errors import UnavailableError
from streamer.intake import Intake, Payment, Refused, Skipped, nameless
from streamer.intake.readings import LeftOut, PassedOver, Refusal

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

Integers = NDArray[np.int64]

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
    """A batch after decoding: ``transactions[i]`` came from ``records[i]`` at ``offsets[i]``.

    ``times_ms`` are when they count: the event's time, or that of its arrival where that is earlier.
    ``passed_over`` counts records by reason, ``left_out`` optional fields by name and reason.
    """

    batch: Batch
    records: list[Record]
    transactions: list[Transaction]
    offsets: Integers
    times_ms: Integers
    dead_letters: list[DeadLetter]
    n_key_mismatches: int
    passed_over: Mapping[PassedOver, int] = field(default_factory=dict)
    left_out: Mapping[tuple[str, Refusal], int] = field(default_factory=dict)

    def only(self, kept: Sequence[int]) -> Decoded:
        """Return the batch with these of its transactions alone."""
        return replace(
            self,
            records=[self.records[i] for i in kept],
            transactions=[self.transactions[i] for i in kept],
            offsets=self.offsets[list(kept)],
            times_ms=self.times_ms[list(kept)],
        )


def decode_batch(batch: Batch, believable: TimestampRange, intake: Intake = PLAIN) -> Decoded:
    """Decode every record of ``batch`` by ``intake``; what cannot be understood becomes a dead letter.

    A key that is missing or is not the card does no harm to the score, which goes by the value's
    ``card_id``; it is counted, because such a card's payments are spread over partitions.
    """
    decoding = _Decoding(batch, believable, intake)
    decoding.drop_unbelievable()
    decoding.read_nameless()
    return decoding.decoded()


class _Decoding:
    """One batch on its way: its payments, as far as is known, and the places of their records in it."""

    def __init__(self, batch: Batch, believable: TimestampRange, intake: Intake) -> None:
        self._batch = batch
        self._believable = believable
        self._intake = intake
        self._arrived_ms = _arrived_ms(batch, believable)
        self._dead_letters: list[DeadLetter] = []
        self._passed_over: Counter[PassedOver] = Counter()
        self._left_out: dict[int, tuple[LeftOut, ...]] = {}
        found = intake.plain([record.value or b"" for record in batch.records])
        for place in [place for place, payment in enumerate(found) if payment is None]:
            found[place] = self._read_what_is_not_plain(place)
        self._places = np.flatnonzero([payment is not None for payment in found])
        self._payments = [payment for payment in found if payment is not None]
        self._times_ms = clocks([payment.timestamp for payment in self._payments]).times_ms

    def drop_unbelievable(self) -> None:
        believable, times_ms = self._believable, self._times_ms
        latest_ms = self._batch.received_at_ms + believable.max_ahead_ms
        is_out = (times_ms < believable.earliest_ms) | (times_ms > latest_ms)
        for place, time_ms in zip(self._places[is_out], times_ms[is_out].tolist(), strict=True):
            is_at = self._batch.records[place], "timestamp", time_ms
            self._dead_letters.append(unbelievable(*is_at, believable, latest_ms))
        if is_out.any():
            self._keep(~is_out)

    def read_nameless(self) -> None:
        """Read those again in which an id is none: without a merchant they are payments still."""
        is_payment = np.ones(len(self._payments), dtype=np.bool_)
        for i in nameless(self._payments):
            place = self._places.item(i)
            reading = self._read(place)
            # An object may wrap another payment, and be itself none.
            if isinstance(reading, Payment) and _is_same(reading.transaction, self._payments[i]):
                self._payments[i], self._left_out[place] = reading.transaction, reading.left_out
                continue
            is_payment[i] = False
            if not isinstance(reading, DeadLetter):
                record, detail = self._batch.records[place], "a payment must have ids"
                reading = DeadLetter(record, "missing_field", "$", detail)
            self._dead_letters.append(reading)
        if not is_payment.all():
            self._keep(is_payment)

    def decoded(self) -> Decoded:
        batch, places, payments = self._batch, self._places, self._payments
        records = [batch.records[place] for place in places.tolist()]
        keys = [record.key for record in records]
        cards = map(str.encode, [payment.card_id for payment in payments])
        kept = self._left_out.keys() & places.tolist() if self._left_out else ()
        left_out = [left for place in kept for left in self._left_out[place]]
        return Decoded(
            batch,
            records,
            payments,
            batch.offsets[places],
            np.minimum(self._times_ms, self._arrived_ms[places]),
            sorted(self._dead_letters, key=lambda of: of.record.offset),
            sum(map(ne, keys, cards)),
            self._passed_over,
            Counter((left.field, left.reason) for left in left_out),
        )

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self._places, self._times_ms = self._places[which], self._times_ms[which]
        self._payments = [self._payments[i] for i in np.flatnonzero(which).tolist()]

    def _read_what_is_not_plain(self, place: int) -> Transaction | None:
        reading = self._read(place)
        if isinstance(reading, Payment):
            self._left_out[place] = reading.left_out
            return reading.transaction
        if isinstance(reading, DeadLetter):
            self._dead_letters.append(reading)
        else:
            self._passed_over[reading] += 1
        return None

    def _read(self, place: int) -> Payment | PassedOver | DeadLetter:
        return _read(self._batch, place, self._arrived_ms.item(place), self._intake)


def _is_same(found: Transaction, before: Transaction) -> bool:
    """Whether a payment is the one it was, but for a merchant or a channel that is none."""
    kept = {"merchant_id": found.merchant_id, "channel": found.channel}
    return found == msgspec.structs.replace(before, **kept)


def _read(
    batch: Batch, place: int, arrived_ms: int, intake: Intake
) -> Payment | PassedOver | DeadLetter:
    """Return what one record is by ``intake``: a payment, why it is passed over, or a dead letter.

    An offset is one place in the ledger and one alert: a message with more than one payment has none.
    """
    record = batch.records[place]
    position = f"{batch.partition}-{record.offset}"
    try:
        readings = intake.read(record.value, position=position, arrived_ms=arrived_ms)
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


def _arrived_ms(batch: Batch, believable: TimestampRange) -> Integers:
    """Return when records arrived: by their own time in Kafka, the same whenever they are read.

    A producer may set that time, and one that nobody could believe is not taken.
    """
    sent_ms = np.array([record.timestamp for record in batch.records], dtype=np.int64)
    is_believable = (believable.earliest_ms <= sent_ms) & (sent_ms <= batch.received_at_ms)
    return np.where(is_believable, sent_ms, batch.received_at_ms)


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
