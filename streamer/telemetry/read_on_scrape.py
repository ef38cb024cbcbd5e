"""Values that are read when somebody scrapes: a gauge of what is, or a counter that another keeps.

Setting one is an assignment to a dictionary, a twentieth of what prometheus_client's own gauges cost:
with 64 partitions a scrape sets a thousand of them.  A set of series is replaced as a whole, so the
series of a partition that has gone go with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric, Sample
from prometheus_client.registry import Collector

__all__ = ["Readings"]

_SUFFIX: Final = {"gauge": "", "counter": "_total"}


class Readings(Collector):
    """One family of gauges, or of counters; ``values`` is by the labels' values.

    A scrape in a thread sees each assignment or not; it never sees half of one.
    """

    def __init__(self, kind: str, name: str, meaning: str, labels: tuple[str, ...]) -> None:
        self._metric = (name, meaning, kind)
        self._sample_name = name + _SUFFIX[kind]
        self._labels = labels
        # Made once for each series: no scrape changes them.
        self._named: dict[tuple[str, ...], dict[str, str]] = {}
        self.values: dict[tuple[str, ...], float] = {}

    def set(self, value: float, *labels: str) -> None:
        """Set one series."""
        self.values[labels] = value

    def replace(self, values: Mapping[str, float]) -> None:
        """Set every series of a family with one label; those that are not among them are gone."""
        self.values = {(label,): value for label, value in values.items()}

    def names(self) -> list[str]:
        """Return the values of the only label that there are series for."""
        return [label for (label,) in self.values]

    def collect(self) -> Iterator[Metric]:
        metric = Metric(*self._metric)
        metric.samples = [
            Sample(self._sample_name, self._name(labels), float(value), None, None, None)
            for labels, value in list(self.values.items())
        ]
        yield metric

    def _name(self, labels: tuple[str, ...]) -> dict[str, str]:
        named = self._named.get(labels)
        if named is None:
            named = self._named[labels] = dict(zip(self._labels, labels, strict=True))
        return named
