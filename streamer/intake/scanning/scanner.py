"""A batch of messages into columns, in one pass.

Invariant: a payment that is taken has the numbers, to the last bit, that decoding it into a
`Transaction` and `Columns.of` would give, and its names are the bytes that stand in the message.
"""

from __future__ import annotations

import math
from typing import Final

from streamer.arrays import Integers
from streamer.compiled import borrowing
from streamer.contract.card_number_loop import may_be_card_number
from streamer.contract.clocks import NO_TIME, read_time
from streamer.contract.record_columns import Spans
from streamer.features.records import Record, Records
from streamer.indexing.prints import combined, extend_print, print_of
from streamer.intake.scanning.decimals import decimal
from streamer.intake.scanning.scanned_words import (
    FIELDS,
    TELLING,
    category_at,
    country_at,
    currency_at,
    field_at,
    is_remote,
    may_be_none,
    n_characters,
)
from streamer.intake.scanning.tokens import NONE, Bytes, behind_blanks, end_of_string, end_of_value

__all__ = [
    "BECOMES",
    "CARD",
    "CURRENCY",
    "ID",
    "MERCHANT",
    "N_FIELDS",
    "N_NUMBERS",
    "ODD",
    "PRINT",
    "READ",
    "TILL",
    "TIME",
    "UNBELIEVABLE",
    "scan_messages",
]


# What became of a message: `plain` has to read it, a payment, and one at an unbelievable time.
ODD, READ, UNBELIEVABLE = range(3)

N_NUMBERS: Final = 8
BECOMES, TIME, CURRENCY, CARD, MERCHANT, TILL, ID, PRINT = range(N_NUMBERS)
"""The whole numbers of a payment: what became of it, when it was, its currency's index, and what stands
for the card, the merchant (-1 for none), merchant and currency, the payment's id, and card and id."""

_ID, _CARD, _AMOUNT, _CURRENCY, _TIMESTAMP, _MERCHANT = range(6)
_MCC, _COUNTRY, _LATITUDE, _LONGITUDE, _CHANNEL = range(6, 11)
N_FIELDS: Final = len(FIELDS)
_LARGEST_AMOUNT: Final = 1e12
_LONGEST_ID: Final = 128
_LONGEST_CHANNEL: Final = 32


@borrowing
def scan_messages(
    text: Bytes,
    starts: Integers,
    lengths: Integers,
    keys_text: Bytes,
    key_starts: Integers,
    key_lengths: Integers,
    sent_ms: Integers,
    received_ms: int,
    earliest_ms: int,
    latest_ms: int,
    checks_cards: bool,
    scratch: Integers,
    numbers: Integers,
    payments: Records,
    names: Integers,
) -> tuple[int, int]:
    """Fill columns from messages, and return how many are `READ`, and of how many of these the key is
    not the card.

    Messages are `Spans` of ``text``, as their keys are of ``keys_text``.  A payment that was sent (n,)
    before its event counts from then, if that can be believed (`TimestampRange`).  With
    ``checks_cards`` one whose card may be a card's number is for the rule to judge, and `ODD`.

    OUT: ``numbers`` (N_NUMBERS, n); ``payments`` (n,) as `Columns` has them; ``names`` (2, n, 3) where
    id, card and merchant begin among the bytes of the messages, and how many they have.  ``scratch``
    (2, N_FIELDS) is for where the values of a message begin and end.
    """
    begins, ends = scratch[0], scratch[1]
    keys = Spans(keys_text, key_starts, key_lengths)
    n_read = n_differ = 0
    for i in range(len(sent_ms)):
        first = starts[i]
        last = first + max(lengths[i], 0)
        numbers[BECOMES, i] = ODD
        if _find_fields(text, first, last, begins, ends) and _read_fields(
            text, begins, ends, i, checks_cards, numbers, payments, names
        ):
            time_ms = numbers[TIME, i]
            if time_ms < earliest_ms or time_ms > latest_ms:
                numbers[BECOMES, i] = UNBELIEVABLE
            else:
                is_known = earliest_ms <= sent_ms[i] <= received_ms
                numbers[TIME, i] = min(time_ms, sent_ms[i] if is_known else received_ms)
                numbers[BECOMES, i] = READ
                n_read += 1
                n_differ += not _is_key(keys, i, text, names[0, i, 1], names[1, i, 1])
    return n_read, n_differ


