"""Which codes of a sample mean a decline or money back: those of ISO 8583 and what is built on it.

A code whose meaning depends on the producer is asked about, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from streamer.intake.guess.doubts import ISO_DECLINES
from streamer.intake.guess.values import told

__all__ = ["CodeRule", "code_rules"]

CodeRule = tuple[str, dict[str, list[str]], str]
"""The kind of a rule, its entries, and what is not sure about it."""

_RESPONSE: Final = (
    {"response", "code"},
    {"action", "code"},
    {"result", "code"},
    {"response"},
    {"return", "code"},
)
# Approved; honoured with identification; in part; VIP; no reason to decline a verification.
_APPROVED: Final = ("", "0", "00", "08", "10", "11", "85")
# The other codes of ISO 8583 in two digits are declines, whatever their field is called.
_ISO: Final = ISO_DECLINES | frozenset(
    "01 02 03 06 07 12 13 15 30 33 34 36 39 52 56 58 82 92 93 94 98".split()
)
_ANSWERS: Final = frozenset("status state result outcome decision response action http".split())
# By the number of digits; 00xx of four are approvals, and 10xxx of five.
_DECLINED_STARTS: Final = {
    3: tuple("123456789"),
    4: (*(f"0{digit}" for digit in range(1, 10)), *"123456789"),
    5: tuple("23456789"),
}
_SUCCESSES: Final = ({200}, {201}, {202}, {200, 201}, {200, 202}, {200, 201, 202})
# Of processing codes (field 3), what goes to the cardholder: returns, adjustments, original credits.
_CREDITS: Final = ("20", "22", "26", "28", "29")
_DRAFT_CODES: Final = frozenset("05 06 07 15 16 17 25 26 27 35 36 37".split())
_DRAFTS_BACK: Final = ("06", "15", "16", "17", "25", "26", "27", "35", "36", "37")
_UNKNOWN: Final = (
    "which codes of {} mean a decline is not known; a [[decline]] rule with none_of = the approved "
    "ones would say it"
)


def code_rules(
    words: Sequence[str], distinct: Sequence[str], values: Sequence[Any]
) -> Iterator[CodeRule]:
    """Yield the rules that a column of codes calls for."""
    names = set(words)
    present = told(values)
    if {"processing", "code"} <= names or {"proc", "code"} <= names:
        yield from _processing(distinct, present)
    elif names & {"mti"} or ({"type"} <= names and names & {"message", "msg"}):
        yield from _message_types(distinct)
    elif {"transaction", "code"} == names and set(distinct) <= _DRAFT_CODES:
        yield "refund", {"one_of": list(_DRAFTS_BACK)}, ""
    elif names & {"sign"} and set(distinct) <= {"+", "-"}:
        yield "refund", {}, "which sign of {} means money back is not known".format(" ".join(words))
    elif {"transaction", "type"} <= names and all(re.fullmatch(r"\d\d", v) for v in distinct):
        yield "refund", {"one_of": list(_CREDITS)}, ""
    elif names & _ANSWERS and _is_http(distinct):
        yield "decline", {"starts_with": ["4", "5"]}, ""
    elif names & _ANSWERS and _is_iso(distinct):
        yield "decline", {"none_of": list(_APPROVED)}, ""
    elif any(response <= names for response in _RESPONSE) or {"decision", "code"} <= names:
        yield from _responses(" ".join(words), distinct)


def _processing(distinct: Sequence[str], values: Sequence[Any]) -> Iterator[CodeRule]:
    if all(isinstance(value, str) and re.fullmatch(r"\d{6}", value) for value in values):
        yield "refund", {"starts_with": list(_CREDITS)}, ""
    elif all(value.isdigit() for value in distinct):
        # As a number a code has lost its zeros: 2000 is 002000, a purchase.
        accounts = ("0000", "0010", "0020", "0030", "0040")
        yield "refund", {"one_of": [f"20{account}" for account in accounts]}, ""


def _message_types(distinct: Sequence[str]) -> Iterator[CodeRule]:
    types = [value.zfill(4) for value in distinct]
    if not all(re.fullmatch(r"[0129]\d{3}", kind) for kind in types):
        return
    reversals = [
        f"{version}4{kind}" for version in "01" for kind in ("00", "01", "10", "20", "21", "30")
    ]
    yield "refund", {"one_of": reversals}, ""
    others = [f"{version}{kind}" for version in "01" for kind in ("800", "810", "820")]
    seen = {kind[1:] for kind in types}
    note = ""
    if {"100", "110"} <= seen or {"200", "210"} <= seen:
        note = (
            "the sample has requests and responses: the responses are left out, so that no payment "
            "counts twice"
        )
        others += [f"{version}{kind}" for version in "01" for kind in ("110", "210")]
    yield "skip", {"one_of": others}, note


def _responses(name: str, distinct: Sequence[str]) -> Iterator[CodeRule]:
    lengths = {len(value) for value in distinct}
    if all(value.isdigit() for value in distinct):
        numbers = {int(value) for value in distinct}
        if max(lengths) <= 2 and (max(lengths) == 2 or 0 in numbers):
            yield "decline", {"none_of": list(_APPROVED)}, ""
        elif len(lengths) == 1 and max(lengths) in _DECLINED_STARTS:
            yield "decline", {"starts_with": list(_DECLINED_STARTS[max(lengths)])}, ""
        else:
            yield "decline", {}, _UNKNOWN.format(name)
    elif {value.upper() for value in distinct} <= {"A", "D", "R", "P", "C"}:
        yield "decline", {"none_of": ["", "A"]}, ""


def _is_http(distinct: Sequence[str]) -> bool:
    """Whether the codes are those of HTTP: a success beside an error."""
    numbers = {int(value) for value in distinct if re.fullmatch(r"[2-5]\d\d", value)}
    errors = {number for number in numbers if number >= 400}
    return len(numbers) == len(distinct) and bool(errors) and numbers - errors in _SUCCESSES


def _is_iso(distinct: Sequence[str]) -> bool:
    codes = set(distinct)
    return "00" in codes and bool(codes & _ISO) and codes <= _ISO.union(_APPROVED)
