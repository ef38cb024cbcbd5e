"""What workers said on /metrics at two times, and what that comes to for all of them together: pure.

Counters are summed, and told a second over the time between; what must not happen anywhere is the worst
of all.  What no worker said is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

__all__ = ["Samples", "Window", "samples_of"]

# Beyond it nothing is counted, nor any second.
_MOST: Final = 1e15

Samples = Mapping[str, list[tuple[Mapping[str, str], float]]]
"""Labels and value of each sample, by the sample's name."""


def samples_of(text: str, names: tuple[str, ...]) -> Samples:
    """Return the samples whose names begin with one of ``names``; ValueError for other text.

    What is no number that something can be counted or timed by is left out.
    """
    wanted = "\n".join(line for line in text.splitlines() if line.startswith(names))
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(wanted + "\n"):
        for sample in family.samples:
            if not abs(sample.value) <= _MOST or not _has_bound(sample.labels):
                continue
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _has_bound(labels: Mapping[str, str]) -> bool:
    """Whether the bound of a histogram's bucket, where there is one, is a number."""
    try:
        return not math.isnan(float(labels.get("le", "0")))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Window:
    """Two scrapes of workers by address, ``seconds`` apart; ``n_asked`` were asked."""

    before: Mapping[str, Samples]
    now: Mapping[str, Samples]
    seconds: float
    n_asked: int

    def values(self, name: str, /, **labels: str) -> list[float]:
        """Return what every worker says of a name."""
        return [value for samples in self.now.values() for value in _of(samples, name, labels)]

    def total(self, name: str, /, **labels: str) -> float | None:
        """Return the sum over all workers."""
        found = self.values(name, **labels)
        return sum(found) if found else None

    def highest(self, name: str) -> float | None:
        """Return the largest of any worker."""
        return max(self.values(name), default=None)

    def lowest(self, name: str, /, **labels: str) -> float | None:
        """Return the smallest of any worker."""
        return min(self.values(name, **labels), default=None)

    def rate(self, name: str) -> float | None:
        """Return by how much a counter grows a second; one that began again counts from 0."""
        return self._grown(name) / self.seconds if self.seconds > 0 and self.values(name) else None

    def quantile(self, q: float, name: str) -> float | None:
        """Return a quantile of what a histogram was given meanwhile, as Prometheus interpolates it."""
        bounds = sorted(
            {labels["le"] for labels in self._labels(f"{name}_bucket") if "le" in labels}, key=float
        )
        counts = [self._grown(f"{name}_bucket", le=bound) for bound in bounds]
        if not counts or not counts[-1] > 0:
            return None
        wanted, below, low = q * counts[-1], 0.0, 0.0
        for bound, count in zip(map(float, bounds), counts, strict=True):
            if count >= wanted:
                share = (wanted - below) / (count - below) if count > below else 0.0
                return low if math.isinf(bound) else low + (bound - low) * share
            below, low = count, bound
        return None

    def _labels(self, name: str) -> Iterator[Mapping[str, str]]:
        return (labels for each in self.now.values() for labels, _ in each.get(name, ()))

    def _grown(self, name: str, /, **labels: str) -> float:
        grown = 0.0
        for worker, samples in self.now.items():
            earlier = self.before.get(worker)
            if earlier is None:
                continue
            now, before = sum(_of(samples, name, labels)), sum(_of(earlier, name, labels))
            grown += now - before if now >= before else now
        return grown

    def waiting(self) -> float | None:
        """Return the records that wait, of each partition what the worker that reads it says."""
        by_partition: dict[str, float] = {}
        for samples in self.now.values():
            for labels, value in samples.get("streamer_lag_records", ()):
                name = labels.get("partition", "")
                by_partition[name] = max(value, by_partition.get(name, 0.0))
        return sum(by_partition.values()) if by_partition else None


def _of(samples: Samples, name: str, labels: Mapping[str, str]) -> Iterable[float]:
    for own, value in samples.get(name, ()):
        if all(own.get(label) == wanted for label, wanted in labels.items()):
            yield value
