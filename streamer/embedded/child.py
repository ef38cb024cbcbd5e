"""A child process that never outlives its parent.

Three rules, each for a way in which test servers are usually left behind:

- The child dies when this process dies, `kill -9` included (Linux; see `_launch`).  Elsewhere it is
  stopped at a normal exit of the interpreter only.
- A Ctrl-C in the terminal does not reach the child: it runs in a session of its own.  Whoever uses
  it gets the chance to shut down first.
- Its output goes to an unlinked temporary file: a log tail is at hand for an error message, and no
  file is left, whatever happens.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from streamer.embedded._spawner import spawn
from streamer.errors import InvariantError, UnavailableError

__all__ = ["ChildProcess"]

_LAUNCHER = str(Path(__file__).with_name("_launch.py"))

# A server of ours needs 60-400 ms; a shared CI machine may be fifty times slower.
_READY_TIMEOUT_S = 20.0
# Short against the fastest start (60 ms), long against the cost of one probe (under 5 ms).
_PROBE_INTERVAL_S = 0.02
# A worker takes a last checkpoint within this; the servers stop in 0.1 s.
_GRACE_S = 10.0
# A Rust panic with its backtrace, or the last hundreds of lines of anything, fits into this.
_TAIL_BYTES = 262_144


class ChildProcess:
    """One program as a child: start, wait until ready, stop; its output is kept for `log_tail`.

    `env` is the whole environment of the child; None passes on the parent's.  With `log_path` the
    output is appended to that file, which then stays.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log_path: Path | None = None,
    ) -> None:
        self.argv = tuple(argv)
        self.name = name
        self._env = env
        self._cwd = cwd
        self._log_path = log_path
        self._log: IO[bytes] | None = None
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the program; it is not ready yet."""
        if self.is_running():
            raise InvariantError(f"{self.name} must be stopped before it is started again")
        log = self._log_path.open("ab+") if self._log_path else _anonymous_file()
        self._log, self._log_start = log, os.fstat(log.fileno()).st_size
        # The finalizers hold no reference to self.  They run when a forgotten ChildProcess is
        # collected, and at the exit of the interpreter.
        weakref.finalize(self, log.close)
        # -I and -S skip what the launcher does not need: the user's PYTHONPATH, site-packages.
        command = [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *self.argv]
        env, cwd = self._env, self._cwd
        self._process = spawn(
            lambda: subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        )
        weakref.finalize(self, _kill, self._process)
        return self

    @property
    def pid(self) -> int:
        """The process id, also after the end."""
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """None before the end, else the exit code; a negative one is the number of a signal."""
        return None if self._process is None else self._process.poll()

    def is_running(self) -> bool:
        """True from `start` until the program has ended."""
        return self._process is not None and self._process.poll() is None

    def wait_ready(
        self, probe: Callable[[], bool], what: str, timeout_s: float = _READY_TIMEOUT_S
    ) -> None:
        """Return once `probe` is true; raise `UnavailableError` if the child ends or time runs out.

        `what` names the condition in the error, e.g. ``PING on 127.0.0.1:6379``.
        """
        deadline = time.monotonic() + timeout_s
        while self.is_running():
            if probe():
                return
            if time.monotonic() >= deadline:
                raise UnavailableError(self._complaint(f"not ready after {timeout_s:g} s", what))
            time.sleep(_PROBE_INTERVAL_S)
        raise UnavailableError(self._complaint(f"ended with code {self.returncode}", what))

    def wait(self, timeout_s: float | None = None) -> int:
        """The code of the program's own end; raise `UnavailableError` if it goes on for longer."""
        try:
            return self._started().wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{self.name} must end within {timeout_s:g} s") from None

    def send_signal(self, signum: signal.Signals) -> None:
        """Send one signal; SIGSTOP and SIGCONT stand for a server that hangs and recovers."""
        self._started().send_signal(signum)

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Ask the program to end, wait for `grace_s`, then kill it; safe to call twice."""
        process = self._process
        if process is None:
            return
        try:
            if process.poll() is None:
                process.terminate()
                # A paused process would keep the request pending for ever.
                process.send_signal(signal.SIGCONT)
                process.wait(grace_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Also the way out when Ctrl-C interrupts the grace period.
            _kill(process)

    def log_tail(self, n_lines: int = 20) -> str:
        """The last lines of what the program wrote, standard output and error together."""
        if self._log is None:
            return ""
        # pread: the file offset is shared with the child, which is writing.
        size = os.fstat(self._log.fileno()).st_size
        start = max(self._log_start, size - _TAIL_BYTES)
        text = os.pread(self._log.fileno(), _TAIL_BYTES, start).decode(errors="replace")
        return "\n".join(text.splitlines()[-n_lines:])

    def _complaint(self, what_happened: str, tried: str) -> str:
        tail = self.log_tail() or "(it wrote nothing)"
        indented = "\n".join(f"    {line}" for line in tail.splitlines())
        return (
            f"{self.name} must become ready, got: {what_happened}; tried {tried} "
            f"of `{' '.join(self.argv)}`, whose last output was:\n{indented}"
        )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise InvariantError(f"{self.name} must be started first")
        return self._process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _anonymous_file() -> IO[bytes]:
    """A temporary file without a name; it is gone with its last open handle."""
    return tempfile.TemporaryFile()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill and reap the process unless it has ended."""
    if process.poll() is None:
        process.kill()
        process.wait()
