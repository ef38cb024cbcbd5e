"""Reads JSON files: every value is a message, and read as a topic's are, envelopes included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

import msgspec

from streamer.contract.messages import Transaction
from streamer.datafiles.chunk import Chunk
from streamer.datafiles.declared import (
    LABEL_FIELDS,
    REQUIRED,
    TRANSACTION_FIELDS,
    for_rows,
    label_field,
    label_getter,
)
from streamer.datafiles.json_values import JsonValues
from streamer.datafiles.label_words import LabelTally
from streamer.datafiles.repeated_keys import RepeatedKeys
from streamer.datafiles.source import Part, readable
from streamer.datafiles.substitutes import SUBSTITUTED, Substitutes
from streamer.datafiles.zoneless import Zoneless
from streamer.errors import ConfigurationError
from streamer.intake import Declaration, Intake, Payment, Reading, Refused, plain_transaction
from streamer.intake.naming import shown
from streamer.intake.nothing import STANDS_FOR_NOTHING
from streamer.intake.slots import field_paths

__all__ = ["JsonTable"]

_SAMPLE: Final = 1_000
_SURVEY_ROWS: Final = 4_000
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode: Final = msgspec.json.Decoder().decode


class JsonTable:
    """One file of JSON values.

    Which of the `SUBSTITUTED` fields it lacks is for its first values to say: none of them has one.
    """

    def __init__(
        self,
        part: Part,
        declaration: Declaration,
        substitutes: Substitutes,
    ) -> None:
        self._part = part
        self._said: list[str] = []
        self._repeated = RepeatedKeys(part.name)
        self._zoneless = Zoneless(declaration, part.name)
        self._strict = Intake(declaration)
        self._n_looked = 0
        self._is_default = declaration.is_default
        missing: list[str] = []
        for name in SUBSTITUTED:
            self._intake = Intake(for_rows(declaration, missing))
            if self._lacks(name):
                self._refuse_absent(name, declaration)
                missing.append(name)
        substitutes.fields.update(missing)
        self._intake = Intake(for_rows(declaration, missing))
        self.columns = {
            name: paths[0]
            for name in TRANSACTION_FIELDS
            if (paths := field_paths(name, getattr(self._intake.declaration, name)))
        }
        self._flag, self._pattern = (
            label_getter(name, label_field(declaration, name), is_rows=False)
            for name in LABEL_FIELDS
        )
        self._has_flags = self._has_patterns = False

    def survey(self, labels: LabelTally | None) -> int:
        """Look at all labels, and return the number of values."""
        n_rows = 0
        tally = LabelTally()
        values = self._values()
        while chunk := list(islice(values, _SURVEY_ROWS)):
            messages = [_object(value) for _, value in chunk]
            self._repeated.look([value for _, value in chunk], messages, n_rows + 1)
            flags = self._labels(self._flag, messages)
            self._has_flags = self._has_flags or any(flag is not None for flag in flags)
            if not self._has_patterns:
                self._has_patterns = any(
                    name is not None for name in self._labels(self._pattern, messages)
                )
            tally.add(flags, messages, n_rows + 1, self._part.name)
            n_rows += len(chunk)
        if self._has_flags and labels is not None:
            labels.unlabelled.update(tally.unlabelled)
        return n_rows

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the values; `survey` has to come first, it finds whether there are labels."""
        found = self._values()
        while chunk := list(islice(found, batch_size)):
            values = [value for _, value in chunk]
            messages: list[Any] = []
            if self._has_flags or self._has_patterns:
                messages = [_object(value) for value in values]
            yield Chunk(
                items=values,
                flags=self._labels(self._flag, messages) if self._has_flags else None,
                patterns=self._labels(self._pattern, messages) if self._has_patterns else None,
                raw=values.__getitem__,
                lines=[line for line, _ in chunk],
            )

    @property
    def notes(self) -> list[str]:
        """Say what was passed over and taken for granted."""
        return [*self._said, *self._repeated.notes, *self._zoneless.notes]

    def own(self, item: dict[str, Any] | bytes, _: str = "") -> Transaction | None:
        """Return the transaction of a value that is the contract's already, None of any other."""
        if self._is_default and isinstance(item, bytes):
            return plain_transaction(item)
        return None

    def readings(self, item: dict[str, Any] | bytes, position: str) -> Sequence[Reading]:
        """Return what a value says."""
        if not isinstance(item, bytes):
            return ()
        readings = self._intake.read(item, position=position)
        if self._n_looked < _SAMPLE and any(type(reading) is Payment for reading in readings):
            self._n_looked += 1
            if any(map(_is_zoneless, self._strict.read(item, position=position))):
                self._zoneless.found()
        return readings

    def _lacks(self, name: str) -> bool:
        """Whether a field is missing in every value of the sample that can be read as far as it."""
        before = REQUIRED[: REQUIRED.index(name)]
        sample = [
            reading for _, value in islice(self._values(), _SAMPLE) for reading in self._read(value)
        ]
        reached = [r for r in sample if not _is_missing(r, *before) and not _is_unread(r)]
        return bool(reached) and all(_is_missing(reading, name) for reading in reached)

    def _refuse_absent(self, name: str, declaration: Declaration) -> None:
        """Raise where somebody said which key a field is: a mistyped one would go unnoticed."""
        field = getattr(declaration, name)
        if not field.path or declaration.preset is not None:
            return
        found = [_object(value) or {} for _, value in islice(self._values(), _SAMPLE)]
        keys = list(dict.fromkeys(str(key) for message in found for key in message))
        close = get_close_matches(field.path[0], keys, n=1)
        likely = f"did you mean {close[0]}? " if close else ""
        raise ConfigurationError(
            f"key for {name} must be in the file, got {field.path[0]}; {likely}the first "
            f"{len(found):,} messages of {self._part.name} have the keys {shown(keys)}"
        )

    def _read(self, value: bytes) -> Sequence[Reading]:
        transaction = self.own(value)
        return self.readings(value, "row") if transaction is None else (Payment(transaction),)

    def _labels(self, get: Any, messages: Sequence[Any]) -> list[Any]:
        return [None if message is None else get(message) for message in messages]

    def _values(self) -> Iterator[tuple[int, bytes]]:
        with readable(self._part), self._part.opened() as file:
            values = JsonValues(file, self._part.name)
            yield from values
        self._said = values.notes


def _is_missing(reading: Reading, *names: str) -> bool:
    """Whether a reading was refused for one of these fields, that is not there at all."""
    return (
        isinstance(reading, Refused)
        and reading.reason == "missing_field"
        and reading.hint != STANDS_FOR_NOTHING
        and any(reading.detail.startswith(f"{name} ") for name in names)
    )


def _is_zoneless(reading: Reading) -> bool:
    return isinstance(reading, Refused) and reading.reason == "timestamp_without_offset"


def _is_unread(reading: Reading) -> bool:
    """Whether a reading was refused before any field was looked for."""
    return isinstance(reading, Refused) and (
        reading.path == "$" or reading.reason == "not_a_card_payment"
    )


def _object(value: bytes) -> dict[str, Any] | None:
    try:
        message = _decode(value)
    except _UNREADABLE:
        return None
    return message if isinstance(message, dict) else None
