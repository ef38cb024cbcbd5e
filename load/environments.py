"""Environments of their own, for what must not be mixed with the project's packages.

Each is made from a lock with hashes and lies below ``build``, which is not under version control.  One
whose lock has changed is made again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["python_in"]

_BUILD: Final = Path(__file__).parent.parent / "build"
_COPY: Final = "installed.lock"


def python_in(name: str, lock: Path) -> Path:
    """Return the interpreter of ``build/NAME``, which is made from ``lock`` where it was not."""
    environment = _BUILD / name
    python, installed = environment / "bin" / "python", environment / _COPY
    wanted = lock.read_bytes()
    if installed.is_file() and installed.read_bytes() == wanted:
        return python
    uv = [sys.executable, "-m", "uv", "--quiet"]
    made = ["venv", "--clear", "--python", sys.executable, str(environment)]
    subprocess.run([*uv, *made], check=True)
    install = ["pip", "install", "--require-hashes", "--python", str(python), "-r", str(lock)]
    subprocess.run([*uv, *install], check=True)
    installed.write_bytes(wanted)
    return python
