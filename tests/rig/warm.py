"""Workers forked from a process that has imported what they import and loaded what they load.

A worker that starts by itself spends five seconds of a core on that, nine where its coverage is
measured, before it does anything that a test asks of it.  The process that waits for orders has one
thread, no connection and no setting; whoever is forked from it gets its arguments, its environment and
its output as an exec would give them, and only then runs the module as ``__main__``.

The tests of how a worker starts begin with an interpreter: ``Service(starts_cold=True)``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, Self

from streamer.embedded import ChildProcess
from streamer.embedded.child import _kill
from streamer.settings.loading import child_environment
from tests.rig.waiting import wait_until

__all__ = ["WarmProcess", "can_be_warm"]

_ROOT: Final = Path(__file__).resolve().parents[2]
# What these modules change of the product are attributes of classes.  One that changes what others have
# imported by name, or the limits of its process, has to come before all that it changes.
_MODULES: Final = ("streamer", "tests.faults.crashing", "tests.faults.noting")
# All that a worker imports, and what measures it.
_IMPORTED: Final = ("streamer.cli.worker_command", "streamer.stream.run_worker", "coverage")
_MEASURED: Final = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
_PR_SET_PDEATHSIG: Final = 1
_MAX_ORDER: Final = 200_000
_MAX_STATUS: Final = 16
# For an interpreter that imports everything, where other work runs.
_READY_S: Final = 300.0


def can_be_warm(argv: Sequence[str]) -> bool:
    """Whether ``python argv`` may be forked: on Linux, a module that is none the wiser for it."""
    return hasattr(os, "pidfd_open") and argv[0] == "-m" and argv[1] in _MODULES


class WarmProcess(ChildProcess):
    """``python argv`` as a child that is forked; ``argv`` is without the interpreter."""

    def start(self) -> Self:
        """Start it; it is not ready yet."""
        path = self._log_path
        log = path.open("ab+") if path else tempfile.TemporaryFile()  # noqa: SIM115 - the child's
        self._log, self._log_start = log, os.fstat(log.fileno()).st_size
        weakref.finalize(self, log.close)
        order = {"argv": self.argv, "env": dict(self._env or os.environ), "cwd": str(self._cwd)}
        forked = _Nursery.of_this_process().fork(json.dumps(order).encode(), log.fileno())
        self._process = forked  # type: ignore[assignment]
        weakref.finalize(self, _kill, forked)
        return self


class _Forked:
    """What `ChildProcess` asks of a `subprocess.Popen`, of a process that another one has forked."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.pid = int(told.recv(_MAX_STATUS) or b"0")
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return how it ended, None before."""
        with self._lock:
            if self.returncode is None and self._has_ended(0.0):
                status = self._told.recv(_MAX_STATUS)
                # Nothing: its parent was killed, and so was all that it had forked.
                self.returncode = int(status) if status else -signal.SIGKILL
                self._told.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended, or raise `subprocess.TimeoutExpired`."""
        if self.poll() is None and self._has_ended(timeout):
            self.poll()
        if self.returncode is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Send a signal to what has not ended; until the end was told the number is nobody else's."""
        with self._lock:
            if self.returncode is None and not self._has_ended(0.0):
                os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        try:
            return bool(select.select([self._told], [], [], timeout)[0])
        except (OSError, ValueError):
            # Another thread was told in the meantime.
            return True


class _Nursery:
    """The process that forks, and the way to it."""

    _of: tuple[int, _Nursery] | None = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        # Without a file: it is gone with its last holder.
        address = f"\0streamer-warm-{uuid.uuid4().hex}"
        unmeasured = {k: v for k, v in child_environment({}).items() if k not in _MEASURED}
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(address)
            listening.listen(1)
            self._child = ChildProcess(
                [sys.executable, "-m", "tests.rig.warm", address[1:]],
                name="the process that workers are forked from",
                env=unmeasured | {"PYTHONPATH": str(_ROOT)},
                cwd=_ROOT,
            ).start()

            def asks() -> bool:
                assert self._child.is_running(), self._child.log_tail(100)
                return bool(select.select([listening], [], [], 0.0)[0])

            wait_until(asks, lambda: self._child.log_tail(100), _READY_S)
            self._orders, _ = listening.accept()

    @classmethod
    def of_this_process(cls) -> _Nursery:
        """Return the one of this process, which is made when it is first asked for."""
        with cls._lock:
            if cls._of is None or cls._of[0] != os.getpid():
                cls._of = (os.getpid(), cls())
            return cls._of[1]

    def fork(self, order: bytes, log: int) -> _Forked:
        """Have a process forked whose output goes to ``log``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            assert self._child.is_running(), self._child.log_tail()
            socket.send_fds(self._orders, [order], [log, theirs.fileno()])
        return _Forked(ours)


def _serve(orders: socket.socket) -> tuple[dict[str, object], int] | None:
    """Fork for every order; return it, and where the output goes, in the process that is forked.

    None when no more orders come.
    """
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([orders, *running], [], [])[0]:
            if ready is orders:
                order, fds, _, _ = socket.recv_fds(orders, _MAX_ORDER, 2)
                if not order:
                    return None
                log, told = fds
                assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork copies one thread"
                if not (pid := os.fork()):
                    orders.close()
                    for pidfd in running:
                        os.close(pidfd)
                    os.close(told)
                    return json.loads(order), log
                os.close(log)
                telling = socket.socket(fileno=told)
                telling.send(str(pid).encode())
                running[os.pidfd_open(pid)] = (pid, telling)
            else:
                pid, telling = running.pop(ready)
                os.close(ready)
                # Told before it is reaped: as long as nobody has been told, the number is taken.
                _tell(pid, telling)
                os.waitpid(pid, 0)


def _tell(pid: int, telling: socket.socket) -> None:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    with telling:
        telling.send(str(code).encode(), socket.MSG_NOSIGNAL)


def _become(argv: Sequence[str], env: Mapping[str, str], cwd: str, log: int, parent: int) -> None:
    """Be what ``python argv`` would be, in a session of its own, as long as the parent lives."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    if any(name in env for name in _MEASURED):
        import coverage

        coverage.process_startup()
    sys.argv = list(argv[1:])
    runpy.run_module(argv[1], run_name="__main__", alter_sys=True)


def _main(address: str) -> None:
    for name in _IMPORTED:
        import_module(name)
    import_module("streamer.starting.rehearsal").rehearse()
    gc.collect()
    gc.freeze()
    parent = os.getpid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as orders:
        orders.connect(f"\0{address}")
        found = _serve(orders)
    if found is not None:
        order, log = found
        _become(**order, log=log, parent=parent)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main(sys.argv[1])
