"""What a results file has to say of itself: which code, which machine, which command."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from os import cpu_count
from pathlib import Path
from typing import Any, Final

import numpy as np

__all__ = ["provenance"]

_PACKAGES: Final = ("river", "scikit-learn")
_TIMEOUT_S: Final = 10


def provenance(command_line: Sequence[str]) -> dict[str, Any]:
    """Return commit, machine and command line; what cannot be known is None."""
    return {
        "commit": _commit(),
        "machine": {
            "cpu": _cpu_model(),
            "cores": cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            **{name.replace("-", "_"): _version(name) for name in _PACKAGES},
        },
        "command_line": list(command_line),
    }


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    # An installed copy may lie inside the repository of something else, whose commit says nothing.
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:
        return None
    return _git(root, "describe", "--always", "--dirty", "--abbrev=12")


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(directory), *arguments],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None if result.returncode == 0 else None


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, None)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
