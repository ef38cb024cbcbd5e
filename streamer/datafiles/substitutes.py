"""What stands in for a column that a file does not have, or that names what the contract numbers.

A merchant category is four digits (ISO 18245), and many data sets have names for it.  Within one
reading of a file every name gets a code of its own, in order of appearance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from streamer.errors import ConfigurationError

__all__ = ["CURRENCY", "SUBSTITUTED", "Substitutes"]

SUBSTITUTED: Final = ("transaction_id", "card_id", "currency")
"""Required fields that a file may leave out."""

CURRENCY: Final = "EUR"
# No code of ISO 18245 lies above 9999, and few from here on are in use.
_FIRST_CODE: Final = 9000
_MAX_NAMES: Final = 10_000 - _FIRST_CODE


@dataclass
class Substitutes:
    """What was made up while a file was read; ``fields`` are the required ones it does not have.

    ``card_column`` is the one that `intake suggest` would take for the card, where there is any.
    """

    fields: set[str] = field(default_factory=set)
    card_column: str | None = None
    codes: dict[str, str] = field(default_factory=dict)

    def code(self, name: str) -> str:
        """Return the code of four digits that stands for a category's name.

        >>> [Substitutes().code(name) for name in ("es_food", "es_home")]
        ['9000', '9000']
        """
        code = self.codes.get(name)
        if code is None:
            if len(self.codes) == _MAX_NAMES:
                raise ConfigurationError(
                    f"column for mcc must have at most {_MAX_NAMES:,} different names, got another: "
                    f"{name}; map another column or none"
                )
            code = self.codes[name] = str(_FIRST_CODE + len(self.codes))
        return code

    @property
    def card_note(self) -> str | None:
        """Say that the file has no cards and what to do about it; None where it has."""
        if "card_id" not in self.fields:
            return None
        remedy = (
            "where a column says whose it is, use --map card_id=COLUMN"
            if self.card_column is None
            else f"{self.card_column} may say whose it is: --map card_id={self.card_column}"
        )
        return (
            "no column for card_id: every payment counts as a card of its own, and features of a "
            f"card's past are off; {remedy}"
        )

    @property
    def notes(self) -> list[str]:
        """Say in sentences what was made up, transaction ids aside."""
        notes = [] if self.card_note is None else [self.card_note]
        if "currency" in self.fields:
            notes.append(f"no column for currency: all amounts were taken to be in {CURRENCY}")
        if self.codes:
            named = ", ".join(f"{name} = {code}" for name, code in list(self.codes.items())[:3])
            notes.append(
                f"{len(self.codes)} categories that are not four digits were numbered in order of "
                f"appearance: {named}{', ...' if len(self.codes) > 3 else ''}"
            )
        return notes
