"""Holds a decoded TOML file to its structs and collects every fault with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any, Final, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from streamer.errors import ConfigurationError
from streamer.intake.epochs import CALENDAR_UNITS
from streamer.intake.paths import parse_paths
from streamer.intake.time_formats import NAMED, compile_format, offset_of

__all__ = ["Checked", "check_table", "load_toml", "origin_of", "zone_of"]

# A single value stands for a list of one.
_LISTS: Final = ("path", "format", "one_of", "none_of", "starts_with")


class Checked:
    """The faults found so far, as lines ``<place> must be <condition>, got <value>``."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def unknown_names(self, place: str, table: dict[str, Any], valid: Iterable[str]) -> None:
        """Note every name of ``table`` that is not valid, with the one that may have been meant."""
        names = list(valid)
        for name in table:
            if name not in names:
                close = get_close_matches(name, names, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self.faults.append(
                    f"{_joined(place, name)} must be one of {', '.join(names)}{hint}"
                )

    def converted(self, place: str, value: Any, kind: Any) -> Any:
        """Return ``value`` as ``kind``, or None with a fault noted."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            choices = [str(c) for part in (kind, *get_args(kind)) for c in _choices(part)]
            if choices:
                self.faults.append(f"{place} must be one of {', '.join(choices)}, got {value!r}")
            else:
                self.faults.append(f"{place}: {error}, got {value!r}")
            return None


def load_toml(text: str, name: str) -> dict[str, Any]:
    """Return the content of a TOML text; a `ConfigurationError` says where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} must be TOML: {error}") from None


def check_table(place: str, table: Any, kind: type[msgspec.Struct], checked: Checked) -> Any:
    """Return ``table`` as a ``kind``, or None with its faults noted."""
    if not isinstance(table, dict):
        checked.faults.append(f"{place} must be a table, got {table!r}")
        return None
    before = len(checked.faults)
    infos = {info.encode_name: info for info in msgspec.structs.fields(kind)}
    checked.unknown_names(place, table, infos)
    values: dict[str, Any] = {}
    for key, info in infos.items():
        if key in table:
            value = table[key]
            if key in _LISTS and not isinstance(value, list):
                value = [value]
            values[key] = checked.converted(_joined(place, key), value, info.type)
        elif info.required:
            checked.faults.append(f"{place} must have {key}")
    _check_meaning(place, {k: v for k, v in values.items() if v is not None}, checked)
    return kind(**values) if len(checked.faults) == before else None


def zone_of(text: str) -> tzinfo:
    """Return the zone of an offset or of a place in the time zone database; ValueError if none."""
    try:
        return offset_of(text)
    except ValueError:
        pass
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(text) from None


def origin_of(text: str) -> datetime:
    """Return the moment from which a count counts, in UTC unless it says; ValueError if none."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _check_meaning(place: str, values: dict[str, Any], checked: Checked) -> None:
    """Note what single values cannot tell: paths, forms and zones, and what excludes what."""
    for text in values.get("path") or ():
        try:
            parse_paths(text)
        except ConfigurationError as error:
            checked.faults.append(f"{place}: {error}")
    sources = [key for key in ("path", "constant", "position") if values.get(key)]
    if len(sources) > 1:
        checked.faults.append(f"{place} must have one of {' and '.join(sources)}, got both")
    if values.get("thousands") is not None and values.get("thousands") == values.get("decimal"):
        checked.faults.append(f"{place} must have different signs for decimal and thousands")
    if values.get("thousands") is not None and values.get("decimal") is None:
        checked.faults.append(f"{place} must have decimal where it has thousands")
    _check_time(place, values, checked)


def _check_time(place: str, values: dict[str, Any], checked: Checked) -> None:
    for form in values.get("format") or ():
        try:
            compile_format(form)
        except ValueError:
            checked.faults.append(
                f"{place}.format must be one of {', '.join(NAMED)} or directives such as "
                f"%Y-%m-%d %H:%M:%S, got {form!r}"
            )
    unit, origin, zone = values.get("unit"), values.get("origin"), values.get("zone")
    if origin is not None:
        try:
            origin_of(origin)
        except ValueError:
            checked.faults.append(f"{place}.origin must be an ISO 8601 time, got {origin!r}")
    elif unit in CALENDAR_UNITS:
        checked.faults.append(
            f"{place}.origin must be given with unit {unit}, such as 2020-01-01T00:00:00Z"
        )
    if zone is not None:
        try:
            zone_of(zone)
        except ValueError:
            checked.faults.append(
                f"{place}.zone must be UTC, an offset such as +01:00, or a place of the time zone "
                f"database such as Europe/London, got {zone!r}"
            )


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
