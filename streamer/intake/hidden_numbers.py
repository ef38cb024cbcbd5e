"""Dead letters without the numbers of cards, whatever else is wrong with the record.

A record that cannot be scored may still say whose card it is, in any field and any spelling.  Digits
that stand in its bytes are masked there.  Where the record is read and has a number all the same (that
is escaped, of another script, or in Avro's or Protobuf's bytes), its value is not kept at all; nor is
it where looking would take too long, as one letter must not keep a worker from its payments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import is_dataclass, replace
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from streamer.contract import card_numbers
from streamer.contract.batch import Record, StoredRecord
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.contract.network_numbers import FEWEST, MOST, card_number, is_card_number
from streamer.errors import UnavailableError
from streamer.intake.refused_records import DeadLetter, Masked

__all__ = ["has_number", "shown_without_numbers", "without_card_numbers"]

# What it makes of a value is read for other numbers, and goes nowhere.
_READABLE: Final = CardRule("mask", b"of no use")
# What is looked at of one letter, in bytes that are looked at one by one (`_cost_of`), then again in
# values and texts that are read in it.  It takes some 0.1 s of a core, and a message of a payment is a
# hundredth of it.  Of what is longer nothing is kept, unless its digits alone tell that none is there.
_MOST_LOOKED_AT: Final = 32_768
_MOST_OF_KEY: Final = 4_096
# Bytes of plain text that cost as much as one digit.
_BYTES_A_DIGIT: Final = 8
_DIGITS: Final = b"0123456789"
_ZEROS: Final = re.compile(rb"0{%d,}+" % (MOST + 1))
_BETWEEN: Final = re.compile(rb"[^0-9]++")
# No spelling has so many bytes between two digits of a number.
_APART: Final = 64
_LEAST, _BEYOND = 10 ** (FEWEST - 1), 10**MOST


def without_card_numbers(
    letters: Iterable[DeadLetter],
    rule: CardRule,
    contents: Callable[[bytes], Sequence[Any]],
    card_path: str = "$.card_id",
) -> list[DeadLetter]:
    """Return ``letters`` by their offsets, with no card's number in them.

    ``contents`` returns what an intake finds in a value (`Intake.contents`), ``card_path`` is where it
    looks for the card: a number stands under its mask there and in the key, and nowhere else.
    """
    in_order = sorted(letters, key=lambda letter: letter.record.offset)
    if not rule.is_checked:
        return in_order
    return [_hidden(letter, rule, contents, card_path) for letter in in_order]


def _hidden(
    letter: DeadLetter,
    rule: CardRule,
    contents: Callable[[bytes], Sequence[Any]],
    card_path: str,
) -> DeadLetter:
    if letter.masked:
        return letter
    record = letter.record
    key, is_lost = _key_without(record.key, rule)
    value, n_in_value = record.value, 0
    withheld = too_long = False
    if value and _cost_of(value) > _MOST_LOOKED_AT:
        if letter.reason == "card_number" or _may_hold_one(value):
            value, too_long = b"", True
    elif value:
        value, n_in_value = REFUSED.without_numbers(value)
        # A card that was refused is in it, in some form.
        is_hidden = letter.reason == "card_number" and not n_in_value
        withheld = is_hidden or _holds_one(value, record.value or b"", contents)
        if withheld:
            value = b""
        elif n_in_value:
            # The mask of a number is the card's id: so it can be sent again.
            named = _under_its_name(record.value or b"", rule, contents, card_path)
            value, is_lost = named or value, is_lost or named is None
    texts = letter.path, letter.detail, letter.hint
    path, detail, hint = map(card_numbers.without_card_numbers, texts)
    if (key, value) != (record.key, record.value):
        record = _with(record, key, value)
    masked: Masked = "in part" if is_lost else ""
    if withheld or too_long:
        masked = "withheld" if withheld else "too long"
    return replace(letter, record=record, path=path, detail=detail, hint=hint, masked=masked)


def _key_without(key: bytes | None, rule: CardRule) -> tuple[bytes | None, bool]:
    """Return a key without a number, and whether it is another card's, or none, by that."""
    if key is None:
        return None, False
    if _cost_of(key) > _MOST_OF_KEY:
        return (None, True) if _may_hold_one(key) else (key, False)
    text = key.decode(errors="replace")
    if card_number(text) is not None:
        card_id = rule.id_of(text)
        if card_id is not None:
            return card_id.encode(), False
    starred, n = REFUSED.without_numbers(key)
    if card_numbers.has_card_number(starred.decode(errors="replace")):
        return None, True
    return starred, n > 0


def _cost_of(value: bytes) -> int:
    """Return how many bytes have to be looked at one by one, others for a part."""
    if not value.isascii() or b"\0" in value or b"\\u" in value:
        return len(value)
    return _n_digits(value) + len(value) // _BYTES_A_DIGIT


def _may_hold_one(value: bytes) -> bool:
    """Whether a number may stand in bytes that are too long to be looked through.

    ASCII spells each digit of one by a digit at least, escaped or not, and those of Avro and Protobuf
    that are whole numbers have bytes beyond ASCII.  So what lies between digits, and zeros that are too
    many for any number, are left out, and what remains is looked through.
    """
    if not value.isascii():
        return True
    if _n_digits(value) < FEWEST:
        return False
    short = _ZEROS.sub(b"0" * MOST, value)
    if _n_digits(short) > _MOST_LOOKED_AT:
        return True
    short = _BETWEEN.sub(lambda run: run[0] if len(run[0]) < _APART else b"\n", short)
    if _cost_of(short) > _MOST_LOOKED_AT or REFUSED.without_numbers(short)[1]:
        return True
    if b"\0" in short and _has_between_zeros(short):
        return True
    return card_numbers.has_card_number(short.decode())


