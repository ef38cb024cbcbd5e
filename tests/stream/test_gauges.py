"""Gauges that are read at each scrape, and the figures behind them."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from streamer.arrays import Integers
from streamer.errors import UnavailableError
from streamer.model import Scored, Scorer
from streamer.pipeline import prepare, process_prepared
from streamer.reports.center_watch import CenterWatch
from streamer.store import Store
from streamer.stream.health.gauges import read_redis
from streamer.stream.partitions.laps import Laps
from streamer.telemetry.metrics import Metrics
from tests.builders import batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import run, trained
from tests.rig.waiting import DEADLINE_S
from tests.store.helpers import CONFIG


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"streamer_{name}", labels)


def store_at(url: str) -> Store:
    return Store.open(
        url,
        timeout_s=DEADLINE_S,
        namespace="gauges",
        config=CONFIG,
        versions_kept=1,
        lineage_max_entries=1,
        feedback_max_entries=1,
        lessons_max_entries=1,
        rng=np.random.default_rng(0),
        monotonic=lambda: 0.0,
    )


def test_an_open_breaker_shows_with_what_became_of_the_calls() -> None:
    """Nothing listens on port 1: three calls find that out, the fourth is not tried."""
    store, metrics = store_at("redis://127.0.0.1:1/0"), Metrics("1")

    async def ask() -> None:
        for _ in range(4):
            with pytest.raises(UnavailableError):
                await store.ping()

    def states() -> list[float | None]:
        read_redis(metrics, store)
        return [
            value(metrics, "redis_breaker_state", state=name)
            for name in ("closed", "open", "half-open")
        ]

    assert states() == [1, 0, 0]
    asyncio.run(ask())
    assert states() == [0, 1, 0]
    assert value(metrics, "redis_failures_in_a_row") == 3
    assert value(metrics, "redis_calls_total", outcome="unanswered") == 3
    assert value(metrics, "redis_calls_total", outcome="not tried") == 1
    assert value(metrics, "redis_calls_total", outcome="done") == 0


def test_commands_are_counted_by_name_as_they_go_over_the_wire(redis_url: str) -> None:
    """Two pings; nothing else is sent but what the client says of itself when it connects."""
    store, metrics = store_at(redis_url), Metrics("1")

    async def ask() -> None:
        await store.ping()
        await store.ping()
        await store.close()

    asyncio.run(ask())
    read_redis(metrics, store)
    assert value(metrics, "redis_commands_total", command="PING") == 2
    assert store.commands.keys() <= {"PING", "CLIENT", "HELLO", "SELECT"}


def at(version: Scorer, nearest: Integers, shift: float = 0.0) -> Scored:
    """Return payments on the centers ``nearest``, or so far on their way to the next one."""
    result = version.score(version.centers[nearest], np.zeros_like(nearest))
    following = version.centers[(nearest + 1) % len(version.centers)]
    X = version.centers[nearest] + shift * (following - version.centers[nearest])
    return result._replace(X=X, nearest=nearest)


def test_every_batch_is_a_visit_and_one_of_a_second_is_looked_at_closely() -> None:
    """On the centers the silhouette is 1, half way to the next one 0; the rest is the clock's."""
    watch, version = CenterWatch(), trained()
    assert np.isnan(watch.silhouette)
    assert watch.idle_s(5.0) == []
    everywhere, first = np.arange(20) % len(version.centers), np.zeros(20, dtype=np.int64)
    watch.add(version, at(version, everywhere), 10.0)
    assert watch.silhouette == pytest.approx(1.0, abs=1e-3)
    before = watch.silhouette
    watch.add(version, at(version, first, shift=0.5), 10.5)
    assert watch.silhouette == before
    assert watch.idle_s(12.0) == [1.5, *[2.0] * (len(version.centers) - 1)]
    watch.add(version, at(version, first, shift=0.5), 11.0)
    # A sixtieth of the way to what is half as good at best.
    assert 0.9 * before < watch.silhouette < before - 0.5 / 60


def test_each_stage_begins_where_the_last_one_ended() -> None:
    """A clock that says 1, 3, 7: decode took 2 s and publish 4, the batch 6."""
    metrics, times = Metrics("1"), iter([1.0, 3.0, 7.0])
    laps = Laps(metrics, lambda: next(times))
    laps.begin(None)
    laps("decode")
    laps("publish")
    assert laps.end() == 7.0
    assert value(metrics, "stage_seconds_sum", stage="decode") == 2
    assert value(metrics, "stage_seconds_sum", stage="publish") == 4
    assert value(metrics, "batch_seconds_sum") == 6


def test_a_batch_has_every_stage_of_the_pipeline_once_and_in_order() -> None:
    state, config, laps = state_of(pipeline_config()), pipeline_config(), list[str]()
    prepared = prepare(batch([payment(1)], 0), config, state)
    process_prepared(prepared, state, trained(), config, now_ms=0, lap=laps.append)
    assert laps == ["features", "score", "decide", "learn", "explain"]


def test_bytes_of_a_table_are_those_of_its_rows_and_names() -> None:
    """2,000 cards, in 2,048 rows: an index and marks of 30 bytes, and 4 more for as many again."""
    state = state_of(pipeline_config(), capacity=5_000)
    values = [payment(i, card_id=f"c{i}") for i in range(2_000)]
    run([batch(values, 0)], pipeline_config(), trained(), state)
    cards = state.tables.cards
    rows = 2_048 * cards.kind.row.itemsize
    assert rows < cards.n_bytes <= rows + 2_048 * 40


def test_a_scrape_in_a_thread_and_a_worker_that_counts_do_not_disturb_each_other() -> None:
    """Partitions come and go while somebody scrapes: every scrape is whole."""
    metrics, faults, is_over = Metrics("1"), list[BaseException](), threading.Event()

    def scrape() -> None:
        try:
            while not is_over.is_set():
                assert metrics.exposition(openmetrics=True)[0].endswith(b"# EOF\n")
        except BaseException as fault:
            faults.append(fault)

    scraping = threading.Thread(target=scrape)
    scraping.start()
    for i in range(300):
        metrics.keep_partitions({i, i + 1}, now_s=400.0 * i)
        metrics.lag_records.replace({str(i): 1.0})
        metrics.lag_records.set(2.0, str(i + 1))
        metrics.dead_letters.labels("t", f"reason{i}").inc()
    is_over.set()
    scraping.join(DEADLINE_S)
    assert not faults
