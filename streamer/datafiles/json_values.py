"""Cuts a file into JSON values: one a line, the elements of an array, or objects in a row.

How a file is written is told by its beginning (`layout_of`).  Whether a value is JSON is for the reader
of values to say.  Nothing is passed over but separators and comments, and comments are counted.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, Final

from streamer.datafiles.frames import MOST_BYTES, may_be_frame, rows_of_frame
from streamer.datafiles.json_cutter import JsonCutter
from streamer.datafiles.line_values import Layout, layout_of, line_values
from streamer.errors import ConfigurationError

__all__ = ["JsonValues"]

_CHUNK: Final = 1 << 20
# No payment is as long; without a limit one missing bracket would gather the whole file.
_MAX_VALUE: Final = 16 << 20


class JsonValues:
    """The values of one file, read once; ``notes`` says afterwards what a person may not expect.

    >>> import io
    >>> values = JsonValues(io.BytesIO(b'[{"a": 1},\\n {"a": 2}]'), "x.json")
    >>> list(values)
    [(1, b'{"a": 1}'), (2, b'{"a": 2}')]
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        # A GzipFile and a pipe can be looked into only once there is a buffer around them.
        self._start = file.read(_CHUNK).removeprefix(codecs.BOM_UTF8)
        self._file = file
        self._name = name
        self._layout: Layout = layout_of(self._start)
        self._n_comments = 0
        self._orient = ""
        self._cutter: JsonCutter | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Return the number of the line on which each value begins, and the value, in order."""
        if self._layout == "message":
            return iter([(1, self._start + self._file.read(_MAX_VALUE))])
        if may_be_frame(self._start):
            self._start += self._file.read(MOST_BYTES)
            if len(self._start) > MOST_BYTES:
                raise ConfigurationError(
                    f"{self._name} must be at most {MOST_BYTES >> 20} MiB as a table in one object; "
                    "write it with orient='records', lines=True"
                )
            frame = rows_of_frame(self._start)
            if frame is not None:
                self._orient = frame[0]
                return ((1, row) for row in frame[1])
        if self._layout == "cut":
            self._cutter = JsonCutter(
                self._start, self._file, self._name, _CHUNK, _MAX_VALUE, self._passed
            )
            return self._cutter.values()
        return line_values(self._start, self._file, self._layout, _CHUNK, self._passed)

    def _passed(self) -> None:
        self._n_comments += 1

    @property
    def notes(self) -> list[str]:
        """Say what was passed over, and what is missing at the end."""
        notes = []
        if self._orient:
            notes.append(f'{self._name} was read as a table of pandas (orient="{self._orient}")')
        if self._layout in ("sse", "log", "hex"):
            lines = {"sse": "server-sent events", "log": "log lines that end in JSON"}
            notes.append(f"{self._name} was read as {lines.get(self._layout, 'hexadecimal lines')}")
        if self._n_comments:
            plural = "" if self._n_comments == 1 else "s"
            notes.append(f"{self._name}: {self._n_comments:,} comment{plural} passed over")
        if self._cutter is not None and self._cutter.is_open:
            notes.append(
                f"{self._name} is an array that is not closed: what came after its last row is "
                "missing; write it again, or fetch all of it"
            )
        return notes
