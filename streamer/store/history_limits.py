"""How much of the past Redis keeps."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.errors import ConfigurationError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The latest so many of versions, entries of the lineage, verdicts and lessons.

    Of verdicts per partition of the feedback, of lessons per partition of payments.
    """

    versions_kept: int
    lineage_max_entries: int
    feedback_max_entries: int
    lessons_max_entries: int

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
