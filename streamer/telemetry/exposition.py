"""A scrape as text: Prometheus' own format, or OpenMetrics with exemplars where the scraper asks.

prometheus_client writes a line in 13 µs here and builds every label's text anew at each scrape: 17 ms
for the 1,260 lines of 64 partitions.  What a line begins with is therefore kept from one scrape to the
next.  The formats are those of https://prometheus.io/docs/instrumenting/exposition_formats/; a test has
prometheus_client's parsers and ``promtool`` read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import Exemplar, Metric, Sample
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_TYPE
from prometheus_client.utils import floatToGoString

__all__ = ["Exposition", "accepts_openmetrics", "as_number"]

_OPENMETRICS: Final = "application/openmetrics-text"

as_number: Callable[[float], str] = floatToGoString
"""Writes a number as Prometheus does."""


def accepts_openmetrics(accept: str) -> bool:
    """Whether a scraper with this ``Accept`` header reads OpenMetrics.

    >>> accepts_openmetrics("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2")
    True
    >>> accepts_openmetrics("*/*")
    False
    """
    return any(part.strip().startswith(_OPENMETRICS) for part in accept.split(","))


class Exposition:
    """Writes what a registry collects; remembers what never changes of it."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, bool], str] = {}
        self._starts: dict[tuple[str, ...], str] = {}

    def render(self, families: Iterable[Metric], *, openmetrics: bool) -> tuple[bytes, str]:
        """Return body and content type."""
        lines = []
        for family in families:
            lines.append(self._head(family, openmetrics=openmetrics))
            for sample in family.samples:
                line = self._start(sample) + as_number(sample.value)
                if openmetrics and sample.exemplar is not None:
                    line += _exemplar(sample.exemplar)
                lines.append(line)
        if openmetrics:
            lines.append("# EOF")
        body = "\n".join(lines) + "\n"
        return body.encode(), OPENMETRICS_TYPE if openmetrics else CONTENT_TYPE_LATEST

    def forget(self) -> None:
        """Forget how lines begin: of partitions that have gone, most of all."""
        self._starts.clear()

    def _head(self, family: Metric, *, openmetrics: bool) -> str:
        head = self._heads.get((family.name, openmetrics))
        if head is None:
            # In the older format a counter's family is called like its samples.
            is_total = family.type == "counter" and not openmetrics
            name = f"{family.name}_total" if is_total else family.name
            text = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
            if openmetrics:
                text = text.replace('"', r"\"")
            head = f"# HELP {name} {text}\n# TYPE {name} {family.type}"
            self._heads[family.name, openmetrics] = head
        return head

    def _start(self, sample: Sample) -> str:
        key = (sample.name, *sample.labels.values())
        start = self._starts.get(key)
        if start is None:
            start = self._starts[key] = f"{sample.name}{_braced(sample.labels)} "
        return start


def _braced(labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _exemplar(exemplar: Exemplar) -> str:
    value = f" # {_braced(exemplar.labels) or '{}'} {as_number(exemplar.value)}"
    return value if exemplar.timestamp is None else f"{value} {exemplar.timestamp}"
