"""Bytes to payments, and what is wrong with the ones that are none.

No sequence of bytes raises here: a record is a payment, is passed over (a refund, a decline, a
deletion), or becomes a `DeadLetter` with a reason code, the path of the fault and one line of detail.

A message in the plainest form of the contract goes from its bytes into columns (`scanning`), and no
object is made of it.  Any other becomes a `Transaction` first: by the decoder where it is the
contract's still, by the intake's declaration where it is not.

A payment counts at the time of its event, and never later than it arrived: one from the future would
otherwise take its card, its merchant and the hours of the budget there with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np

from streamer.arrays import Flags, Integers
from streamer.contract.batch import Batch
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.contract.clocks import clocks
from streamer.contract.messages import Transaction
from streamer.errors import InvariantError
from streamer.features.columns import Columns
from streamer.intake import Intake, Payment, nameless, plain_transaction
from streamer.intake.hidden_numbers import without_card_numbers
from streamer.intake.judged_cards import card_refused
from streamer.intake.payment_columns import CARD, PaymentColumns
from streamer.intake.reading_records import reading_of
from streamer.intake.readings import LeftOut, PassedOver, Refusal
from streamer.intake.refused_records import (
    DeadLetter,
    DeadLetterReason,
    TimestampRange,
    diagnose,
    unbelievable,
)
from streamer.intake.scanning.batches import scan
from streamer.intake.scanning.scanner import ODD, READ, UNBELIEVABLE

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


PLAIN: Final = Intake()
"""The intake without a declaration."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after decoding: row i of ``payments`` is the record at ``places[i]``, of ``offsets[i]``.

    A payment counts at its event's time, or at that of its arrival where that is earlier.
    ``passed_over`` counts records by reason, ``left_out`` optional fields by name and reason;
    ``made`` are the transactions, by offset, of messages that are not the contract's as they stand,
    ``numbers`` the cards, by offset, that were sent as a card's number and count under a mask.
    """

    batch: Batch
    places: Integers
    payments: PaymentColumns
    offsets: Integers
    dead_letters: list[DeadLetter]
    n_key_mismatches: int
    passed_over: Mapping[PassedOver, int] = field(default_factory=dict)
    left_out: Mapping[tuple[str, Refusal], int] = field(default_factory=dict)
    made: Mapping[int, Transaction] = field(default_factory=dict)
    numbers: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def columns(self) -> Columns:
        """What the features read of the payments."""
        return self.payments.columns

    @property
    def times_ms(self) -> Integers:
        """When the payments count, shape (n,)."""
        return self.payments.columns.times_ms

    def sent_cards(self) -> list[str]:
        """Return the cards as they were sent, shape (n,): what a producer makes keys of."""
        cards = self.payments.names.column(CARD).strings()
        if not self.numbers:
            return cards
        return [self.numbers.get(at, c) for at, c in zip(self.offsets.tolist(), cards, strict=True)]

    def transaction(self, i: int) -> Transaction:
        """Return the payment of row ``i``, for whoever shows it: the object is made now."""
        record = self.batch.records[self.places.item(i)]
        transaction = self.made.get(record.offset) or plain_transaction(record.value)
        if transaction is None:
            raise InvariantError(
                f"a message that was scanned must be the contract's, got another at {record.offset}"
            )
        return transaction

    @property
    def transactions(self) -> list[Transaction]:
        """All of them, as `transaction` makes them."""
        return list(map(self.transaction, range(len(self))))

    def only(self, kept: Sequence[int] | Integers) -> Decoded:
        """Return the batch with these of its payments alone."""
        rows = np.asarray(kept, dtype=np.int64)
        return replace(
            self,
            places=self.places[rows],
            payments=self.payments.only(rows),
            offsets=self.offsets[rows],
        )


def decode_batch(
    batch: Batch, believable: TimestampRange, intake: Intake = PLAIN, cards: CardRule = REFUSED
) -> Decoded:
    """Decode every record of ``batch`` by ``intake``; what cannot be understood becomes a dead letter.

    ``cards`` says what is done where a card's id is a card's number; no dead letter shows one.

    A key that is missing or is not the card does no harm to the score, which goes by the value's
    ``card_id``; it is counted, because such a card's payments are spread over partitions.
    """
    if not intake.is_default:
        return _Decoding(batch, believable, intake, np.arange(len(batch)), cards).decoded()
    latest_ms = batch.received_at_ms + believable.max_ahead_ms
    scanned = scan(batch, believable.earliest_ms, latest_ms, checks_cards=cards.is_checked)
    if scanned.n_read == len(batch):
        places = np.arange(len(batch))
        return Decoded(batch, places, scanned.payments, batch.offsets, [], scanned.n_key_mismatches)
    others = _Decoding(batch, believable, intake, np.flatnonzero(scanned.becomes == ODD), cards)
    for place in np.flatnonzero(scanned.becomes == UNBELIEVABLE).tolist():
        others.refuse_time(place, scanned.payments.columns.times_ms.item(place))
    read = np.flatnonzero(scanned.becomes == READ)
    return others.decoded(read, scanned.payments.only(read), scanned.n_key_mismatches)


class _Decoding:
    """Some of a batch's records on their way: its payments, as far as is known, and their places."""

    def __init__(
        self,
        batch: Batch,
        believable: TimestampRange,
        intake: Intake,
        places: Integers,
        cards: CardRule = REFUSED,
    ) -> None:
        self._batch = batch
        self._cards = cards
        self._believable = believable
        self._latest_ms = batch.received_at_ms + believable.max_ahead_ms
        self._intake = intake
        self._arrived_ms = _arrived_ms(batch, believable)
        self._dead_letters: list[DeadLetter] = []
        self._passed_over: Counter[PassedOver] = Counter()
        self._left_out: dict[int, tuple[LeftOut, ...]] = {}
        self._numbers: dict[int, str] = {}
        at = places.tolist()
        found = intake.plain([batch.records[place].value or b"" for place in at])
        for i in [i for i, payment in enumerate(found) if payment is None]:
            found[i] = self._read_what_is_not_plain(at[i])
        self._places = places[[payment is not None for payment in found]]
        self._payments = [payment for payment in found if payment is not None]
        self._times_ms = clocks([payment.timestamp for payment in self._payments]).times_ms
        self._drop_unbelievable()
        self._read_nameless()
        if cards.is_checked:
            self._judge_cards()

    def refuse_time(self, place: int, time_ms: int) -> None:
        is_at = self._batch.records[place], "timestamp", time_ms
        self._dead_letters.append(unbelievable(*is_at, self._believable, self._latest_ms))

    def _drop_unbelievable(self) -> None:
        times_ms = self._times_ms
        is_out = (times_ms < self._believable.earliest_ms) | (times_ms > self._latest_ms)
        for place, time_ms in zip(
            self._places[is_out].tolist(), times_ms[is_out].tolist(), strict=True
        ):
            self.refuse_time(place, time_ms)
        if is_out.any():
            self._keep(~is_out)

    def _read_nameless(self) -> None:
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

    def _judge_cards(self) -> None:
        """Refuse or mask the cards that are cards' numbers."""
        is_kept = np.ones(len(self._payments), dtype=np.bool_)
        for i, payment in enumerate(self._payments):
            card_id = self._cards.id_of(payment.card_id)
            if card_id == payment.card_id:
                continue
            record = self._batch.records[self._places.item(i)]
            if card_id is None:
                is_kept[i] = False
                self._dead_letters.append(card_refused(record, self._intake.card_path))
            else:
                self._numbers[record.offset] = payment.card_id
                self._payments[i] = msgspec.structs.replace(payment, card_id=card_id)
        if not is_kept.all():
            self._keep(is_kept)

    def decoded(
        self,
        read: Integers | None = None,
        others: PaymentColumns | None = None,
        n_key_mismatches: int = 0,
    ) -> Decoded:
        """Return these payments, and in between the ``others``, whose places were ``read``."""
        batch, places, made = self._batch, self._places, self._payments
        records = [batch.records[place] for place in places.tolist()]
        n_key_mismatches += sum(
            record.key != self._numbers.get(record.offset, payment.card_id).encode()
            and not self._cards.is_key(record.key, payment.card_id)
            for record, payment in zip(records, made, strict=True)
        )
        left_out = [left for place in places.tolist() for left in self._left_out.get(place, ())]
        payments = PaymentColumns.of(made, np.minimum(self._times_ms, self._arrived_ms[places]))
        if read is not None and others is not None and len(read):
            order = np.argsort(np.concatenate([places, read]))
            places = np.concatenate([places, read])[order]
            payments = payments.followed_by(others).only(order)
        return Decoded(
            batch,
            places,
            payments,
            batch.offsets[places],
            without_card_numbers(
                self._dead_letters, self._cards, self._intake.contents, self._intake.card_path
            ),
            n_key_mismatches,
            self._passed_over,
            Counter((left.field, left.reason) for left in left_out),
            {record.offset: payment for record, payment in zip(records, made, strict=True)},
            self._numbers,
        )

    def _keep(self, which: Flags) -> None:
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
        return reading_of(self._batch, place, self._arrived_ms.item(place), self._intake)


def _is_same(found: Transaction, before: Transaction) -> bool:
    """Whether a payment is the one it was, but for a merchant or a channel that is none."""
    kept = {"merchant_id": found.merchant_id, "channel": found.channel}
    return found == msgspec.structs.replace(before, **kept)


def _arrived_ms(batch: Batch, believable: TimestampRange) -> Integers:
    """Return when records arrived: by their own time in Kafka, the same whenever they are read.

    A producer may set that time, and one that nobody could believe is not taken.
    """
    sent_ms = batch.timestamps
    is_believable = (believable.earliest_ms <= sent_ms) & (sent_ms <= batch.received_at_ms)
    return np.where(is_believable, sent_ms, batch.received_at_ms)
