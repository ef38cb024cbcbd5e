"""Cuts a JSON file into its values: one a line, the elements of an array, or objects in a row.

How a file is written is told by its first two lines.  Arrays and pretty-printed objects are cut where a
bracket closes that is in no string, a chunk at a time, so that a file of any size needs little memory;
whether a value is JSON is for the reader of values to say.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from streamer.errors import ConfigurationError

__all__ = ["json_values"]

_CHUNK: Final = 1 << 20
# No payment is as long; without a limit one missing bracket would gather the whole file.
_MAX_VALUE: Final = 16 << 20
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]|"', re.DOTALL)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def json_values(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number of the line on which each value begins, and the value, in order.

    >>> list(json_values(io.BytesIO(b'[{"a": 1},\\n {"a": 2}]'), "x.json"))
    [(1, b'{"a": 1}'), (2, b'{"a": 2}')]
    """
    # A GzipFile and a pipe can be looked into only once there is a buffer around them.
    start = file.read(_CHUNK)
    if start.startswith(_UTF16):
        rest = (start + file.read()).decode("utf-16", errors="backslashreplace").encode()
        start, file = rest, io.BytesIO()
    start = start.removeprefix(codecs.BOM_UTF8)
    if _is_by_line(start):
        yield from _lines(start, file)
    else:
        yield from _cut(start, file, name)


def _is_by_line(start: bytes) -> bool:
    lines = [line for line in start[:_CHUNK].split(b"\n") if line.strip()]
    if not lines:
        return True
    first = lines[0].strip()
    if first.startswith(b"["):
        return False
    if len(lines) == 1 or not first.startswith(b"{"):
        return True
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        # A broken line is followed by the next object, an opened one by a key.
        return not lines[1].lstrip().startswith((b'"', b"}", b"]", b"["))
    return True


def _lines(start: bytes, file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number, rest = 0, b""
    chunk = start
    while chunk:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            if line.strip():
                yield number, line.rstrip(b"\r")
        chunk = file.read(_CHUNK)
    if rest.strip():
        yield number + 1, rest.rstrip(b"\r")


def _cut(buffer: bytes, file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the objects of an array or of a row of objects; what is between them is passed over."""
    is_array = buffer.lstrip().startswith(b"[")
    top = 1 if is_array else 0
    depth, line, begin, at = 0, 1, -1, 0
    counted = 0
    is_last = False
    while True:
        for token in _TOKEN.finditer(buffer, at):
            sign = token[0]
            if sign == b'"':
                # A string that goes on in the next chunk: look again once that is here.
                if not is_last:
                    break
                continue
            at = token.end()
            if sign in b"{[" and len(sign) == 1:
                if depth == top and begin < 0:
                    begin = token.start()
                    line += buffer.count(b"\n", counted, begin)
                    counted = begin
                depth += 1
            elif sign in b"}]" and len(sign) == 1:
                depth -= 1
                if depth == top and begin >= 0:
                    yield line, buffer[begin:at]
                    begin = -1
                depth = max(depth, 0)
        if is_last:
            break
        # Everything before the value that is open, or before the string that is, has been dealt with.
        keep = begin if begin >= 0 else at
        line += buffer.count(b"\n", counted, keep) if keep > counted else 0
        if len(buffer) - keep > _MAX_VALUE:
            raise ConfigurationError(
                f"{name} must hold payments as JSON objects, got a bracket in line {line:,} "
                f"that does not close within {_MAX_VALUE >> 20} MiB"
            )
        chunk = file.read(_CHUNK)
        buffer, at, counted = buffer[keep:] + chunk, at - keep, max(counted - keep, 0)
        begin = 0 if begin >= 0 else -1
        is_last = not chunk
    if begin >= 0 and buffer[begin:].strip():
        yield line, buffer[begin:]
