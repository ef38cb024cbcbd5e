"""Takes messages out of lines: JSON as it is, and what tools put around it.

Server-sent events (``data: {...}``), text sequences (RFC 7464), log lines that end in JSON, a key that
a console consumer prints before it, and hexadecimal dumps.  What stands before a message is passed
over, what is no message is handed on as it is, to be refused with its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Final, Literal

import msgspec

from streamer.errors import ConfigurationError

__all__ = ["Layout", "is_comment", "layout_of", "line_values"]

Layout = Literal["lines", "cut", "sse", "log", "hex", "message"]
"""Values by the line, cut at brackets, or in lines that hold more; or one message of bytes."""

_HEX_LINE: Final = re.compile(rb"(0x)?([0-9a-fA-F]{2}[ \t]?){6,}")
_SSE_LINE: Final = re.compile(rb"(data|event|id|retry)?:")
_SSE_DATA: Final = re.compile(rb"^data:[ \t]*[\[{]", re.MULTILINE)
# A line of Fluentd: a tag, a time and a record.
_TAGGED: Final = re.compile(rb'\["[^"]{1,200}",\s*[\d.]+,\s*\{')
_TAIL: Final = re.compile(rb"\{[ \t]*\"")
_BETWEEN_OBJECTS: Final = re.compile(rb"(?<=\})(?=\{)")
_LOOKED_AT: Final = 1 << 16
_LONG_LINE: Final = 1 << 20
# No payment is as long; a file without line ends would be held in memory.
_LONGEST_LINE: Final = 16 << 20
_HEAD_LINES: Final = 20
_TAILS: Final = 4
_OPEN, _CLOSE = b"{}"
_COMMENTS: Final = (b"#", b"//")


def layout_of(start: bytes) -> Layout:
    """Return how the first bytes of a file, a byte order mark aside, hold its messages.

    >>> layout_of(b'{"a": 1}\\n'), layout_of(b'[{"a": 1}]'), layout_of(b'data: {"a": 1}\\n\\n')
    ('lines', 'cut', 'sse')
    """
    if start[:1] == b"\x00":
        return "message"
    lines = [line.strip() for line in start[:_LOOKED_AT].split(b"\n")]
    lines = [line for line in lines if line and not is_comment(line)]
    if not lines:
        return "lines"
    first = lines[0]
    if first.startswith((b"[", b"\x1e")):
        return "lines" if _TAGGED.match(first) else "cut"
    if first.startswith(b"{"):
        if b"\n" not in start and len(start) >= _LONG_LINE:
            # Objects behind one another: a line is read as a whole, and this one may be the file.
            return "cut"
        return "lines" if _is_by_line(lines) else "cut"
    if _SSE_LINE.match(first) and _SSE_DATA.search(start[:_LOOKED_AT]):
        return "sse"
    if _HEX_LINE.fullmatch(first) and not first.isdigit():
        return "hex"
    if any(_tail(line) is not None for line in lines[:_HEAD_LINES]):
        return "log"
    return "lines"


def is_comment(line: bytes) -> bool:
    """Whether a line, without the spaces around it, is a comment: no JSON begins so."""
    return line.startswith(_COMMENTS)


def line_values(
    start: bytes, file: IO[bytes], layout: Layout, chunk_size: int, on_passed: Callable[[], None]
) -> Iterator[tuple[int, bytes]]:
    """Yield the number of the line and the message in it; ``on_passed`` is called for each comment."""
    number, rest, chunk = 0, b"", start
    take = _TAKE.get(layout)
    while chunk or rest:
        data = rest + chunk
        if not chunk:
            whole, rest = [data], b""
        else:
            *whole, rest = data.split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise ConfigurationError(
                    f"lines must be at most {_LONGEST_LINE >> 20} MiB long, got a longer one in line "
                    f"{number + len(whole) + 1:,}; write a message a line"
                )
        if take is None and _are_objects(data, whole, rest):
            yield from enumerate(whole, number + 1)
            number += len(whole)
            whole = []
        for line in whole:
            number += 1
            text = line.strip()
            if not text:
                continue
            if take is None:
                if is_comment(text):
                    on_passed()
                    continue
                for value in _values_of(line):
                    yield number, value
            else:
                found = take(text)
                if found:
                    yield number, found
        chunk = file.read(chunk_size)


def _are_objects(data: bytes, whole: list[bytes], rest: bytes) -> bool:
    """Whether each line is one object as it should be; ``data`` is ``whole`` and ``rest`` together."""
    n = len([0 for line in whole if line and line[0] == _OPEN and line[-1] == _CLOSE])
    if n < len(whole) or b"\r" in data:
        return False
    # With as many brackets as lines none has two objects; to look for those costs twice as much.
    return data.count(b"{") - rest.count(b"{") == n or b"}{" not in data


def _is_by_line(lines: list[bytes]) -> bool:
    if len(lines) == 1:
        return True
    try:
        msgspec.json.decode(lines[0].rstrip(b","), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        # A broken line is followed by the next object, an opened one by a key.
        return not lines[1].startswith((b'"', b"}", b"]", b"["))
    return True


def _values_of(line: bytes) -> Iterator[bytes]:
    """Yield the values of a line: lines may end as on old Macs, in commas, or hold several objects."""
    for part in line.split(b"\r"):
        value = part.strip()
        if value.endswith(b"},"):
            yield value[:-1]
        elif b"}{" in value and not _is_json(value):
            yield from _BETWEEN_OBJECTS.split(value)
        elif value:
            yield part


def _of_event(line: bytes) -> bytes:
    if line.startswith(b"data:"):
        return line[5:].strip()
    return b"" if _SSE_LINE.match(line) else line


def _of_hex(line: bytes) -> bytes:
    try:
        return bytes.fromhex(line.decode("ascii").removeprefix("0x"))
    except ValueError:
        return line


def _of_log(line: bytes) -> bytes:
    return _tail(line) or line


def _tail(line: bytes) -> bytes | None:
    """Return the JSON object with which a line ends, or None."""
    if not line.endswith(b"}"):
        return None
    for found, match in enumerate(_TAIL.finditer(line)):
        if found == _TAILS:
            break
        tail = line[match.start() :]
        if _is_json(tail):
            return tail
    return None


def _is_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


_TAKE: Final[dict[Layout, Callable[[bytes], bytes]]] = {
    "sse": _of_event,
    "hex": _of_hex,
    "log": _of_log,
}
