"""A field of a sample: where it was found and how sure that is, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streamer.intake.paths import Steps

__all__ = ["Choice", "Settings"]


class Choice(NamedTuple):
    """The paths of a field, best first, how sure that is, from 0 to 100, and what is doubted of it."""

    paths: list[Steps]
    score: float
    doubt: str = ""


@dataclass(slots=True)
class Settings:
    """Entries of a field's table as TOML, what is not sure about them, and what is good to know."""

    entries: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
