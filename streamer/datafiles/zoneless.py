"""Notices times that do not name their zone: a file's are taken as UTC, and a person should know."""

from __future__ import annotations

import re
from typing import Any, Final

from streamer.intake import Declaration

__all__ = ["Zoneless"]

# An offset comes after a time of day, and an hour alone is one too.
_ZONED: Final = re.compile(
    r".*(?:[Zz\]]|[A-Z]{3,4}|[T:][\d:.,]+\s*[+-]\d\d:?(?:\d\d)?)\s*", re.DOTALL
)
_COUNT: Final = re.compile(r"[+-]?[\d.]+")
_DOTNET: Final = "Date("


class Zoneless:
    """Whether any time of a file has no zone; looks at those that were read as times."""

    def __init__(self, declaration: Declaration, file_name: str) -> None:
        field = declaration.timestamp
        self._file_name = file_name
        self._is_settled = field.zone is not None or field.unit is not None
        self._is_found = False

    def look(self, value: Any) -> None:
        """Look at a time as it is in the file.

        >>> zoneless = Zoneless(Declaration(), "t.csv")
        >>> zoneless.look("2026-11-28 05:58:00+01:00")
        >>> zoneless.notes
        []
        """
        if self._is_settled or self._is_found or not isinstance(value, str):
            return
        is_zoned = _ZONED.fullmatch(value) or _DOTNET in value or _COUNT.fullmatch(value)
        self._is_found = not is_zoned

    def found(self) -> None:
        """Take note of times of which it is known already."""
        self._is_found = not self._is_settled

    @property
    def notes(self) -> list[str]:
        """Say it in a sentence, with what to do where it is wrong."""
        if not self._is_found:
            return []
        return [
            f"{self._file_name} has times without a zone, taken as UTC; where they are another "
            'place\'s, set zone, such as "Europe/London", under [timestamp]'
        ]
