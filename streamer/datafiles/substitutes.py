"""What stands in for a column that a file does not have, or that names what the contract numbers.

A merchant category is four digits (ISO 18245), and many data sets have names for it.  Within one
reading of a file every name gets a code of its own, in order of appearance.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.errors import ConfigurationError

__all__ = ["SUBSTITUTED", "Substitutes"]

SUBSTITUTED: Final = ("transaction_id", "card_id", "currency")
"""Required fields that a file may leave out."""

_CURRENCY: Final = "EUR"
_CODE: Final = re.compile(r"[0-9]{4}")
# No code of ISO 18245 lies above 9999, and few from here on are in use.
_FIRST_CODE: Final = 9000
_MAX_NAMES: Final = 10_000 - _FIRST_CODE


@dataclass
class Substitutes:
    """What was made up while a file was read; ``fields`` are the required ones it does not have."""

    fields: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)

    def category_codes(self, column: Sequence[Any]) -> list[Any]:
        """Return ``column`` with a code of four digits for every text that is none.

        >>> Substitutes().category_codes(["es_food", "5411", None, "es_home", "es_food"])
        ['9000', '5411', None, '9001', '9000']
        """
        return [self._code(value) if isinstance(value, str) else value for value in column]

    def column(self, name: str, first_row: int, size: int) -> list[str]:
        """Return ``size`` values for a field in `SUBSTITUTED`, ids counted from ``first_row``.

        >>> Substitutes().column("card_id", 10, 2)
        ['row-10', 'row-11']
        """
        self.fields.add(name)
        if name == "currency":
            return [_CURRENCY] * size
        return [f"row-{row}" for row in range(first_row, first_row + size)]

    @property
    def notes(self) -> list[str]:
        """Say in sentences what was made up, transaction ids aside."""
        notes = []
        if "card_id" in self.fields:
            notes.append(
                "no column for card_id: every payment counts as a card of its own, and features of "
                "a card's past are off; where a column says whose it is, use --map card_id=COLUMN"
            )
        if "currency" in self.fields:
            notes.append(f"no column for currency: all amounts were taken to be in {_CURRENCY}")
        if self.codes:
            named = ", ".join(f"{name} = {code}" for name, code in list(self.codes.items())[:3])
            notes.append(
                f"{len(self.codes)} categories that are not four digits were numbered in order of "
                f"appearance: {named}{', ...' if len(self.codes) > 3 else ''}"
            )
        return notes

    def _code(self, text: str) -> str:
        if _CODE.fullmatch(text):
            return text
        code = self.codes.get(text)
        if code is None:
            if len(self.codes) == _MAX_NAMES:
                raise ConfigurationError(
                    f"column for mcc must have at most {_MAX_NAMES:,} different names, got another: "
                    f"{text}; map another column or none"
                )
            code = self.codes[text] = str(_FIRST_CODE + len(self.codes))
        return code
