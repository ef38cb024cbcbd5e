"""A worker with less than it wants: ``python -m tests.faults.limited clock FILE worker``.

``clock`` takes from a file by how many seconds its wall clock is ahead; ``files`` is how many it may
open.

The clock is that of all that is written in Python, aiokafka included.  libfaketime would set half of
librdkafka's as well: it fakes the time until which that waits and not the wait, which is C11's, so that
for as long as the clock is ahead each wait lasts an hour, and while it is behind none waits at all.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Final

__all__ = ["limited"]

_READ_EVERY_S: Final = 0.05


def limited(what: str, value: str) -> tuple[str, ...]:
    """Return the arguments of a worker under a limit."""
    return ("-m", "tests.faults.limited", what, value, "worker")


class _Clock:
    """The wall clock, ahead by what a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._time, self._time_ns, self._monotonic = time.time, time.time_ns, time.monotonic
        self._ahead_s, self._read_at = 0, float("-inf")

    def time(self) -> float:
        return self._time() + self._ahead()

    def time_ns(self) -> int:
        return self._time_ns() + self._ahead() * 1_000_000_000

    def _ahead(self) -> int:
        now = self._monotonic()
        if now - self._read_at >= _READ_EVERY_S:
            self._ahead_s, self._read_at = int(self._path.read_text()), now
        return self._ahead_s


def _main(what: str, value: str) -> None:
    if what == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    else:
        clock = _Clock(Path(value))
        time.time, time.time_ns = clock.time, clock.time_ns
    # Only now: some modules keep the functions that they find.
    from streamer.cli import main

    main()


if __name__ == "__main__":
    limit = sys.argv[1:3]
    del sys.argv[1:3]
    _main(*limit)
