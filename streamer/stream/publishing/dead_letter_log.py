"""What is logged of dead letters: a line per topic and reason, at once and then once a minute.

A wrong producer is wrong thousands of times a second; the records themselves are on their topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from streamer.contract.batch import Batch
from streamer.intake.decoding import DeadLetter

__all__ = ["DeadLetterLog"]

_log = structlog.get_logger(__name__)

_INTERVAL_S: Final = 60.0
_LOOK_S: Final = 1.0


@dataclass(slots=True)
class _Untold:
    """What has come since the last line, and one of it."""

    told_at: float
    n: int = 0
    partition: int = 0
    offset: int = 0
    path: str = ""


class DeadLetterLog:
    """Counts dead letters and logs them; ``monotonic`` tells the time in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._untold: dict[tuple[str, str], _Untold] = {}

    def add(self, letters: Sequence[DeadLetter], batch: Batch) -> None:
        """Note dead letters of a batch, and log what is due."""
        for letter in letters:
            key = batch.topic, letter.reason
            untold = self._untold.setdefault(key, _Untold(self._monotonic() - _INTERVAL_S))
            if not untold.n:
                untold.partition, untold.offset = batch.partition, letter.record.offset
                untold.path = letter.path
            untold.n += 1
        if letters:
            self.tell()

    def tell(self) -> None:
        """Log every reason that was last told of a minute ago or more."""
        now = self._monotonic()
        for (topic, reason), untold in self._untold.items():
            if untold.n and now - untold.told_at >= _INTERVAL_S:
                _log.warning(
                    "dead letters",
                    topic=topic,
                    reason=reason,
                    count=untold.n,
                    example=f"{topic}/{untold.partition}/{untold.offset}",
                    path=untold.path,
                )
                untold.told_at, untold.n = now, 0

    async def run(self) -> None:
        """Log for ever what no later dead letter would bring to light."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self.tell()
