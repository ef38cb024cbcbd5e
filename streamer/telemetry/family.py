"""One entry of the catalogue: what a family of metrics is called, counts and means.

A family is an attribute of a section (`streamer.telemetry.catalogue`), and named after it: as
``Metrics.alerts`` it is the entry, as ``metrics.alerts`` of one `Metrics` the collector made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Final, Generic, Literal, TypeVar, overload

from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector

from streamer.telemetry.read_on_scrape import Readings
from streamer.telemetry.timings import GENERATIONS, Pauses, Timings

__all__ = [
    "PREFIX",
    "Family",
    "Kind",
    "counted_elsewhere",
    "counter",
    "gauge",
    "histogram",
    "of_the_client",
    "pauses",
    "timings",
]

Kind = Literal["counter", "gauge", "histogram"]
C = TypeVar("C", bound=Collector)

PREFIX: Final = "streamer_"


class Family(Generic[C]):
    """What the catalogue says of one family; ``make`` returns its collector, None where the client
    library has its own.

    ``starts`` are the labels' values that are known beforehand: those series exist from the start at 0,
    so that ``increase()`` sees the very first event.  ``buckets`` are upper bounds in ``unit``.
    """

    name: str
    """As a scrape has it, ``_total`` included."""
    attribute: str

    def __init__(
        self,
        kind: Kind,
        unit: str,
        meaning: str,
        labels: tuple[str, ...],
        make: Callable[[Family[Any]], C] | None,
        starts: Sequence[Sequence[str]] = (),
        buckets: tuple[float, ...] = (),
        prefix: str = PREFIX,
    ) -> None:
        self.kind = kind
        self.unit = unit
        self.meaning = meaning
        self.labels = labels
        self.make = make
        self.starts = list(product(*starts)) if starts else []
        self.buckets = buckets
        self._prefix = prefix

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = f"{self._prefix}{attribute}{'_total' if self.kind == 'counter' else ''}"

    @overload
    def __get__(self, instance: None, owner: type) -> Family[C]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> C: ...
    def __get__(self, instance: object | None, owner: type) -> Family[C] | C:
        # `Metrics` puts the collector among its own attributes, where it is found first.
        if instance is None:
            return self
        raise AttributeError(f"{self.attribute} has no collector of its own")

    @property
    def family_name(self) -> str:
        """The name without the ending of its samples."""
        return self.name.removesuffix("_total")


def counter(
    unit: str, meaning: str, *labels: str, starts: Sequence[Sequence[str]] = ()
) -> Family[Counter]:
    """Return a counter of events, counted as they happen."""
    return Family("counter", unit, meaning, labels, _counter, starts)


def counted_elsewhere(
    unit: str, meaning: str, *labels: str, starts: Sequence[Sequence[str]] = ()
) -> Family[Readings]:
    """Return a counter that another part of the worker keeps; it is read at each scrape."""
    return Family("counter", unit, meaning, labels, _readings, starts)


def gauge(
    unit: str, meaning: str, *labels: str, starts: Sequence[Sequence[str]] = ()
) -> Family[Readings]:
    """Return a gauge, read at each scrape for the most part."""
    return Family("gauge", unit, meaning, labels, _readings, starts)


def histogram(unit: str, meaning: str, buckets: tuple[float, ...]) -> Family[Histogram]:
    """Return a histogram of what is observed as it happens; its buckets can have exemplars."""
    return Family("histogram", unit, meaning, (), _histogram, buckets=buckets)


def timings(
    meaning: str, buckets: tuple[float, ...], label: str, values: Sequence[str]
) -> Family[Timings]:
    """Return a histogram of seconds by one label, for what is timed very often."""
    make = _timings
    return Family("histogram", "seconds", meaning, (label,), make, [values], buckets)


def pauses(meaning: str, buckets: tuple[float, ...]) -> Family[Pauses]:
    """Return a histogram of the garbage collector's pauses, by generation."""
    labels, starts = ("generation",), [GENERATIONS]
    return Family("histogram", "seconds", meaning, labels, _pauses, starts, buckets)


def of_the_client(kind: Kind, unit: str, meaning: str) -> Family[Collector]:
    """Return what prometheus_client's own collector of the process exposes under this name."""
    return Family(kind, unit, meaning, (), None, prefix="")


def _counter(family: Family[Any]) -> Counter:
    # The client appends _total.
    counter = Counter(family.family_name, family.meaning, family.labels, registry=None)
    for labels in family.starts:
        counter.labels(*labels)
    return counter


def _histogram(family: Family[Any]) -> Histogram:
    return Histogram(family.name, family.meaning, registry=None, buckets=family.buckets)


def _readings(family: Family[Any]) -> Readings:
    readings = Readings(family.kind, family.family_name, family.meaning, family.labels)
    if not family.labels:
        readings.set(0.0)
    for labels in family.starts:
        readings.set(0.0, *labels)
    return readings


def _timings(family: Family[Any]) -> Timings:
    values = [value for (value,) in family.starts]
    return Timings(family.name, family.meaning, family.labels[0], values, family.buckets)


def _pauses(family: Family[Any]) -> Pauses:
    values = [value for (value,) in family.starts]
    return Pauses(family.name, family.meaning, family.labels[0], values, family.buckets)
