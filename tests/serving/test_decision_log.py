"""The log of decisions: what there is no room for is counted, and nobody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from streamer.contract.answer_message import Answer
from streamer.contract.decision_message import Decision
from streamer.serving import decision_log
from streamer.serving.answerer import AskedBy, Given
from streamer.serving.card_states import CardStates, Found
from streamer.serving.decision_log import DecisionLog, decision_of
from streamer.serving.serving import Serving
from streamer.settings import Settings
from streamer.store import Store
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.serving.stored_service import StoredService
from tests.serving.test_answering import WITHIN_S, asked


class Counted:
    """Counts by outcome, as a metric does."""

    def __init__(self) -> None:
        self.by_outcome: Counter[str] = Counter()

    def labels(self, outcome: str) -> Any:
        counted = self

        class One:
            def inc(self, n: int = 1) -> None:
                counted.by_outcome[outcome] += n

        return One()


class Slow:
    """States that take half a second."""

    def __init__(self, states: CardStates) -> None:
        self._states = states
        self.n_partitions = states.n_partitions

    async def of(self, *asked: Any) -> Found:
        await asyncio.sleep(0.5)
        return await self._states.of(*asked)


def given(service: StoredService, values: list[bytes]) -> list[Given]:
    """Return what is told of the answers to ``values``."""
    found: list[Given] = []

    async def work(answerer: Any) -> None:
        answerer.on_given = lambda _, those: found.extend(those)
        await answerer.answer(values, service.version, explain=False, within_s=WITHIN_S)

    asked(service, work)
    return found


def test_a_decision_has_the_features_that_the_stream_would_write(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    told = given(service, [value for _, value in following[:30]] + [b"{}"])
    assert len(told) == 30
    for record, each in zip(following, told, strict=False):
        outcome = service.scored_next(record)
        made = decision_of(each, AskedBy("grpc", "c"), datetime.now(UTC))
        decision = msgspec.json.decode(msgspec.json.encode(made), type=Decision)
        names = msgspec.json.decode(record[1])
        assert isinstance(decision.answer, Answer)
        assert decision.answer.transaction_id == names["transaction_id"]
        assert decision.merchant_id == names.get("merchant_id")
        [score] = outcome.scores
        assert decision.state is not None
        assert decision.state.partition == score.source.partition
        # Saved up to where the next payment comes.
        assert decision.state.offset == score.source.offset
        [row] = service.rows_next(record)
        assert decision.features == row.features
        assert decision.event_timestamp == row.event_timestamp


def test_without_kafka_what_there_is_no_room_for_is_dropped_and_the_end_does_not_wait(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    told = given(service, [value for _, value in following[:5]])
    counted = Counted()
    nowhere = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    log = DecisionLog(nowhere, "decisions", counted, room=4)
    began = time.monotonic()
    log.note(AskedBy(), told)
    assert counted.by_outcome == {"dropped": 5}
    log.note(AskedBy(), told[:4])
    log.note(AskedBy(), told[:4])
    assert time.monotonic() - began < 1.0
    log.close(0.5)
    assert sum(counted.by_outcome.values()) == 13
    assert counted.by_outcome["published"] == 0


def test_an_answer_that_was_late_was_not_given(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    found: list[Given] = []

    async def work(answerer: Any) -> None:
        answerer.on_given = lambda _, those: found.extend(those)
        answerer.states = Slow(answerer.states)
        late = answerer.answer([following[0][1]], service.version, explain=False, within_s=0.2)
        in_time = answerer.answer(
            [following[1][1]], service.version, explain=False, within_s=WITHIN_S
        )
        await asyncio.gather(late, in_time, return_exceptions=True)

    asked(service, work)
    [one] = found
    assert one.answer.transaction_id == msgspec.json.decode(following[1][1])["transaction_id"]


class Made:
    """A client of Kafka that takes what it has room for, and reports once it is asked."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._room = config["queue.buffering.max.messages"]
        self._unreported: list[Any] = []

    def produce(self, *_: Any, on_delivery: Any) -> None:
        if len(self._unreported) >= self._room:
            raise BufferError
        self._unreported.append(on_delivery)

    def poll(self, _: float) -> None:
        reported, self._unreported = self._unreported, []
        for report in reported:
            report(None, None)

    def flush(self, _: float) -> int:
        self.poll(0)
        return 0


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "Producer", Made)
    monkeypatch.setattr(decision_log, "partition_counts", lambda *_: {"decisions": 4})


