"""Become another program that dies with its parent: ``_launch.py PARENT_PID PROGRAM ARGUMENT...``

Run as a script between fork and exec.  A ``preexec_fn`` would save the extra interpreter (20 ms),
but it runs Python code in a forked copy of a threaded process, which can deadlock; Python 3.12
warns about it.  The process id stays the same through exec, so nothing else is visible outside.

It imports the standard library only: with ``python -I -S`` the package itself is not on the path.
"""

from __future__ import annotations

import os
import signal
import sys

# From <linux/prctl.h>.  The setting survives exec (of a program that is not setuid).
_PR_SET_PDEATHSIG = 1

# The shell's codes, so that a log tail and a return code read as a person expects.
_CANNOT_EXECUTE = 126
_NOT_FOUND = 127


def _die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent ends; do nothing outside Linux."""
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the call; then no signal will ever come.
    if os.getppid() != parent_pid:
        sys.exit("the parent process ended before its child had started")


def main(argv: list[str]) -> None:
    """Replace this process by the given program."""
    parent_pid, program = int(argv[1]), argv[2]
    _die_with_parent(parent_pid)
    # The interpreter ignores these two, and "ignored" is inherited through exec.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(program, argv[2:])  # noqa: S606 - no shell is the point
    except OSError as error:
        print(f"cannot execute {program}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_EXECUTE)


if __name__ == "__main__":
    main(sys.argv)