@borrowing
def _is_key(keys: Spans, i: int, text: Bytes, card: int, n_bytes: int) -> bool:
    """Whether the card is the key of a message, byte for byte."""
    if keys.lengths[i] != n_bytes:
        return False
    key = keys.starts[i]
    n_same = 0
    while n_same < n_bytes and keys.content[key + n_same] == text[card + n_same]:
        n_same += 1
    return n_same == n_bytes


@borrowing
def _find_fields(text: Bytes, first: int, last: int, begins: Integers, ends: Integers) -> bool:
    """Whether a text is one object of the plainest form; ``begins`` and ``ends`` (OUT, n_fields) are
    where in it the values of its fields are, -1 for those that are null or not there.

    A name that may tell what happened to the payment is for `plain` to judge.
    """
    for field in range(N_FIELDS):
        begins[field] = ends[field] = NONE
    known = guess = 0
    at = behind_blanks(text, first, last)
    if at == last or text[at] != ord("{"):
        return False
    while True:
        begin = behind_blanks(text, at + 1, last)
        if begin == last or text[begin] != ord('"'):
            return False
        at = end_of_string(text, begin, last)
        if at == NONE:
            return False
        field = field_at(text, begin + 1, at - 1, guess)
        at = behind_blanks(text, at, last)
        if field == TELLING or at == last or text[at] != ord(":"):
            return False
        begin = behind_blanks(text, at + 1, last)
        if begin == last:
            return False
        at = end_of_value(text, begin, last)
        if at == NONE:
            return False
        if field < TELLING:
            if known >> field & 1:
                return False
            known |= 1 << field
            guess = field + 1
            if text[begin] != ord("n"):
                begins[field], ends[field] = begin, at
        at = behind_blanks(text, at, last)
        if at == last:
            return False
        if text[at] == ord("}"):
            return behind_blanks(text, at + 1, last) == last
        if text[at] != ord(","):
            return False


@borrowing
def _read_fields(
    text: Bytes,
    begins: Integers,
    ends: Integers,
    i: int,
    checks_cards: bool,
    numbers: Integers,
    payments: Records,
    names: Integers,
) -> bool:
    """Whether the values of a message are those of a payment; fills its columns (OUT)."""
    # An id, a card, an amount, a currency and a time have to be there.
    if not (
        _is_name(text, begins[_ID], ends[_ID], _LONGEST_ID)
        and _is_name(text, begins[_CARD], ends[_CARD], _LONGEST_ID)
        and begins[_CURRENCY] >= 0
        and begins[_TIMESTAMP] >= 0
    ):
        return False
    if checks_cards and may_be_card_number(text, begins[_CARD] + 1, ends[_CARD] - 1):
        return False
    # What is no string is cut like one here, and then no currency and no time.
    currency = currency_at(text, begins[_CURRENCY] + 1, ends[_CURRENCY] - 1)
    time_ms, local_hour = read_time(text, begins[_TIMESTAMP] + 1, ends[_TIMESTAMP] - 1)
    amount = _number(text, begins[_AMOUNT], ends[_AMOUNT])
    if currency < 0 or time_ms == NO_TIME or not 0.0 <= amount <= _LARGEST_AMOUNT:
        return False
    payment = payments[i]
    payment.local_hour, payment.amount = local_hour, amount
    if not (_read_codes(text, begins, ends, payment) and _read_place(text, begins, ends, payment)):
        return False
    merchant = NONE
    if begins[_MERCHANT] >= 0:
        if not _is_name(text, begins[_MERCHANT], ends[_MERCHANT], _LONGEST_ID):
            return False
        merchant = print_of(text, begins[_MERCHANT] + 1, ends[_MERCHANT] - 1)
    card = print_of(text, begins[_CARD] + 1, ends[_CARD] - 1)
    name = print_of(text, begins[_ID] + 1, ends[_ID] - 1)
    numbers[TIME, i] = time_ms
    numbers[CURRENCY, i] = currency
    numbers[CARD, i] = card
    numbers[MERCHANT, i] = merchant
    numbers[TILL, i] = extend_print(merchant, currency) if merchant >= 0 else merchant
    numbers[ID, i] = name
    numbers[PRINT, i] = combined(card, name)
    names[0, i, 0], names[1, i, 0] = begins[_ID] + 1, ends[_ID] - begins[_ID] - 2
    names[0, i, 1], names[1, i, 1] = begins[_CARD] + 1, ends[_CARD] - begins[_CARD] - 2
    names[0, i, 2], names[1, i, 2] = 0, 0
    if merchant >= 0:
        names[0, i, 2], names[1, i, 2] = (
            begins[_MERCHANT] + 1,
            ends[_MERCHANT] - begins[_MERCHANT] - 2,
        )
    return True