@pytest.mark.usefixtures("made")
def test_reports_are_read_while_more_and_more_is_noted(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    told = given(service, [value for _, value in following[:60]])
    counted = Counted()
    log = DecisionLog(Settings(), "decisions", counted, room=60)
    # Two requests that wait when the thread looks: without a report between them none has room.
    log._room = 120
    log.note(AskedBy(), told)
    log.note(AskedBy(), told)
    log.close(5.0)
    assert counted.by_outcome == {"published": 120}


@pytest.mark.usefixtures("made")
def test_a_decision_that_cannot_be_made_costs_no_other(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = given(service, [value for _, value in following[:5]])
    monkeypatch.setattr(decision_log, "decision_of", one_in_two(decision_log.decision_of))
    counted = Counted()
    log = DecisionLog(Settings(), "decisions", counted)
    with capture_logs() as events:
        log.note(AskedBy(), told)
        log.close(5.0)
    assert counted.by_outcome == {"published": 3, "failed": 2}
    assert [event["event"] for event in events] == ["decision not made"]


def one_in_two(work: Any) -> Any:
    asked = iter(range(100))

    def made(*arguments: Any) -> Any:
        if next(asked) % 2:
            raise OverflowError("date value out of range")
        return work(*arguments)

    return made


@pytest.mark.usefixtures("made")
def test_a_thread_that_dies_says_so_and_every_answer_is_counted(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no more")

    told = given(service, [value for _, value in following[:5]])
    monkeypatch.setattr(decision_log, "partition_counts", fail)
    counted = Counted()
    with capture_logs() as events:
        log = DecisionLog(Settings(), "decisions", counted)
        log.note(AskedBy(), told)
        wait_until(lambda: not log._thread.is_alive(), "it has died")
        assert counted.by_outcome == {"failed": 5}
        log.note(AskedBy(), told)
        log.close(5.0)
    assert counted.by_outcome == {"failed": 10}
    assert [event["event"] for event in events] == ["decisions are published no more"]


@pytest.mark.usefixtures("made")
def test_what_a_thread_that_hangs_does_later_is_not_counted_again(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_go = threading.Event()

    def hang(*_: Any) -> dict[str, int]:
        may_go.wait(DEADLINE_S)
        return {"decisions": 4}

    told = given(service, [value for _, value in following[:5]])
    monkeypatch.setattr(decision_log, "partition_counts", hang)
    counted = Counted()
    log = DecisionLog(Settings(), "decisions", counted)
    log.note(AskedBy(), told)
    began = time.monotonic()
    log.close(0.3)
    assert time.monotonic() - began < 5.0
    may_go.set()
    wait_until(lambda: not log._thread.is_alive(), "it has ended")
    assert counted.by_outcome == {"failed": 5}


def test_answers_do_not_fail_with_what_notes_them(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no more")

    async def work(answerer: Any) -> Any:
        answerer.on_given = fail
        # Two calls of the model, one after the other in the same turn.
        return await asyncio.gather(
            *(
                answerer.answer(
                    [following[i][1]], service.version, explain=bool(i), within_s=WITHIN_S
                )
                for i in range(2)
            )
        )

    with capture_logs() as events:
        found = asked(service, work)
    assert [isinstance(answer, Answer) for [answer] in found] == [True, True]
    assert [event["event"] for event in events] == ["answers not noted"] * 2


@pytest.mark.usefixtures("made")
def test_the_stores_are_closed_where_the_log_of_decisions_is_not(
    service: StoredService, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close_store, close_log = list[Store](), Store.close, DecisionLog.close

    async def noted(store: Store) -> None:
        closed.append(store)
        await close_store(store)

    def fail(log: DecisionLog, within_s: float) -> None:
        close_log(log, within_s)
        raise RuntimeError("no more")

    async def run() -> Serving:
        serving = Serving(
            service.settings.model_copy(update={"serve_decisions_topic": "decisions"})
        )
        with pytest.raises(RuntimeError, match="no more"):
            async with serving.running():
                pass
        return serving

    monkeypatch.setattr(Store, "close", noted)
    monkeypatch.setattr(DecisionLog, "close", fail)
    serving = asyncio.run(run())
    assert closed == [serving.state_store, serving.store]
