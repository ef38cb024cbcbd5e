"""Progress on standard error: bars on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeRemainingColumn

__all__ = ["Bars"]

_PLAIN_EVERY_S: Final = 10.0


class Bars:
    """A progress bar on standard error for each stage; a line every 10 s where that is no terminal."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            *Progress.get_default_columns()[:2],
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._begun = ""
        self._tasks: dict[str, TaskID] = {}
        self._monotonic = monotonic
        self._plain_at = monotonic()
        self._done: Counter[str] = Counter()
        self._began: dict[str, float] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, text: str) -> None:
        """Have it said, with the first step, what is being done, and of how much.

        What cannot be done at all is one line of error, and no more.
        """
        self._begun = text

    def advance(self, stage: str, n: int, total: int) -> None:
        """Say that ``stage``, of ``total`` steps, has done ``n`` more."""
        if self._begun:
            self._say(self._begun)
            self._begun = ""
        if not self._console.is_terminal:
            self._plain(stage, n, total)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.advance(self._tasks[stage], n)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _plain(self, stage: str, n: int, total: int) -> None:
        at = self._monotonic()
        # A stage is known by its first steps; the last line is the nearest to when it began.
        began = self._began.setdefault(stage, self._plain_at)
        self._done[stage] += n
        if at - self._plain_at < _PLAIN_EVERY_S:
            return
        self._plain_at = at
        done = self._done[stage]
        left_s = (at - began) * (total - done) / done if done else 0.0
        left = f", about {_told(left_s)} left" if 0 < done < total else ""
        self._say(f"{stage}: {done:,} of {total:,}{left}")


def _told(seconds: float) -> str:
    """Return a time as a person says it.

    >>> _told(8.2), _told(200)
    ('8 s', '3 min')
    """
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
