"""How ``streamer dlq show`` prints a message: a field a line, the faulty one marked, no card's number.

The letter on its topic stays as it is; one of an earlier release can have a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streamer.contract.card_numbers import without_card_numbers
from streamer.contract.card_rule import REFUSED
from streamer.intake.hidden_numbers import shown_without_numbers

__all__ = ["marked_lines", "printable", "text_of"]

_MAX_TEXT: Final = 4_000
_MAX_LINES: Final = 200
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def text_of(value: bytes, *, is_raw: bool) -> str:
    """Return bytes as text, without cards' numbers unless ``is_raw``; what is none is escaped.

    >>> text_of(b"4111 1111 1111 1111 at 1795845480000", is_raw=False)
    '**** **** **** **** at 1795845480000'
    """
    if is_raw:
        return value.decode(errors="backslashreplace")
    # As bytes first: digits of an escape would stand beside those that follow it.
    text = REFUSED.without_numbers(value)[0].decode(errors="surrogateescape")
    text = without_card_numbers(text)
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


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
        text = text_of(value, is_raw=is_raw)[:_MAX_TEXT]
        rest = f" ... ({len(value):,} bytes)" if len(value) > _MAX_TEXT else ""
        lines = [*text.splitlines(), *([rest] if rest else []), f"<-- {note}"]
    else:
        message = message if is_raw else shown_without_numbers(message)
        steps = _existing(message, path)
        lines = list(_lines(message, steps, note, "", ""))
    if len(lines) > _MAX_LINES:
        kept = [line for line in lines[_MAX_LINES:] if "   <-- " in line]
        lines = [*lines[:_MAX_LINES], f"... ({len(lines) - _MAX_LINES:,} lines)", *kept]
    return [printable(line) for line in lines]


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
