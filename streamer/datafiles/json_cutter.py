"""Cuts a JSON text at its brackets, a chunk at a time: a file of any size needs little memory.

A value is cut where the bracket closes that opened it, in no string.  What stands between values is
handed on too, to be refused.  Where a bracket is missing, the next object that begins in the same
column of a line goes on: one broken row must not take those behind it along.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import IO, Final

from streamer.datafiles.line_values import is_comment
from streamer.errors import ConfigurationError

__all__ = ["JsonCutter"]

# A string ends with its line, whether its quote is there or not: JSON has no line feed in one.
# Runs of plain characters are taken at once: one by one they would cost 20 times as much.
_TOKEN: Final = re.compile(rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|[{}\[\]]|"[^\n]*+\n|"')
_SEPARATORS: Final = b" \t\r\n,\x1e"
_NEXT: Final = re.compile(rb"(?<=\}),(?=\s*\{)")
# As far as a column is told from what is in memory.
_MOST_INDENT: Final = 256
_MOST_COMMENTS: Final = 100

Value = tuple[int, bytes]
"""The number of the line on which a value begins, and the value."""


class JsonCutter:
    """Goes through a text once; ``on_comment`` is called for each comment between values."""

    def __init__(
        self,
        start: bytes,
        file: IO[bytes],
        name: str,
        chunk_size: int,
        max_value: int,
        on_comment: Callable[[], None],
    ) -> None:
        self._buffer, self._file, self._name = start, file, name
        self._chunk_size, self._max_value = chunk_size, max_value
        self._on_comment = on_comment
        lines = (line.strip(_SEPARATORS) for line in start.split(b"\n", _MOST_COMMENTS))
        first = next((line for line in lines if line and not is_comment(line)), b"")
        self._is_array = first.startswith(b"[")
        # Elements of an array lie one bracket deep; an open value began at the depth of ``base``.
        self._top = int(self._is_array)
        self._depth = self._base = 0
        self._begin = -1
        self._column: int | None = None
        self._at = self._gap = 0
        self._line, self._counted = 1, 0
        self._is_last = False

    @property
    def is_open(self) -> bool:
        """Whether the end came before that of the array."""
        return self._is_array and self._is_last and self._depth > 0

    def values(self) -> Iterator[Value]:
        """Yield the values in order, and what is none as it is."""
        while True:
            yield from self._scan()
            if self._is_last:
                break
            self._read_on()
        if self._begin < 0:
            yield from self._between(len(self._buffer))
            return
        line, value = self._line_at(self._begin), self._buffer[self._begin :]
        # A column would have told where the next one begins.
        for piece in _NEXT.split(value) if self._column is None else (value,):
            yield line, piece.strip(_SEPARATORS)
            line += piece.count(b"\n")

    def _scan(self) -> Iterator[Value]:
        for token in _TOKEN.finditer(self._buffer, self._at):
            sign = token[0]
            start, end = token.span()
            if sign == b'"' and not self._is_last:
                # A string that goes on in the next chunk: look again once that is here.
                break
            self._at = end
            if sign[:1] == b'"':
                if self._begin < 0 and self._depth == self._top and len(sign) > 1:
                    yield from self._between(start)
                    yield self._line_at(start), sign
                    self._gap = end
            elif sign in b"{[":
                yield from self._opened(sign, start, end)
            else:
                yield from self._closed(start, end)

    def _opened(self, sign: bytes, start: int, end: int) -> Iterator[Value]:
        if self._begin >= 0 and sign == b"{" and self._goes_on_at(start):
            yield self._line_at(self._begin), self._buffer[self._begin : start].rstrip(_SEPARATORS)
            self._depth, self._begin, self._gap = self._base, -1, start
        if self._begin < 0:
            yield from self._between(start)
            if sign == b"{" or self._depth >= self._top:
                self._begin, self._base = start, self._depth
                self._column = self._column_of(start)
            else:
                self._gap = end
        self._depth += 1

    def _closed(self, start: int, end: int) -> Iterator[Value]:
        self._depth = max(self._depth - 1, 0)
        if self._begin < 0:
            yield from self._between(start)
            self._gap = end
        elif self._depth <= self._base:
            yield self._line_at(self._begin), self._buffer[self._begin : end]
            self._begin, self._gap = -1, end

    def _goes_on_at(self, start: int) -> bool:
        """Whether the next value begins here, though the open one has not closed."""
        if self._column is None or self._depth == self._base or start == self._begin:
            return False
        if self._column_of(start) != self._column:
            return False
        before = self._buffer[self._begin : start]
        is_flat = before.rstrip().endswith((b"[", b":")) or (
            re.search(rb'\n[ \t]{%d}"' % self._column, before) is not None
        )
        if is_flat:
            # Without indentation a column says nothing.
            self._column = None
        return not is_flat

    def _column_of(self, start: int) -> int | None:
        """Return how many spaces stand before this on its line, None where there is more."""
        line_start = self._buffer.rfind(b"\n", max(0, start - _MOST_INDENT), start)
        if line_start < 0 and start >= _MOST_INDENT:
            return None
        before = self._buffer[line_start + 1 : start]
        return None if before.strip(b" \t") else len(before)

    def _between(self, end: int) -> Iterator[Value]:
        """Yield what stands between two values, where it is more than a separator."""
        text = self._buffer[self._gap : end]
        if text.strip(_SEPARATORS):
            at = self._gap
            for whole in text.split(b"\n"):
                line = whole.strip(_SEPARATORS)
                if is_comment(line):
                    self._on_comment()
                elif line:
                    number = self._line_at(at)
                    for piece in line.split(b","):
                        yield number, piece.strip()
                at += len(whole) + 1
        self._gap = end

    def _line_at(self, at: int) -> int:
        if at > self._counted:
            self._line += self._buffer.count(b"\n", self._counted, at)
            self._counted = at
        return self._line

    def _read_on(self) -> None:
        """Let go of what has been dealt with, and read the next chunk."""
        keep = self._begin
        if keep < 0:
            # What comes next has its column from the line that is in memory.
            keep = min(self._gap, max(self._at - _MOST_INDENT, 0))
        if len(self._buffer) - keep > self._max_value:
            raise ConfigurationError(
                f"{self._name} must hold payments as JSON objects, got a bracket in line "
                f"{self._line_at(keep):,} that does not close within {self._max_value >> 20} MiB"
            )
        self._line_at(keep)
        # A string that does not end is looked through again from its start, so as few times as can be.
        chunk = self._file.read(max(self._chunk_size, len(self._buffer) - keep))
        self._buffer = self._buffer[keep:] + chunk
        self._begin = 0 if self._begin >= 0 else -1
        self._at -= keep
        self._gap -= keep
        self._counted -= keep
        self._is_last = not chunk
