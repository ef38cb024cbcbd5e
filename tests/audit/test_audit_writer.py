"""What a chain does when Kafka refuses, gives up, or Redis goes away in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from streamer.audit import audit_sender, audit_writer
from streamer.audit.audit_entry import Actor, Head, Told
from streamer.audit.audit_sender import AuditSender
from streamer.audit.audit_writer import AuditWriter
from streamer.audit.kept_heads import KeptHeads
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S

VIEW = Told(actor=Actor("mona", "session"), action="view alert")


def settings() -> Settings:
    return Settings(
        kafka_bootstrap_servers=f"127.0.0.1:{stable_port()}",
        redis_url=f"redis://127.0.0.1:{stable_port()}/0",  # type: ignore[arg-type]
        audit_timeout_s=0.2,
    )


class Log:
    """What stands in for a broker: ``refusals`` are what becomes of the next messages."""

    def __init__(self) -> None:
        self.values: list[tuple[str, bytes]] = []
        self.refusals: list[Exception | str] = []
        self.n_producers = 0

    def producer(self, _: Any) -> Any:
        self.n_producers += 1
        return LogProducer(self)


class LogProducer:
    def __init__(self, log: Log) -> None:
        self.log, self.reports, self.has_failed = log, list[Callable[[], None]](), False

    def produce(self, _: str, value: bytes, key: str, on_delivery: Any) -> None:
        refusal = self.log.refusals.pop(0) if self.log.refusals else None
        # Gapless: after one that it could not send a producer sends no more.
        refusal = refusal or ("fatal" if self.has_failed else None)
        self.has_failed = refusal is not None
        if isinstance(refusal, Exception):
            raise refusal
        if refusal is None:
            self.log.values.append((key, value))
        self.reports.append(lambda: on_delivery(refusal, None))

    def poll(self, _: float) -> None:
        while self.reports:
            self.reports.pop(0)()
        time.sleep(0.001)

    def flush(self, _: float) -> None:
        self.poll(0)

    def purge(self) -> None:
        pass


class Memory(KeptHeads):
    """Redis that may be away for some calls."""

    def __init__(self) -> None:
        object.__setattr__(self, "known", {})
        object.__setattr__(self, "held", {})
        object.__setattr__(self, "n_away", 0)

    async def hold(self, writer: str, sequence: int, value: bytes) -> None:
        self.held[writer, sequence] = value  # type: ignore[attr-defined]

    async def heads(self) -> dict[str, Head]:
        return dict(self.known)  # type: ignore[attr-defined]

    async def unsent(self) -> dict[str, dict[int, bytes]]:
        return {}

    async def taken(self, writer: str, head: Head, sequences: Iterable[int]) -> None:
        if self.n_away:  # type: ignore[attr-defined]
            object.__setattr__(self, "n_away", self.n_away - 1)  # type: ignore[attr-defined]
            raise UnavailableError("Redis must answer")
        self.known[writer] = head  # type: ignore[attr-defined]
        for sequence in sequences:
            del self.held[writer, sequence]  # type: ignore[attr-defined]

    async def forget(self, writers: Any) -> None:
        assert not writers


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(audit_sender, "Producer", made.producer)
    monkeypatch.setattr(audit_sender, "_AGAIN_S", 0.001)
    return made


def test_what_kafka_does_not_take_goes_out_again_with_all_that_came_after_it_in_order(
    log: Log,
) -> None:
    log.refusals = [KafkaException(KafkaError(KafkaError._FATAL)), "timed out", "timed out"]
    taken: list[tuple[str, int]] = []
    sender = AuditSender(settings(), lambda writer, number: taken.append((writer, number)))
    for number in range(5):
        sender.send("w", number, str(number).encode())
    deadline = time.monotonic() + DEADLINE_S
    while len(taken) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    sender.close(1.0)
    assert taken == [("w", number) for number in range(5)]
    assert (sender.error, log.n_producers > 1) == ("", True)
    first = {value: n for n, (_, value) in reversed(list(enumerate(log.values)))}
    assert sorted(first, key=lambda value: first[value]) == [b"0", b"1", b"2", b"3", b"4"]
    sender._on_error("no broker")
    assert sender.error == "no broker"


def test_a_topic_that_takes_nothing_is_tried_more_and_more_seldom_and_told_of_once(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_sender, "_AGAIN_S", 0.01)
    monkeypatch.setattr(audit_sender, "_LONGEST_S", 0.05)
    log.refusals = ["topic authorization failed"] * 6
    taken: list[tuple[str, int]] = []
    with capture_logs() as told:
        sender = AuditSender(settings(), lambda writer, number: taken.append((writer, number)))
        rests: list[float] = []
        rest_s = sender._rest_s
        monkeypatch.setattr(sender, "_rest_s", lambda: rests.append(rest_s()) or rests[-1])
        sender.send("w", 0, b"0")
        deadline = time.monotonic() + DEADLINE_S
        while not taken and time.monotonic() < deadline:
            time.sleep(0.005)
        sender.close(1.0)
    assert taken == [("w", 0)]
    assert rests == [0.01, 0.02, 0.04, 0.05, 0.05, 0.05]
    assert sender.n_failures == 6
    assert [each["event"] for each in told] == [
        "audit entry not taken",
        "audit entries taken again",
    ]
    assert told[1]["tries"] == 6
    # The next one begins anew.
    sender._fail("once more")
    assert rest_s() == 0.01


def test_a_head_that_redis_was_not_told_of_is_told_at_the_end(log: Log) -> None:
    async def work() -> tuple[Memory, AuditWriter]:
        kept = Memory()
        patient = settings().model_copy(update={"audit_timeout_s": DEADLINE_S})
        writer = AuditWriter(patient, kept, "test", lambda: 1_790_000_000_000)
        assert (writer.unsent_s, writer.acknowledged) == (0.0, None)
        object.__setattr__(kept, "n_away", 1)
        assert await writer.stored(VIEW)
        await asyncio.sleep(0.05)
        assert await kept.heads() == {}
        await writer.close(1.0)
        return kept, writer

    kept, writer = asyncio.run(work())
    assert kept.known[writer.writer] == writer.head == writer.acknowledged  # type: ignore[attr-defined]
    assert kept.held == {}  # type: ignore[attr-defined]
    assert writer.counts == {("view alert", "granted"): 1}


def test_a_chain_that_is_looked_after_is_linked_every_hour_and_tells_redis_what_it_missed(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_writer, "_LOOK_S", 0.002)
    monkeypatch.setattr(audit_writer, "HOUR_S", 0.001)

    async def work() -> AuditWriter:
        kept = Memory()
        object.__setattr__(kept, "n_away", 1)
        writer = AuditWriter(settings(), kept, "test", lambda: 1_790_000_000_000)
        async with asyncio.timeout(DEADLINE_S), writer.running():
            await writer.noted(VIEW)
            while writer.writer not in await kept.heads():  # noqa: ASYNC110 - the chain's doing
                await asyncio.sleep(0.002)
            while writer.counts["anchor", "done"] < 2:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.002)
        return writer

    assert asyncio.run(work()).n_unsent == 0


def test_an_entry_that_redis_may_have_taken_keeps_its_number_and_its_bytes(log: Log) -> None:
    """Its answer was lost: another entry with that number would be a fork of an honest chain."""
    held: list[tuple[int, bytes]] = []

    class Unsure(Memory):
        async def hold(self, writer: str, sequence: int, value: bytes) -> None:
            await super().hold(writer, sequence, value)
            held.append((sequence, value))
            if len(held) == 1:
                raise UnavailableError("Redis must answer")

    async def work() -> AuditWriter:
        patient = settings().model_copy(update={"audit_timeout_s": DEADLINE_S})
        writer = AuditWriter(patient, Unsure(), "test", lambda: 1_790_000_000_000)
        with pytest.raises(UnavailableError):
            await writer.noted(VIEW)
        assert await writer.stored(VIEW)
        await writer.close(1.0)
        return writer

    writer = asyncio.run(work())
    assert [sequence for sequence, _ in held] == [0, 0, 1]
    assert held[0] == held[1]
    assert [value for _, value in log.values] == [held[0][1], held[2][1]]
    assert writer.n_unsent == 0


def test_a_refused_change_is_told_of_where_no_more_may_wait(log: Log) -> None:
    """The change was the last that fits; without the entry it would stand there as if it was made."""
    log.refusals = ["refused"] * 10_000

    async def work() -> AuditWriter:
        one = settings().model_copy(update={"audit_max_unsent": 1})
        writer = AuditWriter(one, Memory(), "test", lambda: 1_790_000_000_000)
        with pytest.raises(UnavailableError, match="nothing was changed"):
            await writer.stored(VIEW)
        with pytest.raises(UnavailableError, match="STREAMER_AUDIT_MAX_UNSENT"):
            await writer.noted(VIEW)
        await writer.close(0.1)
        return writer

    assert asyncio.run(work()).counts["not stored", "refused"] == 1


def test_a_cancellation_that_a_library_lost_holds_no_stop_up(log: Log) -> None:
    """As `asyncio.timeout` of a connection does that is made at the same moment."""
    is_asking = asyncio.Event()

    class Losing(Memory):
        async def unsent(self) -> dict[str, dict[int, bytes]]:
            is_asking.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(DEADLINE_S)
            return {}

    async def work() -> None:
        writer = AuditWriter(settings(), Losing(), "test", lambda: 1_790_000_000_000)
        async with asyncio.timeout(DEADLINE_S), writer.running():
            await is_asking.wait()

    asyncio.run(work())


def test_what_redis_cannot_keep_is_refused_and_the_chain_stays_where_it_was(log: Log) -> None:
    async def work() -> AuditWriter:
        own = settings()
        store = open_review_store(own)
        writer = AuditWriter(own, KeptHeads(store.client), "test", lambda: 1_790_000_000_000)
        with pytest.raises(UnavailableError, match="Redis"):
            await writer.noted(VIEW)
        with pytest.raises(UnavailableError, match="Redis"):
            await writer.stored(VIEW)
        await writer.close(0.0)
        await store.close()
        return writer

    writer = asyncio.run(work())
    assert (writer.head.sequence, writer.n_refused, log.values) == (
        -1,
        {"view": 1, "change": 1},
        [],
    )
