"""A worker with less than it wants: ``python -m tests.faults.limited clock FILE worker``.

``clock`` takes its wall clock's offset from a file, by libfaketime; ``files`` is how many it may open.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

__all__ = ["faketime_library", "limited"]


def limited(what: str, value: str) -> tuple[str, ...]:
    """Return the arguments of a worker under a limit."""
    return ("-m", "tests.faults.limited", what, value, "worker")


def faketime_library() -> Path | None:
    """Return Debian's libfaketime for programs with threads; None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


def _main(what: str, value: str, rest: list[str]) -> None:
    environment = dict(os.environ)
    if what == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    else:
        environment |= {
            "LD_PRELOAD": str(faketime_library()),
            "FAKETIME_TIMESTAMP_FILE": value,
            "FAKETIME_CACHE_DURATION": "1",
            # A wall clock jumps; the monotonic one is that of the machine.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
    os.execve(sys.executable, [sys.executable, "-m", "streamer", *rest], environment)  # noqa: S606


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3:])
