"""Where compiled kernels lie: in the package, if they were compiled at its installation, or at home.

Entries are pickles: whoever writes one decides what the process does.  So a folder counts only if it
belongs to this user or to the one who owns the code, and nobody else can write to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from numba import config
from numba.misc.appdirs import AppDirs

__all__ = ["Folders", "fault_of"]


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the kernels of a package are looked for, and put, in this order.

    ``home`` is None for a user who has none, and NUMBA_CACHE_DIR where that is set.
    """

    installed: Path
    home: Path | None

    @classmethod
    def of(cls, package: Path) -> Folders:
        """Return the folders for the package in this folder."""
        base = Path(config.CACHE_DIR or AppDirs("streamer", appauthor=False).user_cache_dir)
        name = f"{package.name}-{sha256(os.fsencode(package)).hexdigest()[:16]}"
        home = base / name if base.is_absolute() else None
        return cls(package / "__pycache__" / "compiled", home)

    def install(self) -> None:
        """Make the folder within the package, which is used only if it is there; raises OSError."""
        # Others may read it: an image is built by root and run by somebody else.
        self.installed.mkdir(mode=0o755, parents=True, exist_ok=True)

    def usable(self, faults: set[str], *, to_write: bool = False) -> Iterator[Path]:
        """Return those that are there and can be trusted; adds to ``faults`` why others cannot.

        The one at home is made ``to_write`` if it is needed.
        """
        for folder in (self.installed, self.home):
            if folder is None:
                continue
            with suppress(OSError):
                if to_write and folder == self.home:
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                fault = fault_of(folder)
                if fault is None:
                    yield folder
                else:
                    faults.add(fault)

    def __str__(self) -> str:
        return " or ".join(str(folder) for folder in (self.installed, self.home) if folder)


def fault_of(folder: Path) -> str | None:
    """Return why a folder must not be used, None if it may; raises OSError where there is none."""
    about = folder.lstat()
    owners = {os.geteuid(), Path(__file__).stat().st_uid}
    if not stat.S_ISDIR(about.st_mode):
        return f"{folder} must be a folder; remove it"
    if about.st_uid not in owners:
        return f"{folder} must belong to user {os.geteuid()}, got {about.st_uid}; remove it"
    if about.st_mode & 0o022:
        mode = stat.S_IMODE(about.st_mode)
        return f"{folder} must be writable by its owner alone, got mode {mode:o}; remove it"
    return None
