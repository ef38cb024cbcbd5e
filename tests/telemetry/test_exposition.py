"""What is written says the same as prometheus_client's own writers, to its own parsers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from streamer.telemetry.exposition import Exposition
from streamer.telemetry.read_on_scrape import Readings

Parser = Callable[[str], Iterable[Metric]]
ODD = 'a "quoted" back\\slash\nand a new line'


def registry() -> CollectorRegistry:
    """Return every kind of metric, with labels, odd texts, odd numbers and an exemplar."""
    # For the whole process, as a worker's metrics do.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    found = CollectorRegistry()
    counter = Counter("records", f"Said {ODD}.", ["topic", "reason"], registry=found)
    counter.labels("t", ODD).inc(1e17)
    counter.labels("t", "").inc(0.1)
    histogram = Histogram("seconds", "Seconds.", ["stage"], buckets=(0.1, 1), registry=found)
    histogram.labels("decode").observe(0.05, {"trace_id": "abc"})
    histogram.labels("decode").observe(7)
    gauge = Readings("gauge", "lag", "Lag.", ("partition",))
    gauge.replace({"0": math.nan, "1": math.inf, "2": -math.inf, "3": -1.5, "4": True})
    calls = Readings("counter", "calls", "Calls.", ())
    calls.set(3)
    empty = Readings("gauge", "nothing", "Nothing yet.", ("center",))
    for one in (gauge, calls, empty):
        found.register(one)
    return found


def told(families: Iterable[Metric]) -> list[Any]:
    """Return everything that was parsed, NaN made comparable."""
    return [
        (f.name, f.type, f.documentation, [tuple(map(str, sample)) for sample in f.samples])
        for f in families
    ]


@pytest.mark.parametrize(
    ("generate", "read", "openmetrics"),
    [(generate_latest, read_text, False), (generate_openmetrics, read_openmetrics, True)],
    ids=["text", "OpenMetrics"],
)
def test_a_scrape_tells_what_the_client_library_would(
    generate: Callable[[CollectorRegistry], bytes], read: Parser, openmetrics: bool
) -> None:
    """Twice, the second time from what was kept of the first."""
    collected, exposition = registry(), Exposition()
    expected = told(read(generate(collected).decode()))
    assert len(expected) == 5
    for _ in range(2):
        body, _ = exposition.render(collected.collect(), openmetrics=openmetrics)
        assert told(read(body.decode())) == expected


def test_the_two_formats_are_kept_apart() -> None:
    """One scraper may ask for the one, the next for the other."""
    collected, exposition = registry(), Exposition()
    bodies = [exposition.render(collected.collect(), openmetrics=o)[0] for o in (True, False, True)]
    assert bodies[0] == bodies[2]
    assert bodies[0].endswith(b"# EOF\n")
    assert b"# TYPE records counter" in bodies[0]
    assert b"# TYPE records_total counter" in bodies[1]
    assert b"EOF" not in bodies[1]
