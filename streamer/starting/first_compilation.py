"""The loops compiled before a worker is waited for: an installation by pip has none of them compiled.

That takes a minute or two of a core, longer than a worker may take to be ready.  ``make setup`` and
the image do it at installation.  A marker beside what was compiled says for which release and which
Python it was done, so that later starts ask nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import streamer
from streamer.compiled.folders import Folders

__all__ = ["compile_first", "mark"]

_MARKER: Final = f"whole-{streamer.__version__}-{sys.implementation.cache_tag}"
_REHEARSE: Final = "from streamer.starting.rehearsal import rehearse; rehearse()"


def compile_first(tell: Callable[[str], None], folders: Folders | None = None) -> None:
    """Compile every loop in a process of its own, unless that was done; ``tell`` gets a line before.

    Where nothing can be kept, or the process fails, nothing is done: who needs the loops says why.
    """
    folders = folders or Folders.of(Path(streamer.__path__[0]))
    if any((folder / _MARKER).exists() for folder in folders.usable(set())):
        return
    for folder in folders.usable(set(), to_write=True):
        if os.access(folder, os.W_OK):
            tell("compiling the loops, once after installation: a minute or two of a core")
            done = subprocess.run(
                [sys.executable, "-c", _REHEARSE], capture_output=True, check=False
            )
            if done.returncode == 0:
                mark(folder)
            return


def mark(folder: Path) -> None:
    """Note that ``folder`` has every loop of this release."""
    (folder / _MARKER).touch()
