"""Reads JSON files: every object is a row, and what is no object keeps its place as a fault."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from streamer.datafiles.chunk import Chunk, Fault
from streamer.datafiles.json_values import json_values
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.mapping import PATTERN_COLUMNS, TRANSACTION_FIELDS, ColumnMapping
from streamer.datafiles.source import Part, readable

__all__ = ["JsonTable"]

_SAMPLE: Final = 1_000
_SURVEY_ROWS: Final = 4_000
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode: Final = msgspec.json.Decoder().decode


class JsonTable:
    """One file of JSON objects.

    A field that the mapping does not name may appear in any row: the first rows do not decide.
    """

    def __init__(self, part: Part, mapping: ColumnMapping) -> None:
        self._part = part
        self.notes: list[str] = []
        self.fields: dict[str, str] = {}
        sample = [row for _, row, _ in islice(self._rows(), _SAMPLE) if isinstance(row, dict)]
        names = dict.fromkeys(name for row in sample for name in row)
        if names:
            found = mapping.resolve(names, part.name)
            own = {name: name for name in TRANSACTION_FIELDS if name not in found}
            self.fields = found | {n: n for n in own if n not in mapping.substituted(found)}
        self._label = self.fields.pop("label", "label")
        pattern = self.fields.pop("fraud_pattern", None)
        self._patterns = PATTERN_COLUMNS if pattern in (None, *PATTERN_COLUMNS) else (pattern,)
        self._has_flags = self._has_patterns = False

    def survey(self, labels: LabelTally) -> int:
        """Look at all labels, and return the number of rows."""
        names = (self._label, *self._patterns)
        looker = _looker(names)
        n_rows = 0
        tally = LabelTally()
        rows = self._values()
        while chunk := list(islice(rows, _SURVEY_ROWS)):
            seen = [looker(value) for _, value in chunk]
            if any(row and row[0] is not None for row in seen):
                self._has_flags = True
            if any(row and any(name is not None for name in row[1:]) for row in seen):
                self._has_patterns = True
            tally.add([0 if row is None else row[0] for row in seen], n_rows + 1, self._part.name)
            n_rows += len(chunk)
        if self._has_flags:
            labels.unlabelled.update(tally.unlabelled)
        return n_rows

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows; `survey` has to come first, it finds whether there are labels."""
        rows = self._rows()
        while chunk := list(islice(rows, batch_size)):
            faults = {
                i: fault
                for i, (_, row, _) in enumerate(chunk)
                if (fault := _fault_of(row)) is not None
            }
            good = [row for i, (_, row, _) in enumerate(chunk) if i not in faults]
            columns = {name: [row.get(of) for row in good] for name, of in self.fields.items()}
            if self._has_flags:
                columns["label"] = [row.get(self._label) for row in good]
            if self._has_patterns:
                columns["fraud_pattern"] = [
                    next((x for name in self._patterns if (x := row.get(name))), None)
                    for row in good
                ]
            raw = [value for _, _, value in chunk]
            yield Chunk(
                size=len(chunk),
                columns=columns,
                raw=raw.__getitem__,
                lines=[line for line, _, _ in chunk],
                faults=faults,
            )

    def _values(self) -> Iterator[tuple[int, bytes]]:
        with readable(self._part), self._part.opened() as file:
            yield from json_values(file, self._part.name)

    def _rows(self) -> Iterator[tuple[int, Any, bytes]]:
        for line, value in self._values():
            try:
                # msgspec passes over what it does not need without looking at the encoding.
                yield line, _decode(value if value.isascii() else value.decode()), value
            except _UNREADABLE as error:
                yield line, error, value


def _fault_of(row: Any) -> Fault | None:
    """Return what the pipeline would say of a value that is no object, None of one that is."""
    if isinstance(row, dict):
        return None
    if isinstance(row, UnicodeDecodeError):
        return Fault("invalid_utf8", f"value must be UTF-8, got an invalid byte at {row.start}")
    if isinstance(row, RecursionError):
        return Fault("nested_too_deep", "value must be nested less deeply")
    if isinstance(row, msgspec.DecodeError):
        text = str(row)
        return Fault("truncated_json" if "truncated" in text else "malformed_json", text)
    return Fault("not_an_object", "value must be a JSON object")


def _looker(names: tuple[str, ...]) -> Any:
    """Return a function from a JSON value to what it has under ``names``, None for no object."""
    struct = msgspec.defstruct(
        "Seen",
        [(f"f{i}", Any, None) for i in range(len(names))],
        rename={f"f{i}": name for i, name in enumerate(names)},
    )
    decode = msgspec.json.Decoder(struct).decode

    def look(value: bytes) -> tuple[Any, ...] | None:
        try:
            return msgspec.structs.astuple(decode(value))
        except _UNREADABLE:
            return None

    return look
