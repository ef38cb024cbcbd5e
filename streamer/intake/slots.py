"""From a declared field to what extraction takes out of an object, and what is done to it then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamer.intake.declaration import Field
from streamer.intake.extraction import Slot
from streamer.intake.nothing import is_nothing
from streamer.intake.paths import Steps, parse_paths

__all__ = ["Adjust", "adjustment_of", "field_paths", "field_slot", "slot_of"]

Adjust = Callable[[Any], Any]


def field_paths(name: str, field: Field) -> tuple[str, ...]:
    """Return the paths that a field is read from: none when it is constant."""
    if field.constant is not None or field.position:
        return ()
    return field.path or (name,)


def field_slot(name: str, field: Field, *, is_rows: bool) -> Slot:
    """Return the slot of a field."""
    if field.constant is not None or field.position:
        return Slot(constant=field.constant)
    return slot_of(field_paths(name, field), field.separator, is_rows=is_rows)


def slot_of(paths: Sequence[str], separator: str = "-", *, is_rows: bool) -> Slot:
    """Return the slot of alternative paths."""
    alternatives: list[list[Steps]] = []
    for path in paths:
        parts = parse_paths(path)
        if is_rows and parts != [(path,)]:
            # A column may have dots in its name, and a Parquet file nested columns.
            alternatives.append([(path,)])
        alternatives.append(parts)
    return Slot(alternatives, separator)


def adjustment_of(field: Field, *, is_rows: bool) -> Adjust | None:
    """Return what a field's list of values and its default make of a value, or None for nothing.

    In a row an empty text is a missing value; where there is a default, so is a word for nothing.
    """
    values, default = field.values, field.default
    folded = {key.casefold(): value for key, value in values.items()}

    def adjusted(value: Any) -> Any:
        if value is None or value == "":
            return default if default is not None or is_rows else value
        if folded and isinstance(value, str | int | float):
            value = folded.get(str(value).strip().casefold(), value)
        return default if default is not None and is_nothing(value) else value

    return adjusted if values or default is not None or is_rows else None
