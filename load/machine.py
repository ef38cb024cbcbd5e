"""Where and with what a measurement was made: a figure without it cannot be compared."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = [
    "OPENBLAS_VARIABLES",
    "cpu_seconds",
    "describe_machine",
    "main_thread_seconds",
    "tree_cpu_seconds",
    "without_openblas",
]

# They pick numpy's matrix kernels; a machine's owner may have set them for another program.
OPENBLAS_VARIABLES: Final = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def describe_machine() -> dict[str, str]:
    """Return commit, versions and processor; ``openblas`` names the variables that were taken out."""
    found = [name for name in os.environ if name.startswith("OPENBLAS_")]
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "faust": importlib.metadata.version("faust-streaming"),
        "aiokafka": importlib.metadata.version("aiokafka"),
        "numpy": importlib.metadata.version("numpy"),
        "cpus": str(os.cpu_count()),
        "cpu_model": _cpu_model(),
        "openblas_variables_found": ", ".join(sorted(found)) or "none",
        "openblas_variables_unset": ", ".join(OPENBLAS_VARIABLES),
    }


def without_openblas(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` without the variables that would choose other kernels.

    >>> without_openblas({"OPENBLAS_CORETYPE": "Haswell", "LANG": "C"})
    {'LANG': 'C'}
    """
    return {name: text for name, text in environment.items() if name not in OPENBLAS_VARIABLES}


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and all its threads; 0 where there is no /proc."""
    return _cpu_seconds(Path(f"/proc/{pid}/stat"))


def main_thread_seconds(pid: int) -> float:
    """Return the processor time of a process' main thread, where its event loop runs."""
    return _cpu_seconds(Path(f"/proc/{pid}/task/{pid}/stat"))


def tree_cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all its descendants that are running."""
    found = cpu_seconds(pid)
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += sum(map(tree_cpu_seconds, map(int, children.read_text("utf-8").split())))
    return found


def _cpu_seconds(stat: Path) -> float:
    try:
        fields = stat.read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # proc(5): utime and stime are fields 14 and 15; what follows the name begins with field 3.
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _commit() -> str:
    """Return the commit's short hash, with a + when files under version control differ from it."""
    folder = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()
