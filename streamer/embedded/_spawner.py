"""One thread that forks every child, and lives as long as the process.

Linux sends the parent-death signal when the *thread* that forked ends, not the process.  A server
started from a short-lived thread (an executor, a test's timeout thread) would be killed as soon as
that thread returned.  A daemon thread is never joined, so it ends only with the process.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future

__all__ = ["spawn"]

_Job = tuple[Callable[[], "subprocess.Popen[bytes]"], "Future[subprocess.Popen[bytes]]"]

_lock = threading.Lock()
_jobs: queue.SimpleQueue[_Job] | None = None
_owner_pid = 0


def spawn(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Run `start` in the forking thread and return its process, or raise what it raised."""
    result: Future[subprocess.Popen[bytes]] = Future()
    _queue().put((start, result))
    return result.result()


def _queue() -> queue.SimpleQueue[_Job]:
    """The queue of this process's forking thread; a forked copy of the process makes its own."""
    global _jobs, _owner_pid
    with _lock:
        if _jobs is None or _owner_pid != os.getpid():
            _jobs, _owner_pid = queue.SimpleQueue(), os.getpid()
            threading.Thread(
                target=_serve, args=(_jobs,), name="embedded-spawner", daemon=True
            ).start()
        return _jobs


def _serve(jobs: queue.SimpleQueue[_Job]) -> None:
    """Take jobs for ever; an error belongs to the caller, never to this thread."""
    while True:
        start, result = jobs.get()
        try:
            result.set_result(start())
        except BaseException as error:
            result.set_exception(error)
        # While this waits for the next job, the last one must not keep its caller's objects alive.
        del start, result
