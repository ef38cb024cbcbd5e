"""Dead letters without the numbers of cards, whatever else is wrong with the record.

A record that cannot be scored may still say whose card it is, in any field and any spelling.  Digits
that stand in its bytes are masked there.  Where the record is read and has a number all the same (that
is escaped, of another script, or in Avro's or Protobuf's bytes), its value is not kept at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass, replace
from decimal import Decimal
from typing import Any, Final, cast

from streamer.contract.batch import Record, StoredRecord
from streamer.contract.card_rule import CardRule
from streamer.contract.network_numbers import FEWEST, MOST, card_number, is_card_number
from streamer.intake.refused_records import DeadLetter, Masked

__all__ = ["has_number", "without_card_numbers"]

_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_LEAST, _BEYOND = 10 ** (FEWEST - 1), 10**MOST


def without_card_numbers(
    letters: Iterable[DeadLetter], rule: CardRule, contents: Callable[[bytes], Sequence[Any]]
) -> list[DeadLetter]:
    """Return ``letters`` by their offsets, with no card's number in them.

    ``contents`` returns what an intake finds in a value (`Intake.contents`).
    """
    in_order = sorted(letters, key=lambda letter: letter.record.offset)
    if not rule.is_checked:
        return in_order
    return [_hidden(letter, rule, contents) for letter in in_order]


def _hidden(
    letter: DeadLetter, rule: CardRule, contents: Callable[[bytes], Sequence[Any]]
) -> DeadLetter:
    if letter.masked:
        return letter
    record = letter.record
    key, value = record.key, record.value
    n_masked = 0
    if key is not None:
        key, n_masked = rule.without_numbers(key)
        if card_number(key.decode(errors="replace")) is not None:
            key, n_masked = None, 1
    withheld = False
    if value:
        value, n_in_value = rule.without_numbers(value)
        n_masked += n_in_value
        # A card that was refused is in it, in some form.
        is_hidden = letter.reason == "card_number" and not n_in_value
        withheld = is_hidden or _holds_one(value, rule, contents)
        if withheld:
            value = b""
    told = [rule.text_without_numbers(text) for text in (letter.path, letter.detail, letter.hint)]
    if (key, value) != (record.key, record.value):
        record = _with(record, key, value)
    # What stands for a number that was masked under a key is the card's id: it can be sent again.
    is_lost = withheld or (n_masked > 0 and rule.handling != "mask")
    masked: Masked = "withheld" if withheld else "in part" if is_lost else ""
    path, detail, hint = told
    return replace(letter, record=record, path=path, detail=detail, hint=hint, masked=masked)


def has_number(document: Any) -> bool:
    """Whether a value that was read has a card's number as a name, a text or a number in it.

    >>> has_number({"a": [4111111111111111]}), has_number({"4111 1111 1111 1111": 0}), has_number("4")
    (True, True, False)
    """
    # A list of what is to be looked at: a message may be as deep, and as wide, as it likes.
    waiting = [document]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is str:
            if len(each) >= FEWEST and card_number(each) is not None:
                return True
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
        elif (kind is float or kind is Decimal) and _LEAST <= each < _BEYOND and each == int(each):
            waiting.append(int(each))
    return False


def _holds_one(value: bytes, rule: CardRule, contents: Callable[[bytes], Sequence[Any]]) -> bool:
    """Whether a value that was masked has a number still."""
    if b"\0" in value and rule.without_numbers(value.replace(b"\0", b""))[1]:
        # Of UTF-16, or between the bytes of numbers.
        return True
    if (not value.isascii() or b"\\u" in value) and rule.without_numbers(_in_ascii(value))[1]:
        # What is cut, or no JSON at all, is not read.
        return True
    return any(map(has_number, contents(value)))


def _in_ascii(value: bytes) -> bytes:
    """Return bytes without escapes, digits and blanks of other scripts as those of ASCII."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value.decode(errors="replace"))
    return _NOT_ASCII.sub(lambda found: _ascii_of(found[0]), text).encode(errors="replace")


def _ascii_of(sign: str) -> str:
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return " " if sign.isspace() or unicodedata.category(sign) in ("Pd", "Cf") else "?"


def _with(record: Any, key: bytes | None, value: bytes | None) -> Record:
    if isinstance(record, tuple) and hasattr(record, "_replace"):
        changed: Record = record._replace(key=key, value=value)
        return changed
    if is_dataclass(record) and not isinstance(record, type):
        return cast("Record", replace(record, key=key, value=value))
    return StoredRecord(record.offset, record.timestamp, key, value)
