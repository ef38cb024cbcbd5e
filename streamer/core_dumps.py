"""No core dump of a process that holds secrets: a dump has its whole memory, keys and cards among it.

The limit is 1 byte, not 0: of 0 Linux knows that no file is to be written, but a dump still goes to a
program where ``kernel.core_pattern`` names one (systemd-coredump, apport), also out of a container.
1 is what it takes for "none at all" (do_coredump in the kernel's fs/coredump.c).

A process stays open to those who may look into it, py-spy and debuggers: with PR_SET_DUMPABLE it could
no longer read its own /proc/self/fd, which `process_open_fds` counts (docs/decisions/0081).
"""

from __future__ import annotations

import resource
from typing import Final

__all__ = ["leave_no_core"]

_NONE: Final = 1


def leave_no_core() -> None:
    """Set the limits of this process, for its life and its children's."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # What is lower than that nobody but root raises.
    limit = _NONE if hard == resource.RLIM_INFINITY else min(hard, _NONE)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
