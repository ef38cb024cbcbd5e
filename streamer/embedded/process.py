"""A child process that does not outlive its parent, whatever becomes of that.

Invariants:
* The child dies with the parent, also when the parent is killed with SIGKILL (Linux: the kernel sees
  to it; elsewhere only an orderly exit does).
* A Ctrl-C in the terminal reaches the parent alone; it decides when its children end.
* The child's output goes to a file that has no name, so nothing is left on disk.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from streamer.errors import UnavailableError

__all__ = ["ChildProcess"]

_PR_SET_PDEATHSIG: Final = 1
_POLL_S: Final = 0.02
_GRACE_S: Final = 15.0
_TAIL_BYTES: Final = 4_000


class ChildProcess:
    """A running child; `stop` ends it, gracefully first."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        directory: Path | None = None,
    ) -> None:
        """Start ``arguments``; OSError when the program cannot be executed.

        Call it from the main thread: on Linux the child's life is tied to the thread that made it.
        """
        self.name = Path(arguments[0]).name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            list(arguments),
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait_ready(self, is_ready: Callable[[], bool], within_s: float) -> None:
        """Wait until ``is_ready``; UnavailableError with the child's last words if it is not."""
        deadline = time.monotonic() + within_s
        while not is_ready():
            if self.returncode is not None:
                raise UnavailableError(
                    f"{self.name} must stay up, got exit code {self.returncode}:\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{self.name} must be ready within {within_s:g} s, got no answer:\n"
                    f"{self.log_tail()}"
                )
            time.sleep(_POLL_S)

    def log_tail(self) -> str:
        """Return the last of what the child has written."""
        size = os.fstat(self._log.fileno()).st_size
        tail = os.pread(self._log.fileno(), _TAIL_BYTES, max(size - _TAIL_BYTES, 0))
        return tail.decode(errors="replace").strip()

    def kill(self) -> None:
        """End the child at once, as ``kill -9`` does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask the child to end, and make it after a grace of 15 s; does nothing when it has."""
        if self.returncode is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The parent has died between fork and prctl.
            os.kill(os.getpid(), signal.SIGKILL)

    return tie
