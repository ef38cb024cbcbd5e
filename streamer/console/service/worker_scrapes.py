"""Asks every worker for its metrics every few seconds, and keeps a quarter of an hour of figures."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.console.service.worker_figures import FIGURES, NAMES
from streamer.console.service.worker_window import Samples, Window, samples_of
from streamer.status.gathering import expanded
from streamer.status.worker_asking import asked_worker

__all__ = ["Point", "WorkerScrapes"]

_EVERY_S: Final = 5.0
# Of counters, a minute; of what is drawn, a quarter of an hour.
_RATED: Final = 13
_DRAWN: Final = 180


@dataclass(frozen=True, slots=True)
class Point:
    """The value of each of `FIGURES` at one time, None where no worker said it."""

    at_s: float
    values: Sequence[float | None]


class WorkerScrapes:
    """The last scrapes of the workers at ``urls``; a host's name stands for all of its addresses."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = urls
        self.points: deque[Point] = deque(maxlen=_DRAWN)
        self.silent: dict[str, str] = {}
        self._scrapes: deque[tuple[float, dict[str, Samples]]] = deque(maxlen=_RATED)

    @property
    def window(self) -> Window | None:
        """The oldest and the newest scrape of the last minute, None before there are two."""
        if len(self._scrapes) < 2:
            return None
        (began, before), (ended, now) = self._scrapes[0], self._scrapes[-1]
        return Window(before, now, ended - began, len(now) + len(self.silent))

    async def run(self) -> None:
        """Ask for ever, until cancelled."""
        while self.urls:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Ask all workers once, at the same time."""
        urls = await asyncio.to_thread(expanded, self.urls)
        answers = await asyncio.gather(*(asyncio.to_thread(_scraped, url) for url in urls))
        found = {
            url: each for url, each in zip(urls, answers, strict=True) if not isinstance(each, str)
        }
        self.silent = {
            url: each for url, each in zip(urls, answers, strict=True) if isinstance(each, str)
        }
        self._scrapes.append((time.monotonic(), found))
        if (window := self.window) is not None:
            self.points.append(Point(time.time(), [figure.of(window) for figure in FIGURES]))

    @property
    def age_s(self) -> float | None:
        """How old the newest scrape is, None before the first."""
        return time.monotonic() - self._scrapes[-1][0] if self._scrapes else None


def _scraped(url: str) -> Samples | str:
    """Return a worker's samples, or why there are none."""
    try:
        status, body = asked_worker(url, "/metrics")
        return samples_of(body.decode(), NAMES) if status == 200 else f"status {status}"
    except (OSError, ValueError) as error:
        return str(error)
