"""Folders for the data of servers: removed at the end, or by the next one to start after a kill.

A server's data need a name on the disk, so `kill -9` of the tests leaves them there.  Each folder has
a file that its owner's process holds locked as long as it lives; a folder whose lock is free is
nobody's.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

__all__ = ["DataFolder"]

_PREFIX: Final = "streamer-rig-data-"
_OWNER: Final = "owner"


class DataFolder:
    """A folder at `path`, until `remove` or the end of this process."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._owner = (self.path / "owner-to-be").open("w")
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        # Under its final name the file is locked from the first moment on.
        (self.path / "owner-to-be").rename(self.path / _OWNER)
        # Servers are started later, so at the end of the interpreter they are killed before this.
        self._removal = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        weakref.finalize(self, self._owner.close)

    def remove(self) -> None:
        """Remove the folder and everything in it; safe to call twice."""
        self._removal()
        self._owner.close()


def _sweep() -> None:
    """Remove what processes have left that were killed."""
    for owner in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_OWNER}"):
        try:
            with owner.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(owner.parent, ignore_errors=True)
        except OSError:
            # It lives, or somebody else has removed it meanwhile.
            continue
