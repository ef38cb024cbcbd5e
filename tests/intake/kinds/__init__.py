"""Kinds of messages as payment systems have them, with what each has to read as.

A file of kinds is text.  ``== name`` begins one; its lines are a message of JSON, or a header and a
row; ``->`` begins what is right.  All of it is a template, filled in for eight payments:

``$i`` the payment's number, ``$card`` and ``$pan`` one of three cards, ``$amount`` with a point,
``$comma`` with a comma, ``$us``, ``$de`` and ``$ch`` with thousands, ``$whole`` and ``$uswhole``
without decimals, ``$minor`` and ``$padded`` in minor units, ``$s``, ``$ms``, ``$us6`` and ``$ns`` the
time since 1970, ``$serial`` a spreadsheet's, ``{%H:%M}`` its parts (``{+1 %H:%M}`` an hour later),
``[[a|b]]`` one after the other.

What is right: the outcome, and for a payment ``id``, ``card``, ``currency`` and ``merchant``;
``amount=whole``, ``jpy`` or ``any`` and ``time=minute``, ``day`` or ``any`` where the message tells no
more; ``asks=word`` where a comment has to.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["KINDS", "N_PAYMENTS", "Expected", "Kind"]

N_PAYMENTS: Final = 8
_T0: Final = 1795845480
"""2026-11-28T05:58:00Z: the day can be no month."""
_MINOR: Final = (4250, 123456, 999, 31000, 1820, 7725, 150000, 340)
_PANS: Final = ("4111111111111111", "5555555555554444", "378282246310005")
_TOKEN: Final = re.compile(
    r"\$(?P<name>i|card|pan|amount|comma|us|de|ch|whole|uswhole|minor|padded|s|ms|us6|ns|serial)\b"
    r"|\{(?P<shift>[+-]\d+ )?(?P<form>%[^}]*)\}|\[\[(?P<choices>[^]]*)\]\]"
)


class Expected(NamedTuple):
    """What one message has to read as; the values of a payment by name."""

    outcome: str
    values: dict[str, Any]


class Kind(NamedTuple):
    """A file's content, what its messages read as, and the words that a comment must have."""

    name: str
    content: bytes
    expected: list[Expected]
    asks: list[str]


def _kinds() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        for block in re.split(r"^== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            kind = _kind([line for line in block.split("\n") if line and line[0] != "#"])
            assert kind.name not in found, kind.name
            found[kind.name] = kind
    return found


def _kind(lines: list[str]) -> Kind:
    name, *content, right = lines
    assert right.startswith("-> "), name
    header, template = content[:-1], content[-1]
    rows = [*header, *(_filled(template, i) for i in range(N_PAYMENTS))]
    pairs = [_expected(_filled(right[3:], i), i) for i in range(N_PAYMENTS)]
    asks = re.findall(r"asks=(\S+)", right)
    return Kind(name, ("\n".join(rows) + "\n").encode(), pairs, asks)


def _expected(text: str, i: int) -> Expected:
    outcome, *parts = text.split()
    given = dict(part.split("=", 1) for part in parts)
    given.pop("asks", None)
    amounts = {"whole": _MINOR[i] // 100, "jpy": _MINOR[i], "": _MINOR[i] / 100, "any": None}
    amount = amounts[given.pop("amount", "")]
    second = _T0 + 7261 * i
    time = given.pop("time", "")
    precision = {"minute": 60, "day": 86_400}.get(time, 1)
    values = {"transaction_id": given.pop("id", None), "card_id": given.pop("card", None)}
    values |= {"merchant_id": given.pop("merchant", None), "currency": given.pop("currency", None)}
    assert not given, given
    known = {name: value.replace("~", " ") for name, value in values.items() if value is not None}
    if amount is not None:
        known["amount"] = float(amount)
    if time != "any":
        known["timestamp"] = second - second % precision
    return Expected(outcome, known)


def _filled(template: str, i: int) -> str:
    minor, second = _MINOR[i], _T0 + 7261 * i
    us = f"{minor / 100:,.2f}"
    moment = datetime.fromtimestamp(second, UTC)
    serial = (moment - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    values = {
        "i": i,
        "card": i % 3,
        "pan": _PANS[i % 3],
        "amount": f"{minor / 100:.2f}",
        "comma": f"{minor / 100:.2f}".replace(".", ","),
        "us": us,
        "de": us.translate(str.maketrans(",.", ".,")),
        "ch": us.replace(",", "'"),
        "whole": minor // 100,
        "uswhole": us[:-3],
        "minor": minor,
        "padded": f"{minor:012d}",
        "s": second,
        "ms": second * 1000,
        "us6": second * 10**6,
        "ns": second * 10**9,
        "serial": f"{serial:.6f}",
    }

    def value(match: re.Match[str]) -> str:
        if match["name"]:
            return str(values[match["name"]])
        if match["choices"] is not None:
            choices = match["choices"].split("|")
            return choices[i % len(choices)]
        return (moment + timedelta(hours=int(match["shift"] or 0))).strftime(match["form"])

    while _TOKEN.search(template):
        template = _TOKEN.sub(value, template)
    return template


KINDS: Final = _kinds()
