"""Which declaration a file is read by: the one that is named, with the short forms laid over it.

``--map``, ``--default`` and ``--time-unit`` are lines of a declaration (`streamer.intake`) and mean what
these mean.  A file's rows say less than a producer's messages do: a time without a zone is UTC, a number
may be text, and three required fields may be missing altogether (`SUBSTITUTED`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args

import msgspec

from streamer.datafiles.substitutes import CURRENCY, SUBSTITUTED
from streamer.errors import ConfigurationError
from streamer.events import Transaction
from streamer.intake.checking import load_toml
from streamer.intake.declaration import Declaration, Field, declaration_of, laid_over
from streamer.intake.mapping import field_paths

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
    "label_paths",
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
_UNITS: Final[dict[TimeUnit, dict[str, str]]] = {
    "day": {"unit": "day", "origin": _STEPS_FROM},
    "hour": {"unit": "hour", "origin": _STEPS_FROM},
    "second": {"unit": "s", "origin": _STEPS_FROM},
    "epoch-s": {"unit": "s"},
    "epoch-ms": {"unit": "ms"},
    "epoch-us": {"unit": "us"},
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
    content: dict[str, Any] = {}
    name = "command line"
    if intake is not None and intake.lower().endswith(".toml"):
        path = Path(intake)
        try:
            content, name = load_toml(path.read_text("utf-8"), path.name), path.name
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no UTF-8"
            raise ConfigurationError(
                f"intake file must be readable, got {path}: {reason}"
            ) from None
    elif intake is not None:
        content = {"preset": intake}
    short: dict[str, Any] = {}
    columns = _pairs(maps, "column mapping", (*TRANSACTION_FIELDS, *LABEL_FIELDS))
    for field, column in columns.items():
        short.setdefault(field, {})["path"] = [column]
    for field, text in _pairs(defaults, "default", TRANSACTION_FIELDS).items():
        short.setdefault(field, {})["default"] = _checked(field, text)
    if time_unit is not None:
        short.setdefault("timestamp", {}).update(_UNITS[time_unit])
    return declaration_of(laid_over(content, short), name)


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


def columns_of(declaration: Declaration, name: str) -> tuple[str, ...]:
    """Return the columns from which a field is read; none when it is constant."""
    return field_paths(name, getattr(declaration, name))


def label_paths(declaration: Declaration) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return where labels are looked for, and where the names of patterns are."""
    label, pattern = declaration.label, declaration.fraud_pattern
    return (
        field_paths("label", label) if label else ("label",),
        field_paths("fraud_pattern", pattern) if pattern else PATTERN_COLUMNS,
    )


def require_columns(declaration: Declaration, columns: Sequence[str], file_name: str) -> list[str]:
    """Return the `SUBSTITUTED` fields that a table lacks; raise when it lacks another.

    So it is with a column that the declaration names for an optional field or a label: a mistyped name
    would go unnoticed.
    """
    listing = f"{file_name} has the columns {', '.join(columns)}"
    missing = []
    for name in (*TRANSACTION_FIELDS, *LABEL_FIELDS):
        field = getattr(declaration, name)
        paths = field_paths(name, field) if field else ()
        has_all = bool(field and field.join) and all(path in columns for path in paths)
        if not paths or has_all or (not field.join and any(path in columns for path in paths)):
            continue
        if field.path or field.join:
            if declaration.preset is not None and name not in REQUIRED:
                continue
            absent = next(path for path in paths if path not in columns)
            raise ConfigurationError(
                f"column for {name} must be in the file, got {absent}"
                f"{_hint(absent, columns)}; {listing}"
            )
        if name in REQUIRED and field.default is None:
            missing.append(name)
    needed = [name for name in missing if name not in SUBSTITUTED]
    if needed:
        raise ConfigurationError(
            f"{', '.join(needed)} must come from a column or a default, such as "
            f"--map {needed[0]}=COLUMN; {listing}"
        )
    return missing


def refuse_duplicates(columns: Iterable[str], file_name: str) -> None:
    """Raise a `ConfigurationError` when two columns have one name: no one can say which is meant."""
    twice = [name for name, n in Counter(columns).items() if n > 1 and name]
    if twice:
        raise ConfigurationError(
            f"column names must differ, got {', '.join(twice)} more than once in {file_name}; "
            "rename or remove one of them"
        )


def _pairs(texts: Iterable[str], what: str, valid: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise ConfigurationError(f"{what} must be field=value, got {text}")
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
            f"default for {name} must follow the contract, got {text}: {error}"
        ) from None
    return value if isinstance(value, float) else text


def _hint(name: str, valid: Iterable[str]) -> str:
    matches = get_close_matches(name, list(valid), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
