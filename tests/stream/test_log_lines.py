"""The whole output of a worker: one JSON object per line, and nothing of what it read."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from streamer.contract.ledger import Ledger
from streamer.embedded import EmbeddedKafka
from streamer.store.keys import Keys
from tests.stream.conftest import MakeService
from tests.stream.harness import Record, Service, payments, wait_until

# What must not come out again, in whatever field it came in.
MARK = "zqx"
_IS_MARKED = re.compile(MARK, re.IGNORECASE)


def marked(n: int) -> list[Record]:
    """Return payments whose cards, merchants and ids nobody else would write."""
    found: list[Record] = []
    for _, value in payments(n):
        assert value is not None
        payment = json.loads(value)
        payment["card_id"] = f"{MARK}-card-{payment['card_id']}"
        payment["transaction_id"] = f"{MARK}-id-{payment['transaction_id']}"
        payment["merchant_id"] = f"{MARK}-merchant-{payment.get('merchant_id')}"
        found.append((payment["card_id"].encode(), json.dumps(payment).encode()))
    return found


def broken() -> list[Record]:
    """Return messages that cannot be scored, each with the mark in another place."""
    whole = json.loads(marked(1)[0][1] or b"")
    wrong: list[Any] = [
        whole | {"amount": f"{MARK}12,50"},
        whole | {"currency": MARK.upper()},
        whole | {"timestamp": f"2026-13-99T{MARK}"},
        whole | {"amount": {MARK: MARK}},
        {MARK: whole},
        [MARK],
        MARK,
    ]
    values = [json.dumps(value).encode() for value in wrong]
    text = json.dumps(whole).encode()
    values += [text[:-9], b"\xff\xfe" + MARK.encode(), text.replace(b":", b"="), b"{" * 5_000]
    return [(f"{MARK}-key".encode(), value) for value in values]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def marked_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if _IS_MARKED.search(line)]


@pytest.fixture(scope="module")
def marks() -> list[Record]:
    """Made once: it is what takes longest here."""
    return marked(2_000)


def wait_for(log: Path, event: str) -> None:
    """Return once there is a line of an event."""
    wait_until(lambda: f'"event": "{event}"' in log.read_text(), log.read_text)


def occupy(service: Service, redis_url: str) -> None:
    """Put a text where a partition's cards are, so that the next checkpoint is refused."""
    keys = Keys(service.settings.namespace)
    with redis.Redis.from_url(redis_url) as client:
        for partition in range(service.n_partitions):
            name = keys.entities("cards", service.settings.transactions_topic, partition)
            client.set(name, "occupied")


def test_at_debug_no_line_shows_what_was_read_and_every_line_is_json(
    make_service: MakeService, redis_url: str, marks: list[Record], tmp_path: Path
) -> None:
    """Good payments, broken messages, and a crash whose traceback has the command with card ids."""
    service = make_service(log_level="DEBUG", log_format="auto")
    service.log_folder, log = tmp_path, tmp_path / "worker-0.log"
    worker = service.worker().wait_ready()
    letters = broken()
    service.produce(marks[:1_000] + letters)
    ledger = service.wait_consumed()
    assert ledger.dead_lettered == len(letters)
    wait_for(log, "checkpoint")
    occupy(service, redis_url)
    service.produce(marks[1_000:])
    wait_until(lambda: not worker.child.is_running(), worker.log)

    text = log.read_text()
    lines = lines_of(text)
    events = [line["event"] for line in lines]
    for event in ("worker starts", "partition claimed", "dead letters", "worker ends at once"):
        assert event in events
    assert "WRONGTYPE" in lines[-1]["error"]
    assert lines[-1]["exception"][0]["frames"]
    assert not marked_lines(text)


class Day(NamedTuple):
    """What a worker wrote from its start to its stop, and what it did."""

    text: str
    lines: list[dict[str, Any]]
    ledger: Ledger
    n_sent: list[int]


@pytest.fixture(scope="module")
def quiet_day(
    kafka: EmbeddedKafka,
    redis_url: str,
    marks: list[Record],
    tmp_path_factory: pytest.TempPathFactory,
) -> Day:
    """One worker with good and bad messages, asked for its stacks, then stopped."""
    with Service(kafka.bootstrap_servers, redis_url).create_topics() as service:
        service.log_folder = tmp_path_factory.mktemp("quiet-day")
        log = service.log_folder / "worker-0.log"
        worker = service.worker().wait_ready()
        # It looks once a second whether it is, and says so then.
        wait_for(log, "ready")
        service.produce(marks + broken())
        ledger = service.wait_consumed()
        worker.child.send_signal(signal.SIGUSR1)
        wait_for(log, "stacks")
        assert worker.get("/readyz")[0] == 200
        assert worker.terminate() == 0
        text = log.read_text()
        return Day(text, lines_of(text), ledger, service.n_sent)


def test_the_lines_of_the_checkpoints_add_up_to_the_ledger(quiet_day: Day) -> None:
    ledger = quiet_day.ledger
    checkpoints = [line for line in quiet_day.lines if line["event"] == "checkpoint"]
    for field, total in {
        "consumed": ledger.consumed,
        "scored": ledger.scored,
        "alerts": ledger.alerted,
        "dead_letters": ledger.dead_lettered,
        "warming": ledger.warming,
        "learned": ledger.scored,
    }.items():
        assert sum(line[field] for line in checkpoints) == total, field
    ends = set(enumerate(quiet_day.n_sent))
    assert {(line["partition"], line["offset"]) for line in checkpoints} >= ends


def test_from_start_to_stop_a_worker_speaks_for_its_libraries(quiet_day: Day) -> None:
    libraries = ("faust", "mode", "aiokafka", "asyncio")
    foreign = [line for line in quiet_day.lines if line["logger"].startswith(libraries)]
    assert {line["level"] for line in foreign} <= {"warning", "error"}
    events = [line["event"] for line in quiet_day.lines]
    assert not [event for event in events if event.startswith("[^")]
    # A slow machine may have warnings, or a rebalance, in between.
    life = ["worker starts", "partitions assigned", "partition claimed", "ready"]
    life += ["worker stops", "worker stopped"]
    assert sorted(life, key=events.index) in (life, [*life[:2], "ready", life[2], *life[4:]])


def test_asked_by_a_signal_a_worker_tells_where_it_is_without_what_it_holds(quiet_day: Day) -> None:
    """Faust's own answer to SIGUSR1 has every frame's local variables."""
    (line,) = [line for line in quiet_day.lines if line["event"] == "stacks"]
    assert any(name.startswith("MainThread") for name in line["threads"])
    assert len(line["tasks"]) > 3
    # Down to what each waits for, not where it was begun alone.
    assert any(len(frames) > 2 for frames in line["tasks"].values())
    assert not marked_lines(quiet_day.text)
