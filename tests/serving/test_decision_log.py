"""The log of decisions: what there is no room for is counted, and nobody waits."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec

from streamer.contract.answer_message import Answer
from streamer.contract.decision_message import Decision
from streamer.serving.answerer import AskedBy, Given
from streamer.serving.card_states import CardStates, Found
from streamer.serving.decision_log import DecisionLog, decision_of
from streamer.settings import Settings
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
