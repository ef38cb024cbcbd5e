"""How much of the past Redis keeps."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of versions, entries of the lineage, and verdicts of a feedback partition: the latest so many."""

    versions_kept: int
    lineage_max_entries: int
    feedback_max_entries: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
