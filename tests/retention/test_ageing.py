"""Who was not seen for long is forgotten, in memory and in Redis, and nobody else."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.cancelling import cancel_and_wait
from streamer.errors import UnavailableError
from streamer.features import EntityTable
from streamer.features.kinds import CARDS
from streamer.features.packed import names_of
from streamer.indexing import fingerprints
from streamer.store.keys import Keys
from streamer.stream.scoring.ageing import Ageing
from streamer.stream.scoring.following_erasures import FollowingErasures
from tests.retention.held import unstated
from tests.store.helpers import opened, raw
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
    assert table.let_go(3_000.0, stored, 0, 100) == names("a", "c")
    assert len(table) == 1
    assert table.unknown(fingerprints(["a", "b"])) == names("a")
    # Nothing of it is saved again.
    assert list(table.take_changed()) == names("b")


def test_with_what_is_stored_alone_what_is_held_stays() -> None:
    table = table_of(a=1_000.0)
    stored = dict(table_of(a=1_000.0, c=1_000.0).take_changed().items())
    assert table.let_go(3_000.0, stored) == names("c")
    assert len(table) == 1
    # A row before its first event has no time, and waits for it.
    assert table_of(e=-1.0).let_go(3_000.0, {}, 0, 100) == []


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


class Counted:
    """A counter with labels, and how far it has come."""

    def __init__(self) -> None:
        self.n = 0

    def labels(self, _: str) -> Counted:
        return self

    def inc(self, n: int) -> None:
        self.n += n


def test_a_row_that_no_entity_can_have_is_skipped_counted_and_told_once(
    redis_url: str, redis_namespace: str
) -> None:
    """Of eight rows four are none, and of the others one is old: before 10,000 - 1,000 ms."""
    good = dict(table_of(a=1_000.0, b=9_000.0, c=9_500.0, d=9_900.0).take_changed().items())
    row = good[names("a")[0]]
    others = {"card-1": row, "9" * 40: row, b"\xff": row, "17": row[:-1]}

    async def work() -> tuple[list[str], list[Any], int]:
        unreadable, table = Counted(), table_of(z=10_000.0)
        async with opened(redis_url, redis_namespace) as store, raw(redis_url) as client:
            await client.hset(
                Keys(redis_namespace).entities("cards", "t", 0), mapping=good | others
            )
            assigned = assigned_with(table)
            kit: Any = SimpleNamespace(
                settings=SimpleNamespace(cards_retention_s=1.0),
                store=store,
                metrics=SimpleNamespace(entities_aged=Counted(), entities_unreadable=unreadable),
                clock=SimpleNamespace(monotonic=lambda: 0.0),
            )
            held: Any = SimpleNamespace(
                assigned={0: assigned}, lock=asyncio.Lock(), unsaved_since={}
            )
            ageing = Ageing(kit, held)
            with capture_logs() as logs:
                for _ in range(2):
                    await ageing.look()
                    gone = [name for each in assigned.erasing.values() for name in each["cards"]]
                    assigned.erasing.clear()
            return gone, logs, unreadable.n

    gone, logs, n = asyncio.run(work())
    assert gone == names("a")
    told = [(each["event"], each["rows"]) for each in logs if each["log_level"] == "warning"]
    assert (told, n) == ([("rows of no entity", 4)], 8)


def test_memory_is_looked_at_in_pieces_between_which_others_go_on_and_the_time_is_taken_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """100 rows, 8 at a time, up to the one in which c36 is."""
    monkeypatch.setattr("streamer.stream.scoring.ageing._ROWS_AT_ONCE", 8)
    table = table_of(**{f"c{n}": 1_000.0 if n == 36 else 10_000.0 for n in range(100)})
    [row] = table.rows(fingerprints(["c36"]), to_change=False).tolist()
    pieces, n_turns, is_over = [], 0, False
    let_go = table.let_go

    def noted(before_ms: float, stored: Any, first: int = 0, until: int = 0) -> list[str]:
        pieces.append((first, until, before_ms))
        # The newest payment by now counts with the next round.
        table.times_ms[0] = 50_000.0
        return let_go(before_ms, stored, first, until)

    monkeypatch.setattr(table, "let_go", noted)

    async def count() -> None:
        nonlocal n_turns
        while not is_over:
            n_turns += 1
            await asyncio.sleep(0)

    async def work() -> list[str]:
        nonlocal is_over
        counting = asyncio.create_task(count())
        assigned = assigned_with(table)
        held: Any = SimpleNamespace(assigned={0: assigned}, lock=asyncio.Lock(), unsaved_since={})
        kit: Any = SimpleNamespace(
            settings=SimpleNamespace(cards_retention_s=1.0),
            metrics=SimpleNamespace(entities_aged=Counted()),
            clock=SimpleNamespace(monotonic=lambda: 0.0),
        )
        await Ageing(kit, held).look()
        is_over = True
        await counting
        return [name for each in assigned.erasing.values() for name in each["cards"]]

    gone = asyncio.run(work())
    assert gone == names("c36")
    assert pieces == [(n, n + 8, 9_000.0) for n in range(0, row + 1, 8)]
    assert n_turns > len(pieces)


def test_a_look_for_erasures_does_not_wait_for_one_for_what_is_old() -> None:
    async def work() -> int:
        n_looks, enough = 0, asyncio.Event()
        following = FollowingErasures.__new__(FollowingErasures)

        async def look() -> None:
            nonlocal n_looks
            n_looks += 1
            if n_looks == 3:
                enough.set()
            raise UnavailableError("away")

        never: Any = SimpleNamespace(look=asyncio.Event().wait)
        settings = SimpleNamespace(checkpoint_interval_s=0.001)
        following._kit = SimpleNamespace(settings=settings)  # type: ignore[assignment]
        following._ageing, following.look = never, look  # type: ignore[method-assign]
        running = asyncio.create_task(following.run())
        await asyncio.wait_for(enough.wait(), 30.0)
        await cancel_and_wait([running])
        return n_looks

    assert asyncio.run(work()) >= 3


def assigned_with(table: EntityTable) -> Any:
    """Return a partition that has one table."""
    return SimpleNamespace(
        topic="t",
        partition=0,
        state=SimpleNamespace(next_offset=5, tables=SimpleNamespace(all=lambda: (table,))),
        pending=None,
        erasing={},
        n_saved=0,
    )


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
        metrics=SimpleNamespace(
            entities_aged=SimpleNamespace(labels=lambda kind: counted),
            entities_unreadable=SimpleNamespace(labels=lambda kind: counted),
        ),
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
