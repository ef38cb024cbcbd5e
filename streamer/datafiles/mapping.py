"""Says which column of a file is which field of a transaction, and what stands in for none.

A field that is not mapped is taken from the column of its own name.  Labels are read too, under
``label`` and ``fraud_pattern`` (or ``fraud_scenario``); they never become part of a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from streamer.datafiles.derived import TIME_UNITS, TimeUnit
from streamer.datafiles.substitutes import SUBSTITUTED, Substitutes
from streamer.errors import ConfigurationError
from streamer.events import Transaction

__all__ = ["LABEL_FIELDS", "NUMBERS", "REQUIRED", "TRANSACTION_FIELDS", "ColumnMapping"]

_INFO: Final = {info.name: info for info in msgspec.structs.fields(Transaction)}

TRANSACTION_FIELDS: Final[tuple[str, ...]] = tuple(_INFO)
REQUIRED: Final = tuple(name for name, info in _INFO.items() if info.required)
NUMBERS: Final = frozenset({"amount", "latitude", "longitude"})
LABEL_FIELDS: Final = ("label", "fraud_pattern")
_PATTERN_COLUMNS: Final = ("fraud_pattern", "fraud_scenario")


@dataclass(frozen=True)
class ColumnMapping:
    """``columns`` maps fields to columns; ``defaults`` holds values for fields without one.

    With ``time_unit`` the timestamps are numbers of that unit (`instants`), and with ``number_rows``
    a file may leave out `SUBSTITUTED` fields.  ``substitutes`` keeps what was made up in reading.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    time_unit: TimeUnit | None = None
    number_rows: bool = False
    substitutes: Substitutes = field(default_factory=Substitutes, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.time_unit not in (None, *TIME_UNITS):
            raise ConfigurationError(
                f"time unit must be one of {', '.join(TIME_UNITS)}, got {self.time_unit}"
            )

    @property
    def is_plain(self) -> bool:
        """Whether a line of JSON is a transaction already, with nothing to rename or fill in."""
        return not (self.columns or self.defaults or self.time_unit or self.number_rows)

    @classmethod
    def parse(cls, maps: Iterable[str] = (), defaults: Iterable[str] = ()) -> ColumnMapping:
        """Read ``card_id=customer_id`` and ``currency=EUR``; raise a `ConfigurationError` if wrong.

        >>> ColumnMapping.parse(["card_id=customer_id"], ["currency=EUR"])
        ColumnMapping(columns={'card_id': 'customer_id'}, defaults={'currency': 'EUR'}, \
time_unit=None, number_rows=False)
        """
        columns = _pairs(maps, "column mapping", (*TRANSACTION_FIELDS, *LABEL_FIELDS))
        texts = _pairs(defaults, "default", TRANSACTION_FIELDS)
        return cls(columns, {name: _checked(name, text) for name, text in texts.items()})

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
        for column in _PATTERN_COLUMNS:
            if column in available:
                found.setdefault("fraud_pattern", column)
        found.update(self.columns)
        given = {*found, *self.defaults, *(SUBSTITUTED if self.number_rows else ())}
        missing = [name for name in REQUIRED if name not in given]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} must come from a column or a default, such as "
                f"--map {missing[0]}=COLUMN; {listing}"
            )
        return found


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
