"""A field of a sample: where it was found, and how sure that is."""

from __future__ import annotations

from typing import NamedTuple

from streamer.intake.paths import Steps

__all__ = ["Choice"]


class Choice(NamedTuple):
    """The paths of a field, best first, how sure that is, from 0 to 100, and what is doubted of it."""

    paths: list[Steps]
    score: float
    doubt: str = ""
