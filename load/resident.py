"""What a process takes of memory, read from outside, and whether it stays the same; Linux.

Resident are the pages that are in memory now.  Its share (PSS) counts a page that several processes
have by as much less.  The peak is the most that was ever resident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from streamer.errors import InvariantError

__all__ = ["Flatness", "Memory", "Resident", "flatness", "memory_of", "resident_of", "slope"]

_PART: Final = 5


class Resident(NamedTuple):
    """What was resident, bytes, at a second of the run."""

    at_s: float
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, bytes."""

    resident: int
    share: int
    peak: int


@dataclass(frozen=True, slots=True)
class Flatness:
    """How what is resident has changed over a run, without its warm-up; bytes.

    ``change`` is the median of the last fifth of the samples over that of the first, less 1; ``within``
    the greatest distance of a sample from the median of all, over that median; ``per_hour`` the slope
    of the line through all, by least squares.
    """

    n_samples: int
    first: float
    last: float
    change: float
    least: int
    most: int
    within: float
    per_hour: float


def resident_of(pid: int) -> int:
    """Return what is resident of a process."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS")


def memory_of(pid: int) -> Memory:
    """Return what a process takes; its share takes the kernel a walk through all of its pages."""
    status = Path(f"/proc/{pid}/status")
    share = _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")
    return Memory(_field(status, "VmRSS"), share, _field(status, "VmHWM"))


def _field(path: Path, name: str) -> int:
    lines = path.read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def flatness(samples: Sequence[Resident], warm_up_s: float) -> Flatness:
    """Return how flat the samples from ``warm_up_s`` on are; `InvariantError` for fewer than ten.

    >>> found = flatness([Resident(float(i), 100 + (i >= 8)) for i in range(10)], 0.0)
    >>> found.first, found.last, round(found.change, 4), found.within
    (100.0, 101.0, 0.01, 0.01)
    """
    late = [sample for sample in samples if sample.at_s >= warm_up_s]
    if len(late) < 2 * _PART:
        raise InvariantError(
            f"there must be {2 * _PART} samples after {warm_up_s:g} s, got {len(late)}; run for longer"
        )
    sizes = [sample.n_bytes for sample in late]
    n = len(sizes) // _PART
    first, middle, last = median(sizes[:n]), median(sizes), median(sizes[-n:])
    return Flatness(
        n_samples=len(sizes),
        first=first,
        last=last,
        change=last / first - 1,
        least=min(sizes),
        most=max(sizes),
        within=max(max(sizes) - middle, middle - min(sizes)) / middle,
        per_hour=slope(late) * 3_600,
    )


def slope(samples: Sequence[Resident]) -> float:
    """Return bytes a second of the line through the samples.

    >>> round(slope([Resident(0.0, 10), Resident(1.0, 12), Resident(2.0, 14)]), 6)
    2.0
    """
    at_s, sizes = np.array(samples, dtype=float).T
    return float(np.polyfit(at_s - at_s[0], sizes, 1)[0])