@borrowing
def _is_name(text: Bytes, begin: int, end: int, longest: int) -> bool:
    """Whether a value is a text of at most so many characters that certainly names something."""
    first, last = begin + 1, end - 1
    if begin < 0 or text[begin] != ord('"') or first == last:
        return False
    if last - first > longest and n_characters(text, first, last) > longest:
        return False
    return not may_be_none(text, first, last)


@borrowing
def _read_codes(text: Bytes, begins: Integers, ends: Integers, payment: Record) -> bool:
    """Whether country and category are codes, or not there; fills them in ``payment`` (OUT)."""
    country = category = NONE
    if begins[_COUNTRY] >= 0:
        country = country_at(text, begins[_COUNTRY] + 1, ends[_COUNTRY] - 1)
        if country < 0:
            return False
    if begins[_MCC] >= 0:
        category = category_at(text, begins[_MCC] + 1, ends[_MCC] - 1)
        if category < 0 or text[begins[_MCC]] != ord('"'):
            return False
    payment.country, payment.category = country, category
    return True


@borrowing
def _read_place(text: Bytes, begins: Integers, ends: Integers, payment: Record) -> bool:
    """Whether channel and degrees are some, or not there; fills these in ``payment`` (OUT).

    A card is somewhere only when it is there itself; at 0, 0 there is no shop (`plain`).
    """
    has_latitude, has_longitude = begins[_LATITUDE] >= 0, begins[_LONGITUDE] >= 0
    is_there = has_latitude and has_longitude
    if begins[_CHANNEL] >= 0:
        begin, end = begins[_CHANNEL], ends[_CHANNEL]
        if not _is_name(text, begin, end, _LONGEST_CHANNEL):
            return False
        is_there = is_there and not is_remote(text, begin + 1, end - 1)
    latitude = longitude = 0.0
    if has_latitude:
        latitude = _number(text, begins[_LATITUDE], ends[_LATITUDE])
        if not -90.0 <= latitude <= 90.0:
            return False
    if has_longitude:
        longitude = _number(text, begins[_LONGITUDE], ends[_LONGITUDE])
        if not -180.0 <= longitude <= 180.0:
            return False
    if has_latitude and has_longitude and latitude == 0.0 and longitude == 0.0:
        return False
    payment.latitude = latitude if is_there else math.nan
    payment.longitude = longitude if is_there else math.nan
    return True


@borrowing
def _number(text: Bytes, begin: int, end: int) -> float:
    """Return the number that a value is, NaN where it is none that is certain."""
    if begin >= 0 and (text[begin] == ord("-") or ord("0") <= text[begin] <= ord("9")):
        return decimal(text, begin, end)
    return math.nan
