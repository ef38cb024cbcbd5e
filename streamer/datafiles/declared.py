"""Which declaration a file is read by: the one that is named, with the short forms laid over it.

``--map``, ``--default`` and ``--time-unit`` are lines of a declaration (`streamer.intake`) and mean
what these mean.  A file's rows say less than a producer's messages do: a time without a zone is UTC, a
number may be text, and three required fields may be missing altogether (`SUBSTITUTED`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from difflib import get_close_matches
from operator import methodcaller
from typing import Any, Final, Literal, get_args

import msgspec

from streamer.contract.messages import Transaction
from streamer.datafiles.substitutes import CURRENCY, SUBSTITUTED
from streamer.errors import ConfigurationError
from streamer.intake.by_name import load_declaration
from streamer.intake.declaration import Declaration, Field
from streamer.intake.extraction import compile_extraction
from streamer.intake.hints import recognised
from streamer.intake.naming import shown
from streamer.intake.paths import parse_paths
from streamer.intake.slots import adjustment_of, field_paths, field_slot

__all__ = [
    "LABEL_FIELDS",
    "PATTERN_COLUMNS",
    "REQUIRED",
    "TIME_UNITS",
    "TRANSACTION_FIELDS",
    "TimeUnit",
    "columns_of",
    "declared",
    "for_rows",
    "label_field",
    "label_getter",
    "refuse_duplicates",
    "require_columns",
]

TimeUnit = Literal["day", "hour", "second", "epoch-s", "epoch-ms", "epoch-us"]

TIME_UNITS: Final[tuple[TimeUnit, ...]] = get_args(TimeUnit)
_INFO: Final = {info.name: info for info in msgspec.structs.fields(Transaction)}
TRANSACTION_FIELDS: Final[tuple[str, ...]] = tuple(_INFO)
REQUIRED: Final = tuple(name for name, info in _INFO.items() if info.required)
LABEL_FIELDS: Final = ("label", "fraud_pattern")
PATTERN_COLUMNS: Final = ("fraud_pattern", "fraud_scenario")
# Published data sets count from a moment that they do not name: any does, the same for every file.
_STEPS_FROM: Final = "2020-01-01T00:00:00Z"
_UNITS: Final[dict[TimeUnit, dict[str, str | None]]] = {
    "day": {"unit": "day", "origin": _STEPS_FROM},
    "hour": {"unit": "hour", "origin": _STEPS_FROM},
    "second": {"unit": "s", "origin": _STEPS_FROM},
    "epoch-s": {"unit": "s", "origin": None},
    "epoch-ms": {"unit": "ms", "origin": None},
    "epoch-us": {"unit": "us", "origin": None},
}


def declared(
    maps: Iterable[str] = (),
    defaults: Iterable[str] = (),
    time_unit: TimeUnit | None = None,
    intake: str | None = None,
) -> Declaration:
    """Return the declaration of a preset or a TOML file, with ``card_id=customer_id`` and the like.

    Raises `ConfigurationError` on what cannot be meant.

    >>> declared(["card_id=customer_id"], ["currency=EUR"], "epoch-s").timestamp.unit
    's'
    """
    changes: dict[str, dict[str, Any]] = {}
    columns = _pairs(maps, "--map", (*TRANSACTION_FIELDS, *LABEL_FIELDS))
    for field, column in columns.items():
        changes[field] = {"path": (_as_path(column),), "constant": None, "position": False}
    for field, text in _pairs(defaults, "--default", TRANSACTION_FIELDS).items():
        changes.setdefault(field, {"constant": None})["default"] = _checked(field, text)
    if time_unit is not None:
        changes.setdefault("timestamp", {}).update(_UNITS[time_unit])
    declaration = load_declaration(intake)
    fields = {
        field: msgspec.structs.replace(getattr(declaration, field) or Field(), **change)
        for field, change in changes.items()
    }
    return msgspec.structs.replace(declaration, **fields)


def for_rows(declaration: Declaration, missing: Container[str]) -> Declaration:
    """Return ``declaration`` for a file in which ``missing`` fields are nowhere."""
    changes: dict[str, Field] = {
        "timestamp": msgspec.structs.replace(
            declaration.timestamp, zone=declaration.timestamp.zone or "UTC"
        ),
        "amount": msgspec.structs.replace(
            declaration.amount, decimal=declaration.amount.decimal or "."
        ),
    }
    if "currency" in missing:
        changes["currency"] = Field(constant=CURRENCY)
    changes |= {
        name: Field(position=True) for name in ("transaction_id", "card_id") if name in missing
    }
    return msgspec.structs.replace(declaration, **changes)


def columns_of(name: str, field: Field, columns: Container[str]) -> list[str]:
    """Return the ones of ``columns`` from which a field is read; none when it is constant."""
    found: list[str] = []
    for path in field_paths(name, field):
        firsts = [path] if path in columns else [str(steps[0]) for steps in parse_paths(path)]
        if all(first in columns for first in firsts):
            found.extend(firsts)
    return found


def label_field(declaration: Declaration, name: str) -> Field:
    """Return where labels, or the names of patterns, are looked for."""
    usual = Field() if name == "label" else Field(path=PATTERN_COLUMNS)
    return getattr(declaration, name) or usual


def label_getter(name: str, field: Field, *, is_rows: bool) -> Callable[[Any], Any]:
    """Return a function from a row or a message to what it has for a label."""
    if not field.values and field.default is None and len(field.path) < 2:
        (column,) = field.path or (name,)
        if parse_paths(column) == [(column,)]:
            return methodcaller("get", column)
    extract = compile_extraction([field_slot(name, field, is_rows=is_rows)])
    adjusted = adjustment_of(field, is_rows=is_rows)

    def get(item: Any) -> Any:
        value = extract(item, item)[0]
        return value if adjusted is None else adjusted(value)

    return get


def require_columns(
    declaration: Declaration, columns: Sequence[str], file_name: str, *, is_lenient: bool = False
) -> list[str]:
    """Return the `SUBSTITUTED` fields that a table lacks; raise when it lacks another.

    So it is with a column that the declaration names for an optional field or a label: a mistyped name
    would go unnoticed.  With ``is_lenient`` each row will say for itself what it lacks.
    """
    listing = f"{file_name} has the columns {shown(columns)}"
    if columns[:1] == ["column-1"]:
        listing += "; is the first row a header? it looks like data, so columns go by number"
    missing = []
    for name in (*TRANSACTION_FIELDS, *LABEL_FIELDS):
        field = getattr(declaration, name)
        if field is None or columns_of(name, field, columns) or not field_paths(name, field):
            continue
        if field.path:
            # Not every copy of a published data set has all of its columns.
            if is_lenient or (declaration.preset is not None and name not in REQUIRED):
                continue
            absent = field.path[0]
            raise ConfigurationError(
                f"column for {name} must be in the file, got {absent}"
                f"{_hint(absent, columns)}; {listing}"
            )
        if name in REQUIRED and field.default is None:
            missing.append(name)
    needed = [name for name in missing if name not in SUBSTITUTED]
    if needed and not is_lenient:
        preset = recognised(dict.fromkeys(columns))
        looks = f"; they are those of the preset {preset}: --intake {preset}" if preset else ""
        raise ConfigurationError(
            f"{', '.join(needed)} must come from a column or a default, such as "
            f"--map {needed[0]}=COLUMN; {listing}{looks}"
        )
    # Whether every row is a card of its own is asked about before it is taken for granted.
    made_up = [name for name in missing if name in SUBSTITUTED]
    return [name for name in made_up if not (is_lenient and name == "card_id")]


def refuse_duplicates(columns: Iterable[str], file_name: str) -> None:
    """Raise a `ConfigurationError` when two columns have one name: no one can say which is meant."""
    twice = [name for name, n in Counter(columns).items() if n > 1 and name]
    if twice:
        raise ConfigurationError(
            f"column names must differ, got {shown(twice)} more than once in {file_name}; "
            "rename or remove one of them"
        )


def _as_path(column: str) -> str:
    """Return a path to a column, whatever its name; to a name with dots, also one that goes deeper."""
    try:
        parse_paths(column)
    except ConfigurationError:
        return f'"{column}"'
    return column


def _pairs(texts: Iterable[str], what: str, valid: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            right = "FIELD=COLUMN" if what == "--map" else "FIELD=VALUE"
            raise ConfigurationError(f"{what} must be {right}, got {text}")
        if name not in valid:
            raise ConfigurationError(
                f"{what} must name one of the fields {', '.join(valid)}, got {name}"
                f"{_hint(name, valid)}"
            )
        if name in pairs:
            raise ConfigurationError(f"{what} must name a field once, got {name} twice")
        pairs[name] = value
    return pairs


def _checked(name: str, text: str) -> Any:
    """Hold a default to the contract: a bad one would turn every row into a dead letter."""
    try:
        value = msgspec.convert(text, _INFO[name].type, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"--default of {name} must be as in the contract, got {text}: {error}"
        ) from None
    return value if isinstance(value, float) else text


def _hint(name: str, valid: Iterable[str]) -> str:
    matches = get_close_matches(name, list(valid), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
