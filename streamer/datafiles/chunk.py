"""What the readers of the formats hand on: some rows, and where each of them lay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from streamer.contract.messages import Transaction
from streamer.datafiles.label_words import LabelTally
from streamer.intake import Reading

__all__ = ["SAMPLE_CHARACTERS", "Chunk", "Fault", "Table"]

SAMPLE_CHARACTERS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be read as a row at all."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a file in their order; the lists run in parallel.

    An item is a row by its columns, a message, or why it is neither.  ``flags`` and ``patterns`` are
    what the file has for labels, None where it has none.  ``lines`` are those on which the rows begin,
    where there are lines.  ``raw`` returns a row as it is in the file.
    """

    items: Sequence[dict[str, Any] | bytes | Fault]
    flags: list[Any] | None
    patterns: list[Any] | None
    raw: Callable[[int], Any]
    lines: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.items)


class Table(Protocol):
    """One file of payments, whatever its format; ``columns`` says from which a field comes."""

    columns: dict[str, str]

    @property
    def notes(self) -> list[str]:
        """Say how the file was read, as far as it has been."""

    def survey(self, labels: LabelTally | None) -> int:
        """Look at all labels, and return the number of rows; comes before `chunks`."""

    def chunks(self, batch_size: int) -> Iterator[Chunk]:
        """Yield the rows."""

    def own(self, item: dict[str, Any] | bytes, position: str) -> Transaction | None:
        """Return the transaction of an item that is the contract's already, None of any other.

        ``position`` stands for an id that it does not have.
        """

    def readings(self, item: dict[str, Any] | bytes, position: str) -> Sequence[Reading]:
        """Return what an item says."""
