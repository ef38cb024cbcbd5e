"""Who takes part: what each is, where its app lies, and how much of the topic it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "CONSUME",
    "DECODE",
    "ENTRANTS",
    "PIPELINE",
    "STREAMER",
    "Entrant",
    "chosen",
    "rotated",
]

FOLDER: Final = Path(__file__).parent

STREAMER: Final = "streamer"
CONSUME: Final = "consume"
DECODE: Final = "decode"
PIPELINE: Final = "faust-pipeline"


@dataclass(frozen=True, slots=True)
class Entrant:
    """One that is measured; ``folder`` has its app and lock, none for what is the project's own.

    ``share`` of the payments makes its run take a few seconds.  ``model`` and ``state`` are as in
    `load.peers.common.job.Job`.
    """

    name: str
    title: str
    share: float = 1.0
    folder: str | None = None
    model: str = "plain"
    state: str = "dict"

    @property
    def app(self) -> Path:
        return FOLDER / str(self.folder) / "app.py"

    @property
    def lock(self) -> Path:
        return FOLDER / str(self.folder) / "requirements.lock"


ENTRANTS: Final = (
    Entrant(STREAMER, "streamer, everything on"),
    Entrant(CONSUME, "ceiling: consume (aiokafka)"),
    Entrant(DECODE, "ceiling: consume and decode"),
    Entrant("quix-river", "Quix Streams, its store, river", 0.04, "quix", "river", "store"),
    Entrant("quix-plain", "Quix Streams, a dict, by hand", 0.1, "quix"),
    Entrant("bytewax-river", "Bytewax, river", 0.08, "bytewax", "river"),
    Entrant("bytewax-plain", "Bytewax, by hand", 0.2, "bytewax"),
    Entrant("loop-river", "confluent-kafka loop, river", 0.1, "river", "river"),
    Entrant("loop-plain", "confluent-kafka loop, by hand", 0.3, "river"),
    Entrant("faust-table", "Faust per event, its table, by hand", 0.02, "faust", state="table"),
    Entrant("faust-event", "Faust per event, a dict, by hand", 0.05, "faust"),
    Entrant("faust-take", "Faust with take, a dict, numpy", 0.08, "faust", "rows"),
    Entrant(PIPELINE, "Faust per event, streamer's pipeline", 0.02),
    Entrant("spark", "Spark Structured Streaming, numpy", 0.4, "spark", "rows"),
)


def chosen(names: Sequence[str]) -> list[Entrant]:
    """Return the entrants named, in their usual order, streamer always among them.

    >>> [each.name for each in chosen(["loop-river"])]
    ['streamer', 'loop-river']
    """
    return [each for each in ENTRANTS if each.name in names or each.name == STREAMER]


def rotated(entrants: Sequence[Entrant], number: int) -> list[Entrant]:
    """Return the order of a round, the first beginning with the first and each next one later.

    >>> a, b, c = ENTRANTS[:3]
    >>> rotated([a, b, c], 2) == [b, c, a]
    True
    """
    first = (number - 1) % len(entrants)
    return [*entrants[first:], *entrants[:first]]
