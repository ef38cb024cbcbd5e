"""How ``streamer dlq show`` prints a message: a field a line, the faulty one marked, cards masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

__all__ = ["marked_lines", "masked", "printable"]

_DIGITS: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
# Counts of ms, µs and ns from 2001 to 2039 have 13, 16 and 19 digits and begin like no card does.
_TIME: Final = re.compile(r"(?:1\d|2[01])\d{8}(?:\d{3}){1,3}")
_LAST_SHOWN: Final = 4
_MAX_TEXT: Final = 4_000
_MAX_LINES: Final = 200
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def masked(text: str) -> str:
    """Return ``text`` with all but the last digits of what could be a card number hidden.

    >>> masked('4111 1111 1111 1111 at 1795845480000')
    '************1111 at 1795845480000'
    """
    return _DIGITS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    if _TIME.fullmatch(found[0]):
        return found[0]
    digits = re.sub(r"\D", "", found[0])
    return "*" * (len(digits) - _LAST_SHOWN) + digits[-_LAST_SHOWN:]


def marked_lines(value: bytes | None, path: str, note: str, *, is_raw: bool) -> list[str]:
    """Return a message as lines, with ``note`` at the field that ``path`` leads to.

    Where there is no such field, its parent is marked; what is no JSON is printed as text.

    >>> marked_lines(b'{"a": {"b": "x"}}', "$.a.b", "wrong_type", is_raw=False)
    ['{', '  "a": {', '    "b": "x"   <-- wrong_type', '  }', '}']
    """
    if value is None:
        return [f"(no value)   <-- {note}"]
    try:
        message = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = value[:_MAX_TEXT].decode(errors="backslashreplace")
        rest = f" ... ({len(value):,} bytes)" if len(value) > _MAX_TEXT else ""
        lines = [*text.splitlines(), *([rest] if rest else []), f"<-- {note}"]
    else:
        steps = _existing(message, path)
        lines = list(_lines(message, steps, note, "", ""))
    if len(lines) > _MAX_LINES:
        kept = [line for line in lines[_MAX_LINES:] if "   <-- " in line]
        lines = [*lines[:_MAX_LINES], f"... ({len(lines) - _MAX_LINES:,} lines)", *kept]
    lines = [printable(line) for line in lines]
    return lines if is_raw else [masked(line) for line in lines]


def printable(text: str) -> str:
    """Return ``text`` with what a terminal would obey, or cannot show, escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _existing(message: Any, path: str) -> list[str | int]:
    """Return the steps of ``path`` as far as ``message`` has them."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(path):
        if isinstance(message, dict) and name in message:
            steps.append(name)
            message = message[name]
        elif isinstance(message, list) and index and int(index) < len(message):
            steps.append(int(index))
            message = message[int(index)]
        else:
            break
    return steps


def _lines(
    value: Any, steps: list[str | int] | None, note: str, before: str, indent: str
) -> Iterator[str]:
    """Yield the lines of ``value``; ``steps`` lead to the mark, None where it is elsewhere."""
    mark = f"   <-- {note}" if steps == [] else ""
    if not value or not isinstance(value, dict | list):
        yield f"{indent}{before}{json.dumps(value, ensure_ascii=False)}{mark}"
        return
    is_object = isinstance(value, dict)
    yield f"{indent}{before}{'{' if is_object else '['}{mark}"
    items: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        inner = steps[1:] if steps and steps[0] == name else None
        label = f"{json.dumps(name, ensure_ascii=False)}: " if is_object else ""
        yield from _lines(item, inner, note, label, indent + "  ")
    yield f"{indent}{'}' if is_object else ']'}"