def _n_digits(value: bytes) -> int:
    return len(value) - len(value.translate(None, _DIGITS))


def _under_its_name(
    value: bytes, rule: CardRule, contents: Callable[[bytes], Sequence[Any]], card_path: str
) -> bytes | None:
    """Return a value with masks for numbers, None where one stands anywhere but for the card."""
    if rule.handling != "mask":
        return None
    named, n = rule.without_numbers(value)
    try:
        found = contents(value), contents(named)
        changes = list(_changes(found[0][0], found[1][0], ""))
    except (UnavailableError, MemoryError):
        raise
    except Exception:
        return None
    is_card = [
        path.endswith(card_path.removeprefix("$")) and rule.id_of(str(before)) == after
        for path, before, after in changes
    ]
    return named if is_card and all(is_card) and len(is_card) == n else None


def _changes(before: Any, after: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs, with the names that lead there; what has another form, as a whole."""
    if type(before) is dict and type(after) is dict and before.keys() == after.keys():
        for name, value in before.items():
            yield from _changes(value, after[name], f"{at}.{name}")
    elif type(before) is list and type(after) is list and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _changes(one, other, at)
    elif before != after:
        yield at, before, after


def has_number(document: Any) -> bool:
    """Whether a value that was read has a card's number in a name or text of it, or as a number.

    A text that is JSON itself, as where a message is wrapped in another, is read too.  Of very long
    texts, or very many values, nobody looks whether there is one: they count as if there were.

    >>> has_number({"a": [4111111111111111]}), has_number({"4111 1111 1111 1111": 0}), has_number("4")
    (True, True, False)
    >>> has_number({"payload": '{"card": 4.111111111111111e15, "as": "\\\\u0034"}'})
    True
    """
    # A list of what is to be looked at: a message may be as deep, and as wide, as it likes.
    waiting, left = [document], _MOST_LOOKED_AT
    while waiting:
        each = waiting.pop()
        left -= 1
        if left < 0:
            return True
        kind = type(each)
        if kind is str:
            if len(each) >= FEWEST:
                left -= card_numbers.cost_of(each)
                if left < 0 or card_numbers.has_card_number(each):
                    return True
                waiting.extend(_within(each))
        elif kind is int:
            if _LEAST <= each < _BEYOND and is_card_number(str(each)):
                return True
        elif kind is dict:
            waiting.extend(each)
            waiting.extend(each.values())
        elif kind is list or kind is tuple:
            waiting.extend(each)
        elif kind is bytes:
            waiting.append(each.decode(errors="replace"))
        elif (
            (kind is float or (kind is Decimal and each.is_finite()))
            and _LEAST <= each < _BEYOND
            and each == int(each)
        ):
            waiting.append(int(each))
    return False


def _within(text: str) -> list[Any]:
    """Return what a text says that is JSON itself, nothing of another."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return []
    try:
        return [msgspec.json.decode(text)]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return []


def shown_without_numbers(value: Any) -> Any:
    """Return a value that somebody is shown: digits of cards' numbers are stars, wherever they stand.

    What has one all the same, of another script or as a number, is left out as "...".

    >>> shown_without_numbers({"row": ["4111 1111 1111 1111", 4111111111111111, 7]})
    {'row': ['**** **** **** ****', '...', 7]}
    """
    kind = type(value)
    if kind is dict:
        return {
            shown_without_numbers(name): shown_without_numbers(each) for name, each in value.items()
        }
    if kind is list or kind is tuple:
        return [shown_without_numbers(each) for each in value]
    if kind is not str:
        return "..." if has_number(value) else value
    text = card_numbers.without_card_numbers(value)
    return "..." if has_number(text) else text


def _holds_one(value: bytes, sent: bytes, contents: Callable[[bytes], Sequence[Any]]) -> bool:
    """Whether a value that was masked has a number still, or nobody can tell."""
    if b"\0" in value and _has_between_zeros(value):
        return True
    is_odd = not value.isascii() or b"\\u" in value
    if is_odd and card_numbers.has_card_number(value.decode(errors="replace")):
        # What is cut, or no JSON at all, is not read.
        return True
    try:
        # Stars in place of a number without quotes are no JSON.
        return has_number(contents(_READABLE.without_numbers(sent)[0]))
    except (UnavailableError, MemoryError):
        raise
    except Exception:
        # No value is worth a worker that ends at it whenever it is started.
        return True


def _has_between_zeros(value: bytes) -> bool:
    """Whether a number stands between bytes of zero, as those of numbers are, or in UTF-16."""
    if REFUSED.without_numbers(value.replace(b"\0", b""))[1]:
        return True
    texts = (value.decode(form, "replace") for form in ("utf-16-le", "utf-16-be"))
    return any(map(card_numbers.has_card_number, texts))


def _with(record: Any, key: bytes | None, value: bytes | None) -> Record:
    if isinstance(record, tuple) and hasattr(record, "_replace"):
        changed: Record = record._replace(key=key, value=value)
        return changed
    if is_dataclass(record) and not isinstance(record, type):
        return cast("Record", replace(record, key=key, value=value))
    return StoredRecord(record.offset, record.timestamp, key, value)
