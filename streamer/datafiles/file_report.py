"""What became of a file's rows: how many were refused, which, why, and what a person should know.

The reasons are the pipeline's own, and so is the path of the fault; the column it came from, the number
of the row and the line are the file's.  On the screen no value is shown, since one could be a card
number; ``rejects``, which somebody asked for, gets the rows, without cards' numbers by ``cards``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final

import orjson

from streamer.contract.card_rule import REFUSED, CardRule
from streamer.datafiles.chunk import Fault
from streamer.datafiles.file_batches import FileBatch, Origin
from streamer.datafiles.reading import PaymentFile
from streamer.errors import NothingToScoreError
from streamer.intake import Refund, Refused
from streamer.intake.decoding import DeadLetter, Decoded
from streamer.intake.hidden_numbers import shown_without_numbers

__all__ = ["FileReport", "OnDecoded"]

OnDecoded = Callable[[FileBatch, int, Decoded], None]
"""Called with a batch, the offset of its first row, and some of its rows decoded; once for each row."""

_SHOWN_ROWS: Final = 5
_SHOWN_REASONS: Final = 3
_UNIT: Final = re.compile(r'set unit = "(?P<unit>hour|s|ms|us)"')


_Key = tuple[str, str, str | None, str | None]
"""Reason, path, column and hint."""


@dataclass(slots=True)
class _Rows:
    """Rows of which the same is to be said; ``rows`` are the first of them."""

    detail: str = ""
    n: int = 0
    rows: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, origin: Origin, place: int) -> int:
        """Count a row, and return its number."""
        self.n += 1
        row = origin.first_row + place
        if len(self.rows) < _SHOWN_ROWS:
            self.rows.append(row)
            if origin.chunk.lines is not None:
                self.lines.append(origin.chunk.lines[place])
        return row

    def __str__(self) -> str:
        noun = "row" if self.n == 1 else "rows"
        more = ", ..." if self.n > len(self.rows) else ""
        return f"{noun} {', '.join(f'{row:,}' for row in self.rows)}{more}"


@dataclass
class FileReport:
    """Counts as the rows pass; ``rejects`` takes one JSON object for each that is refused."""

    file: PaymentFile
    rejects: IO[bytes] | None = None
    cards: CardRule = REFUSED
    n_usable: int = 0
    n_late: int = 0
    """Payments older than one before them, whoever's."""
    _refused: dict[_Key, _Rows] = field(default_factory=dict)
    _left_out: dict[tuple[str, str], _Rows] = field(default_factory=dict)
    _passed_over: dict[str, _Rows] = field(default_factory=dict)
    _latest_ms: int = -1
    _has_time_of_day: bool = False

    def batches(self, batch_size: int) -> Iterator[FileBatch]:
        """Yield the file's batches, and take note of the rows that are no payments by themselves."""
        for batch in self.file.batches(batch_size):
            if batch.origin is not None:
                self._look(batch.origin)
            yield batch

    def _look(self, origin: Origin) -> None:
        for place, left in origin.left_out:
            self._left_out.setdefault((left.field, left.reason), _Rows()).add(origin, place)
        for place, reading in origin.passed_over:
            reason = "refund" if isinstance(reading, Refund) else reading.reason
            self._passed_over.setdefault(reason, _Rows()).add(origin, place)

    def add(self, batch: FileBatch, first_offset: int, decoded: Decoded) -> None:
        """Take note of ``decoded``, some rows of ``batch``, whose first has ``first_offset``."""
        origin = batch.origin
        if origin is not None:
            for letter in decoded.dead_letters:
                at = letter.record.offset - first_offset
                self._refuse(origin, letter, origin.refused.get(at), origin.places[at])
        self.n_usable += len(decoded)
        for i, time_ms in enumerate(decoded.times_ms.tolist()):
            if time_ms < self._latest_ms:
                self.n_late += 1
            else:
                self._latest_ms = time_ms
            if not self._has_time_of_day:
                moment = decoded.transaction(i).timestamp
                self._has_time_of_day = bool(
                    moment.hour or moment.minute or moment.second or moment.microsecond
                )

    def _refuse(
        self, origin: Origin, letter: DeadLetter, why: Refused | Fault | None, place: int
    ) -> None:
        reason, detail = (why or letter).reason, (why or letter).detail
        path = why.path if isinstance(why, Refused) else letter.path if why is None else "$"
        hint = _for_files(why.hint) if isinstance(why, Refused) else None
        name = path.removeprefix("$.").strip('"')
        # The pipeline knows fields, the intake columns.
        column = origin.columns.get(name) if why is None else name if path != "$" else None
        if self.cards.is_checked:
            # A table without a header has its first row for names.
            told = shown_without_numbers([detail, path, column, hint])
            detail, path, column, hint = told
        found = self._refused.setdefault((reason, path, column, hint), _Rows(detail))
        row = found.add(origin, place)
        if self.rejects is not None:
            lines = origin.chunk.lines
            entry = {
                "file": origin.file,
                "row": row,
                "line": lines[place] if lines is not None else None,
                "column": column,
                "path": path,
                "reason": reason,
                "detail": detail,
                "hint": hint,
                "raw": _shown(origin.chunk.raw(place)),
            }
            if self.cards.is_checked:
                entry = {name: shown_without_numbers(value) for name, value in entry.items()}
            self.rejects.write(_line(entry))

    @property
    def n_refused(self) -> int:
        """How many rows were no payments."""
        return sum(refused.n for refused in self._refused.values())

    @property
    def refused(self) -> list[dict[str, Any]]:
        """Return what was refused by fault, the most frequent first."""
        return [
            {
                "reason": reason,
                "column": column,
                "path": path,
                "n": refused.n,
                "rows": refused.rows,
                "lines": refused.lines or None,
                "detail": refused.detail,
                "hint": hint,
            }
            for (reason, path, column, hint), refused in self._by_count
        ]

    @property
    def _by_count(self) -> list[tuple[_Key, _Rows]]:
        return sorted(self._refused.items(), key=lambda item: -item[1].n)

    @property
    def notes(self) -> list[str]:
        """Say in sentences what a person should know of the file, as far as it has been read."""
        notes = [*self._refusals, *self.file.notes]
        for (name, reason), rows in self._left_out.items():
            notes.append(f"without {name}, for {reason}: {_counted(rows.n, 'payment')} ({rows})")
        for reason, rows in self._passed_over.items():
            notes.append(f"no payment, for {reason}: {_counted(rows.n, 'row')} ({rows})")
        if self.n_late:
            notes.append(
                f"older than one before: {_counted(self.n_late, 'row')} (n_late); the file is not in "
                "the order of time, in which a card's pace is measured; sort it by time"
            )
        if self.n_usable and not self._has_time_of_day:
            notes.append(
                "all timestamps are dates without a time of day: the pace of a card and the hour say "
                "little"
            )
        return notes

    @property
    def _sentences(self) -> list[str]:
        return [_sentence(*key, rows) for key, rows in self._by_count[:_SHOWN_REASONS]]

    @property
    def _refusals(self) -> list[str]:
        if not self._refused:
            return []
        shown = self._sentences
        more = len(self._refused) - len(shown)
        tail = f"; and {more:,} other reasons" if more else ""
        counted = _counted(self.n_refused, "row")
        return [f"refused, counting nowhere: {counted}: {'; '.join(shown)}{tail}"]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints of the file."""
        return {
            "n_late": self.n_late,
            "refused": self.refused,
            "passed_over": {reason: rows.n for reason, rows in self._passed_over.items()},
            "left_out": [
                {"field": name, "reason": reason, "n": rows.n, "rows": rows.rows}
                for (name, reason), rows in self._left_out.items()
            ],
            "notes": self.notes,
        }

    def require_payments(self) -> None:
        """Raise `NothingToScoreError` where no row was a payment."""
        if not self.n_usable:
            self.file.require_rows()
            passed = [f"{rows.n:,} x {reason}" for reason, rows in self._passed_over.items()]
            n_rows = _counted(self.file.n_rows, "row")
            raise NothingToScoreError(
                f"{self.file.name} must hold payments, got none in {n_rows}: "
                + "; ".join([*self._sentences, *passed])
            )


def _sentence(reason: str, path: str, column: str | None, hint: str | None, rows: _Rows) -> str:
    where = f" in column {column}" if column else "" if path == "$" else f" at {path}"
    help_ = f"; {hint}" if hint else ""
    return f"{rows.n:,} x {reason}{where} ({rows}): {rows.detail}{help_}"


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _for_files(hint: str) -> str | None:
    """Return a hint with the option of the command line that does the same, where there is one."""
    found = _UNIT.search(hint)
    if found is None:
        return hint or None
    unit = found["unit"] if "origin" in hint else f"epoch-{found['unit']}"
    return f"{hint} (--time-unit {unit})"


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
