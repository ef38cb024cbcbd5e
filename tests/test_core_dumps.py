"""No process that holds secrets leaves a core dump, whatever program the machine sends dumps to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from streamer.settings.loading import child_environment

_WITH_LIMIT = """
import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, {before})
from streamer.core_dumps import leave_no_core
leave_no_core()
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.kill(os.getpid(), signal.SIGABRT)
"""


def limited(before: str, folder: Path) -> tuple[str, int]:
    """Return the limits of a process that had others, and how it ended: by a signal that dumps."""
    done = subprocess.run(
        [sys.executable, "-c", _WITH_LIMIT.format(before=before)],
        cwd=folder,
        env=child_environment({}) | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip(), done.returncode


def test_a_process_that_aborts_leaves_no_dump(tmp_path: Path) -> None:
    """1 and not 0: with 0 Linux would still hand the dump to a program of `core_pattern`."""
    unlimited = "resource.getrlimit(resource.RLIMIT_CORE)"
    assert limited(unlimited, tmp_path) == ("(1, 1)", -signal.SIGABRT)
    assert list(tmp_path.iterdir()) == []


def test_a_lower_limit_is_left_as_it_is(tmp_path: Path) -> None:
    assert limited("(0, 0)", tmp_path) == ("(0, 0)", -signal.SIGABRT)
