"""A package of two kernels, one calling the other across files, and processes that run it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Kernels", "Ran"]

ROOT: Final = Path(__file__).resolve().parents[2]
_TIMEOUT_S: Final = 280

_CALLEE: Final = """
from streamer.compiled import compiled

@compiled
def weight(value):
    return {factor} * value
"""
_CALLER: Final = """
from pricing.callee import weight
from streamer.compiled import compiled

@compiled
def total(values):
    found = 0.0
    for i in range(len(values)):
        found += weight(values[i])
    return found
"""
_RUN: Final = """
import json, resource, sys
{before}
import numpy as np
from pricing.caller import total
from streamer.compiled import loaded
result = total(np.arange(4.0))
print(json.dumps([result, loaded().compiled, loaded().from_cache, list(loaded().faults)]))
"""


@dataclass(frozen=True)
class Ran:
    """What a process got: the total of 0, 1, 2, 3 times the factor, and how it came by its kernels."""

    result: float
    compiled: int
    from_cache: int
    faults: list[str]


class Kernels:
    """The package ``pricing``, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.package = folder / "pricing"
        self.installed = self.package / "__pycache__" / "compiled"
        self.package.mkdir()
        (self.package / "__init__.py").touch()
        (self.package / "caller.py").write_text(_CALLER)
        self.set_factor(2.0)

    def set_factor(self, factor: float) -> None:
        """Edit the callee."""
        (self.package / "callee.py").write_text(_CALLEE.format(factor=factor))

    def entries(self) -> list[Path]:
        """Return every compiled kernel that is kept, installed or at home."""
        return sorted(self.folder.rglob("*.nbc*"))

    def start(self, before: str = "", **variables: str) -> subprocess.Popen[str]:
        """Start a process that runs them."""
        environment = {"HOME": str(self.home), "PYTHONPATH": f"{self.folder}:{ROOT}"} | variables
        return subprocess.Popen(
            [sys.executable, "-c", _RUN.format(before=before)],
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, before: str = "", **variables: str) -> Ran:
        """Run them in a fresh process; its last words are empty."""
        return self.result_of(self.start(before, **variables))

    def result_of(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for a process that was started."""
        out, err = process.communicate(timeout=_TIMEOUT_S)
        assert process.returncode == 0, err
        assert err == ""
        return Ran(*json.loads(out))
