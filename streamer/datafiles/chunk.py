"""What the readers of the formats hand on: some rows, as columns, and where each of them lay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from streamer.datafiles.label_words import LabelTally

__all__ = ["SAMPLE_CHARACTERS", "Chunk", "Fault", "Table"]

SAMPLE_CHARACTERS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be read as a row at all."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """``size`` rows of a file in their order.

    ``columns`` holds, under the names of fields, the values of those that have no entry in ``faults``,
    which goes by place in the chunk.  ``lines`` are the lines on which the rows begin, where there are
    lines.  ``raw`` returns a row as it is in the file.
    """

    size: int
    columns: Mapping[str, list[Any]]
    raw: Callable[[int], Any]
    lines: Sequence[int] | None = None
    faults: Mapping[int, Fault] = field(default_factory=dict)


class Table(Protocol):
    """One file of payments, whatever its format; ``fields`` says which column is which field."""

    fields: dict[str, str]
    notes: list[str]

    def survey(self, labels: LabelTally) -> int:
        """Look at all labels, and return the number of rows."""

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows."""
