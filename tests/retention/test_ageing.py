"""Who was not seen for long is forgotten, in memory and in Redis, and nobody else."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from streamer.features import EntityTable
from streamer.features.kinds import CARDS
from streamer.features.packed import names_of
from streamer.indexing import fingerprints
from streamer.stream.scoring.ageing import Ageing
from tests.retention.held import unstated
from tests.stream.conftest import MakeService, make_service
from tests.stream.harness import Record, Service, payments, wait_until

__all__ = ["make_service"]

LONG_AGO, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def table_of(**times_ms: float) -> EntityTable:
    """Return a table with these cards, as of these times."""
    table = EntityTable(CARDS, 100)
    rows = table.rows(fingerprints(list(times_ms)), to_change=True)
    table.times_ms[rows] = list(times_ms.values())
    return table


def names(*cards: str) -> list[str]:
    return sorted(names_of(fingerprints(list(cards))))


def test_a_table_lets_go_of_what_is_old_and_of_what_is_stored_as_old_unless_it_is_held() -> None:
    """Before 3,000: a and b by what is held, c and d by what is stored; b was seen since."""
    table = table_of(a=1_000.0, b=5_000.0)
    stored = dict(table_of(a=900.0, b=800.0, c=2_999.0, d=3_000.0).take_changed().items())
    assert len(stored) == 4
    assert table.let_go(3_000.0, stored) == names("a", "c")
    assert len(table) == 1
    assert table.unknown(fingerprints(["a", "b"])) == names("a")
    # Nothing of it is saved again.
    assert list(table.take_changed()) == names("b")


def test_with_what_is_stored_alone_what_is_held_stays() -> None:
    table = table_of(a=1_000.0)
    stored = dict(table_of(a=1_000.0, c=1_000.0).take_changed().items())
    assert table.let_go(3_000.0, stored, in_memory=False) == names("c")
    assert len(table) == 1
    # A row before its first event has no time, and waits for it.
    assert table_of(e=-1.0).let_go(3_000.0, {}) == []


def at(record: Record, moment: datetime, prefix: str) -> Record:
    payment = json.loads(record[1] or b"")
    told = {"card_id": prefix + payment["card_id"], "timestamp": moment.isoformat()}
    told["transaction_id"] = prefix + payment["transaction_id"]
    return told["card_id"].encode(), json.dumps(payment | told).encode()


def stored(service: Service, cards: set[str]) -> int:
    """Return of how many of these cards Redis has a row."""
    wanted = {"cards": names(*cards)}

    async def count(store: object) -> int:
        n = 0
        for partition in range(service.n_partitions):
            found = await store.load_entities(  # type: ignore[attr-defined]
                service.settings.transactions_topic, partition, wanted
            )
            n += sum(state is not None for state in found["cards"].values())
        return n

    return service.ask(count)


@pytest.fixture
def service(make_service: MakeService) -> Service:
    return make_service(n_partitions=2, cards_retention_s=str(30 * 86_400))


def test_cards_that_have_not_paid_for_a_month_go_from_memory_and_redis_and_begin_anew(
    service: Service, redis_url: str
) -> None:
    sent = payments(400)
    old = [at(each, LONG_AGO + timedelta(seconds=n), "old-") for n, each in enumerate(sent[:200])]
    new = [at(each, NOW + timedelta(seconds=n), "new-") for n, each in enumerate(sent[200:])]
    before, since = ({json.loads(r[1] or b"")["card_id"] for r in some} for some in (old, new))
    worker = service.worker().wait_ready()
    service.produce(old)
    service.wait_consumed()
    # A card may have paid in both partitions.
    n_before = stored(service, before)
    assert n_before >= len(before)
    # Nothing is old before somebody pays later.
    assert worker.metric("streamer_entities_aged_total", kind="cards") == 0
    service.produce(new)
    service.wait_consumed()
    wait_until(lambda: stored(service, before) == 0, worker.log)
    assert stored(service, since) >= len(since)
    assert worker.metric("streamer_entities_aged_total", kind="cards") >= n_before
    wait_until(lambda: worker.wrote('"event": "not seen for long"'), worker.log)
    # One of them comes back, and nothing is counted twice or lost.
    [again] = {json.loads(old[0][1] or b"")["card_id"]}
    payment = json.loads(old[0][1] or b"") | {
        "transaction_id": "back",
        "timestamp": NOW.isoformat(),
    }
    service.produce([(again.encode(), json.dumps(payment).encode())])
    service.wait_consumed()
    wait_until(lambda: stored(service, {again}) == 1, worker.log)
    service.assert_exact()
    assert unstated(redis_url, service.settings.namespace) == []


def looked(table: EntityTable, rows: dict[str, bytes], *, pending: Any, n_saved: int) -> list[str]:
    """Return what one look lets go of, ``n_saved`` checkpoints being written while Redis is asked."""
    assigned = SimpleNamespace(
        topic="t",
        partition=0,
        state=SimpleNamespace(next_offset=5, tables=SimpleNamespace(all=lambda: (table,))),
        pending=pending,
        erasing={},
        n_saved=0,
    )

    async def some_stored(*_: object) -> tuple[int, dict[str, bytes]]:
        assigned.n_saved += n_saved
        return 0, rows

    counted = SimpleNamespace(inc=lambda n: None)
    kit: Any = SimpleNamespace(
        settings=SimpleNamespace(cards_retention_s=1.0),
        store=SimpleNamespace(erasures=SimpleNamespace(some_stored=some_stored)),
        metrics=SimpleNamespace(entities_aged=SimpleNamespace(labels=lambda kind: counted)),
        clock=SimpleNamespace(monotonic=lambda: 0.0),
    )

    async def look() -> None:
        held: Any = SimpleNamespace(assigned={0: assigned}, lock=asyncio.Lock(), unsaved_since={})
        ageing = Ageing(kit, held)
        await ageing.look()
        # Until Redis has let go of them nothing more is looked at.
        again = dict(assigned.erasing)
        await ageing.look()
        assert assigned.erasing == again or not again

    asyncio.run(look())
    return [name for each in assigned.erasing.values() for name in each["cards"]]


def test_what_a_checkpoint_has_or_is_about_to_write_is_not_taken_for_as_old_as_it_was() -> None:
    """The newest payment is of 10,000 ms, so that rows before 9,000 go: a is stored as of 1,000."""
    table = table_of(z=10_000.0)
    rows = dict(table_of(a=1_000.0).take_changed().items())
    assert looked(table, rows, pending=None, n_saved=0) == names("a")
    assert looked(table, rows, pending=None, n_saved=1) == []
    newer = SimpleNamespace(entities={"cards": dict(table_of(a=9_500.0).take_changed().items())})
    assert looked(table, rows, pending=newer, n_saved=0) == []
    # Of a partition that nobody has paid in nothing is asked for.
    assert looked(EntityTable(CARDS, 100), rows, pending=None, n_saved=0) == []
