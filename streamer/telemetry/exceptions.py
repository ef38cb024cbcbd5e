"""Exceptions as fields of a log line: what, where, and nothing of what was being processed.

The text of an exception quotes what it stumbled over: ``KeyError: 'C77'``, ``could not convert string
to float: '12,50 EUR'``.  Ours are written for a log and say what a person needs; an `OSError` names
addresses and files.  Of any other what stands in quotes is masked, except where it can only be a name
of the program.  Local variables are never shown.

An exception is a bounded list: itself, then what caused it, each with its last frames.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import PurePath
from typing import Any, Final

from streamer.errors import StreamerError

__all__ = ["as_text", "described", "exception_fields"]

_MAX_CAUSES: Final = 4
_MAX_FRAMES: Final = 12
_MAX_TEXT: Final = 500

_SPEAK_FREELY: Final = (StreamerError, OSError)
# What these quote are names in the program, never values of a message.
_QUOTE_NAMES: Final = (AttributeError, NameError, ImportError, TypeError)
_QUOTED: Final = re.compile(r"""b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*\"""", re.DOTALL)
# redis-py puts the command with its arguments, card ids among them, before a pipeline's error.
_COMMAND: Final = re.compile(r"Command # \d+ \(.*\) of pipeline", re.DOTALL)


def exception_fields(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace ``exc_info`` by ``exception``, as a structlog processor."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception"] = [_fields(one) for one in _chain(error)]
    return event


def as_text(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Write ``exception`` as lines for a person, as a structlog processor."""
    if isinstance(event.get("exception"), list):
        event["exception"] = "\n".join(map(_text, event["exception"]))
    return event


def described(error: BaseException) -> str:
    """Return an exception's type and text, without what it may quote of a message.

    Ours need no type: their text is a line that a person can act on.

    >>> described(KeyError("C77"))
    'KeyError: [quoted]'
    >>> described(ConnectionRefusedError(111, "Connection refused"))
    'ConnectionRefusedError: [Errno 111] Connection refused'
    """
    message = _message(error)
    if isinstance(error, StreamerError):
        return message
    return type(error).__name__ + (f": {message}" if message else "")


def _message(error: BaseException) -> str:
    text = str(error)
    if not isinstance(error, _SPEAK_FREELY + _QUOTE_NAMES):
        text = _QUOTED.sub("[quoted]", _COMMAND.sub("a command", text))
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def _fields(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "type": type(error).__name__,
        "message": _message(error),
        # The last ones are those where it happened.
        "frames": [_frame(frame) for frame in frames[-_MAX_FRAMES:]],
    }


def _frame(frame: traceback.FrameSummary) -> str:
    parts = PurePath(frame.filename).parts
    if "site-packages" in parts:
        parts = parts[parts.index("site-packages") + 1 :]
    return f"{'/'.join(parts[-3:])}:{frame.lineno} {frame.name}"


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and what led to it, nearest first; of a group its members."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < _MAX_CAUSES:
        one = waiting.pop(0)
        if one in found:
            continue
        found.append(one)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        cause = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if cause is not None:
            waiting.append(cause)
    return found


def _text(fields: Mapping[str, Any]) -> str:
    frames = "".join(f"\n    at {frame}" for frame in reversed(fields["frames"]))
    return f"{fields['type']}: {fields['message']}{frames}"
