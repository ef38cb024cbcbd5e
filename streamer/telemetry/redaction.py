"""Takes card numbers and secrets out of log events, wherever in the event they are.

Two rules: a run of 13 to 19 digits is a card number, as is whatever `without_card_numbers` finds in
another spelling, and a value under a name such as ``password``, ``secret``, ``token`` or ``card_id`` is
nobody's business.  Both hold in nested values, in the text of messages (``card_id='C1'``,
``redis://:password@host``) and in rendered exceptions.

Digits inside a long hexadecimal word are left alone: a model version is a SHA-256, and one in
twenty holds such a run by chance.  So are the decimals of a number.  An epoch in milliseconds has
13 digits and is taken for a card number; log times as ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final

from streamer.contract.card_numbers import without_card_numbers

__all__ = ["redact", "redact_event"]

MASK: Final = "[redacted]"

_NAMES: Final = r"(?:password|passwd|secret|token|card_id|card_key|card_number|api_key)s?"
_SECRET_KEY: Final = re.compile(rf"(?:.*[^a-z])?{_NAMES}", re.IGNORECASE)
_ASSIGNMENT: Final = re.compile(
    rf"""((?<![A-Za-z])(?:[\w.-]*[_.-])?{_NAMES}["']?\s*[=:]\s*)"""
    r"""("[^"]*"|'[^']*'|[^\s,;&(){}\[\]]+)""",
    re.IGNORECASE,
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_CARD_OR_DIGEST: Final = re.compile(
    r"(?P<digest>(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{32,}(?![0-9A-Za-z]))"
    r"|(?<!\d)(?<!\d\.)\d{13,19}(?!\d)"
    r"|(?<!\d)\d{4}([ -])\d{4}\2\d{4}\2\d{1,7}(?!\d)"
    r"|(?<!\d)\d{4}([ -])\d{6}\3\d{5}(?!\d)"
)
# Deeper than any event that somebody reads; what lies below is shown as one redacted text.
_DEPTH: Final = 6
# Of a card's number: 12 to 19 digits.
_LEAST_NUMBER, _BEYOND = 10**11, 10**19


def redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Redact a whole event, as a structlog processor."""
    for key, value in list(event.items()):
        clean = _redact_text(key)
        if clean != key:
            del event[key]
        event[clean] = MASK if _SECRET_KEY.fullmatch(key) else redact(value)
    return event


def redact(value: Any, depth: int = _DEPTH) -> Any:
    """Return the value without card numbers and secrets, made of types that JSON knows.

    >>> redact({"note": "paid with 4111111111111111", "token": "abc", "n": 3})
    {'note': 'paid with [redacted]', 'token': '[redacted]', 'n': 3}
    >>> redact("connecting to redis://:hunter2@db:6379, password='a b'")
    'connecting to redis://[redacted]@db:6379, password=[redacted]'
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        told = _redact_text(str(int(value))) if abs(value) >= _LEAST_NUMBER else ""
        return value if not told or told == str(int(value)) else told
    if isinstance(value, float):
        is_whole = isfinite(value) and abs(value) >= _LEAST_NUMBER and value.is_integer()
        is_number = is_whole and abs(value) < _BEYOND and redact(int(value)) != int(value)
        return value if isfinite(value) and not is_number else MASK if is_number else str(value)
    if isinstance(value, date | timedelta):
        return str(value)
    if depth and isinstance(value, Mapping):
        return {
            _redact_text(str(key)): MASK
            if _SECRET_KEY.fullmatch(str(key))
            else redact(item, depth - 1)
            for key, item in value.items()
        }
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth - 1) for item in value]
    return _redact_text(value if isinstance(value, str) else repr(value))


def _redact_text(text: str) -> str:
    if not text.isascii():
        text = without_card_numbers(text)
        # A lone surrogate, as in a decoded bad message, would fail in the stream's encoder.
        text = text.encode(errors="backslashreplace").decode()
    text = _CREDENTIALS.sub(MASK, text)
    text = _ASSIGNMENT.sub(rf"\1{MASK}", text)
    return without_card_numbers(_CARD_OR_DIGEST.sub(lambda found: found["digest"] or MASK, text))
