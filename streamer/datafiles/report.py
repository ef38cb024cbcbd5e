"""What became of a file's rows: how many were refused, which, why, and what a person should know.

The reasons are the pipeline's own, and so is the path of the fault; the column it came from, the number
of the row and the line are the file's.  On the screen no value is shown, since one could be a card
number; ``rejects``, which somebody asked for, gets the rows as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, Final

import orjson

from streamer.datafiles.derived import time_unit_hint
from streamer.datafiles.reading import PaymentFile
from streamer.datafiles.values import FileBatch, Origin
from streamer.decoding import DeadLetter, Decoded
from streamer.errors import NothingToScoreError

__all__ = ["FileReport", "OnDecoded"]

OnDecoded = Callable[[FileBatch, int, Decoded], None]
"""Called with a batch, the offset of its first row, and some of its rows decoded; once for each row."""

_SHOWN_ROWS: Final = 5
_SHOWN_REASONS: Final = 3


@dataclass(slots=True)
class _Refused:
    """Rows with one fault; ``rows`` are the first of them."""

    detail: str
    hint: str | None
    n: int = 0
    rows: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass
class FileReport:
    """Counts as the rows pass; ``rejects`` takes one JSON object for each that is refused."""

    file: PaymentFile
    rejects: IO[bytes] | None = None
    n_usable: int = 0
    n_late: int = 0
    """Payments older than one before them, whoever's."""
    _refused: dict[tuple[str, str, str | None], _Refused] = field(default_factory=dict)
    _latest_ms: int = -1
    _has_time_of_day: bool = False

    def add(self, batch: FileBatch, first_offset: int, decoded: Decoded) -> None:
        """Take note of ``decoded``, some rows of ``batch``, whose first has ``first_offset``."""
        for letter in decoded.dead_letters:
            if batch.origin is not None:
                self._refuse(batch, batch.origin, letter.record.offset - first_offset, letter)
        self.n_usable += len(decoded.transactions)
        for time_ms, transaction in zip(decoded.times_ms, decoded.transactions, strict=True):
            if time_ms < self._latest_ms:
                self.n_late += 1
            else:
                self._latest_ms = time_ms
            if not self._has_time_of_day:
                moment = transaction.timestamp
                self._has_time_of_day = bool(
                    moment.hour or moment.minute or moment.second or moment.microsecond
                )

    def _refuse(self, batch: FileBatch, origin: Origin, at: int, letter: DeadLetter) -> None:
        fault = origin.chunk.faults.get(at)
        reason = fault.reason if fault else letter.reason
        detail = fault.detail if fault else letter.detail
        path = "$" if fault else letter.path
        name = path.removeprefix("$.")
        column = origin.fields.get(name)
        found = self._refused.get((reason, path, column))
        if found is None:
            hint = _hint(batch.values[at]) if name == "timestamp" else None
            found = self._refused[reason, path, column] = _Refused(detail, hint)
        found.n += 1
        row = origin.first_row + at
        line = origin.chunk.lines[at] if origin.chunk.lines is not None else None
        if len(found.rows) < _SHOWN_ROWS:
            found.rows.append(row)
            found.lines.extend([] if line is None else [line])
        if self.rejects is not None:
            entry = {
                "file": origin.file,
                "row": row,
                "line": line,
                "column": column,
                "path": path,
                "reason": reason,
                "detail": detail,
                "raw": _shown(origin.chunk.raw(at)),
            }
            self.rejects.write(_line(entry))

    @property
    def n_refused(self) -> int:
        """How many rows were no payments."""
        return sum(refused.n for refused in self._refused.values())

    @property
    def refused(self) -> list[dict[str, Any]]:
        """Return what was refused by fault, the most frequent first."""
        by_count = sorted(self._refused.items(), key=lambda item: -item[1].n)
        return [
            {
                "reason": reason,
                "column": column,
                "path": path,
                "n": refused.n,
                "rows": refused.rows,
                "lines": refused.lines or None,
                "detail": refused.detail,
                "hint": refused.hint,
            }
            for (reason, path, column), refused in by_count
        ]

    @property
    def notes(self) -> list[str]:
        """Say in sentences what a person should know of the file, as far as it has been read."""
        notes = [*self._refusals, *self.file.notes]
        if self.n_late:
            notes.append(
                f"{self.n_late:,} rows are older than one before them (n_late): the file is not in "
                "the order of time, in which a card's pace is measured; sort it by time"
            )
        if self.n_usable and not self._has_time_of_day:
            notes.append(
                "all timestamps are dates without a time of day: the pace of a card and the hour say "
                "little"
            )
        return notes

    @property
    def _refusals(self) -> list[str]:
        if not self._refused:
            return []
        shown = [_sentence(entry) for entry in self.refused[:_SHOWN_REASONS]]
        more = len(self._refused) - len(shown)
        tail = f"; and {more:,} other reasons" if more else ""
        return [f"{self.n_refused:,} rows were refused and count nowhere: {'; '.join(shown)}{tail}"]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints of the file."""
        return {"n_late": self.n_late, "refused": self.refused, "notes": self.notes}

    def require_payments(self) -> None:
        """Raise `NothingToScoreError` where no row was a payment."""
        if not self.n_usable:
            self.file.require_rows()
            raise NothingToScoreError(
                f"{self.file.name} must hold payments, got none in {self.n_refused:,} rows: "
                + "; ".join(_sentence(entry) for entry in self.refused[:_SHOWN_REASONS])
            )


def _sentence(entry: dict[str, Any]) -> str:
    rows = ", ".join(f"{row:,}" for row in entry["rows"])
    more = ", ..." if entry["n"] > len(entry["rows"]) else ""
    noun = "row" if entry["n"] == 1 else "rows"
    column = f" in column {entry['column']}" if entry["column"] else f" at {entry['path']}"
    hint = f"; {entry['hint']}" if entry["hint"] else ""
    return (
        f"{entry['n']:,} x {entry['reason']}{column} ({noun} {rows}{more}): {entry['detail']}{hint}"
    )


def _hint(value: bytes) -> str | None:
    try:
        return time_unit_hint(orjson.loads(value)["timestamp"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _shown(raw: Any) -> Any:
    if isinstance(raw, bytes):
        return raw.decode(errors="backslashreplace")
    return raw.rstrip("\r\n") if isinstance(raw, str) else raw


def _line(entry: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(entry, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return orjson.dumps(
            entry | {"raw": ascii(entry["raw"])}, default=str, option=orjson.OPT_APPEND_NEWLINE
        )
