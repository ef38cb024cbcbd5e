"""The garbage collector's pauses are counted, by generation and length."""

from __future__ import annotations

import gc

from prometheus_client import CollectorRegistry

from streamer.telemetry.timings import GENERATIONS, Pauses


def watched() -> tuple[Pauses, CollectorRegistry]:
    pauses = Pauses("gc_pause_seconds", "Pauses.", "generation", GENERATIONS, (0.01, 0.1))
    registry = CollectorRegistry()
    registry.register(pauses)
    return pauses, registry


def test_pauses_are_counted_up_to_each_bound() -> None:
    """0.005, 0.01 and 0.5 s: two up to 0.01, two up to 0.1, three in all; 0.515 s."""
    pauses, registry = watched()
    for seconds in (0.005, 0.01, 0.5):
        pauses.add("2", seconds)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"gc_pause_seconds_{name}", {"generation": "2"} | labels)

    assert [value("bucket", le=bound) for bound in ("0.01", "0.1", "+Inf")] == [2, 2, 3]
    assert value("count") == 3
    assert value("sum") == 0.515
    assert registry.get_sample_value("gc_pause_seconds_count", {"generation": "0"}) == 0


def test_a_collection_is_counted_while_it_is_watched_for() -> None:
    pauses, registry = watched()

    def n_full() -> float:
        return registry.get_sample_value("gc_pause_seconds_count", {"generation": "2"}) or 0.0

    gc.collect()
    assert n_full() == 0
    pauses.watch()
    try:
        gc.collect()
        seen = n_full()
        assert seen >= 1
    finally:
        pauses.unwatch()
    gc.collect()
    assert n_full() == seen
