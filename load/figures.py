"""Rates from samples and medians from rounds; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from streamer.errors import InvariantError

__all__ = [
    "Sample",
    "Spread",
    "Window",
    "busy_rate",
    "rate",
    "summarise",
]

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Sample:
    """How many records were accounted for at a moment of the monotonic clock.

    ``cpu_s`` is what the contestant's process, all its threads, has used of the processors by then.
    """

    at_s: float
    n_done: int
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """The measured part of a run: from the first sample at ``n_skipped`` to the one at the end."""

    n_records: int
    seconds: float
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        return self.n_records / self.seconds

    @property
    def cpu_us_per_record(self) -> float:
        """Microseconds of processor time per record: suffers less from what else is running."""
        return self.cpu_s / self.n_records * 1e6


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the rounds of one contestant."""

    median: float
    low: float
    high: float


def rate(samples: Sequence[Sample], n_skipped: int, n_total: int) -> Window:
    """Return the window from the first sample at or beyond ``n_skipped`` to the first at the end.

    The start counts with what its sample really showed, so that a late sample does no harm.

    >>> samples = [Sample(0.0, 0), Sample(1.0, 12), Sample(2.0, 60), Sample(3.0, 100)]
    >>> rate(samples, n_skipped=10, n_total=100)
    Window(n_records=88, seconds=2.0, cpu_s=0.0)
    """
    first = next((s for s in samples if s.n_done >= n_skipped), None)
    last = next((s for s in samples if s.n_done >= n_total), None)
    if first is None or last is None or last.at_s <= first.at_s:
        raise InvariantError(
            f"a run must be sampled at {n_skipped} records and later at all {n_total}, "
            f"got {len(samples)} samples; measure more payments"
        )
    return _between(first, last)


def busy_rate(samples: Sequence[Sample], n_skipped: int, n_total: int) -> Window:
    """Return the window from the first sample at ``n_skipped`` to the last before the end.

    For samples that lie far apart: whatever time has passed since the end is not in it.

    >>> samples = [Sample(0.0, 0), Sample(1.0, 12), Sample(2.0, 60), Sample(3.0, 100)]
    >>> busy_rate(samples, n_skipped=10, n_total=100)
    Window(n_records=48, seconds=1.0, cpu_s=0.0)
    """
    before = [s for s in samples if s.n_done < n_total]
    inside = [s for s in before if s.n_done >= n_skipped]
    if len(inside) < 2:
        raise InvariantError(
            f"a run must be sampled twice between {n_skipped} and {n_total} records, "
            f"got {len(inside)} samples there; measure more payments"
        )
    return _between(inside[0], inside[-1])


def _between(first: Sample, last: Sample) -> Window:
    return Window(last.n_done - first.n_done, last.at_s - first.at_s, last.cpu_s - first.cpu_s)


def summarise(rates: Mapping[K, Sequence[float]]) -> dict[K, Spread]:
    """Return each contestant's spread; every one must have been measured at least once.

    >>> summarise({"a": [3.0, 1.0, 2.0]})
    {'a': Spread(median=2.0, low=1.0, high=3.0)}
    """
    return {name: Spread(median(each), min(each), max(each)) for name, each in rates.items()}
