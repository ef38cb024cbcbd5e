"""Says which column of a file is which field of a transaction, and what stands in for none.

A field that is not mapped is taken from the column of its own name.  Labels are read too, under
``label`` and ``fraud_pattern`` (or ``fraud_scenario``); they never become part of a transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from streamer.datafiles.derived import TIME_UNITS, TimeUnit
from streamer.datafiles.substitutes import SUBSTITUTED, Substitutes
from streamer.errors import ConfigurationError
from streamer.events import Transaction

__all__ = [
    "LABEL_FIELDS",
    "NUMBERS",
    "PATTERN_COLUMNS",
    "REQUIRED",
    "TRANSACTION_FIELDS",
    "ColumnMapping",
    "refuse_duplicates",
]

_INFO: Final = {info.name: info for info in msgspec.structs.fields(Transaction)}

TRANSACTION_FIELDS: Final[tuple[str, ...]] = tuple(_INFO)
REQUIRED: Final = tuple(name for name, info in _INFO.items() if info.required)
NUMBERS: Final = frozenset({"amount", "latitude", "longitude"})
LABEL_FIELDS: Final = ("label", "fraud_pattern")
PATTERN_COLUMNS: Final = ("fraud_pattern", "fraud_scenario")


@dataclass(frozen=True)
class ColumnMapping:
    """``columns`` maps fields to columns; ``defaults`` holds values for fields without one.

    With ``time_unit`` the timestamps are numbers of that unit (`instants`).  A file may leave out the
    `SUBSTITUTED` fields; ``substitutes`` keeps what was made up in reading.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    substitutes: Substitutes = field(default_factory=Substitutes, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.time_unit not in (None, *TIME_UNITS):
            raise ConfigurationError(
                f"time unit must be one of {', '.join(TIME_UNITS)}, got {self.time_unit}"
            )

    @classmethod
    def parse(
        cls,
        maps: Iterable[str] = (),
        defaults: Iterable[str] = (),
        time_unit: TimeUnit | None = None,
    ) -> ColumnMapping:
        """Read ``card_id=customer_id`` and ``currency=EUR``; raise a `ConfigurationError` if wrong.

        >>> ColumnMapping.parse(["card_id=customer_id"], ["currency=EUR"])
        ColumnMapping(columns={'card_id': 'customer_id'}, defaults={'currency': 'EUR'}, time_unit=None)
        """
        columns = _pairs(maps, "column mapping", (*TRANSACTION_FIELDS, *LABEL_FIELDS))
        texts = _pairs(defaults, "default", TRANSACTION_FIELDS)
        values = {name: _checked(name, text) for name, text in texts.items()}
        return cls(columns, values, time_unit)

    def resolve(self, file_columns: Iterable[str], file_name: str) -> dict[str, str]:
        """Return the column of each field that the file has; raise if one that is needed is absent.

        The result holds label fields too.  Fields that only a default fills are not in it.
        """
        available = list(file_columns)
        listing = f"{file_name} has the columns {', '.join(available)}"
        for name, column in self.columns.items():
            if column not in available:
                hint = _hint(column, available)
                raise ConfigurationError(
                    f"column for {name} must be in the file, got {column}{hint}; {listing}"
                )
        found = {name: name for name in (*TRANSACTION_FIELDS, "label") if name in available}
        for column in PATTERN_COLUMNS:
            if column in available:
                found.setdefault("fraud_pattern", column)
        found.update(self.columns)
        given = {*found, *self.defaults, *SUBSTITUTED}
        missing = [name for name in REQUIRED if name not in given]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} must come from a column or a default, such as "
                f"--map {missing[0]}=COLUMN; {listing}"
            )
        return found

    def substituted(self, found: Container[str]) -> list[str]:
        """Return the fields that are made up in a file that has the ones in ``found``."""
        return [name for name in SUBSTITUTED if name not in found and name not in self.defaults]


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
    return value if name in NUMBERS else text


def _hint(name: str, valid: Iterable[str]) -> str:
    matches = get_close_matches(name, list(valid), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
