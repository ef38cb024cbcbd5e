"""What is broken is told in words, and costs only who asked about it: no request gets a 500."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from redis import Redis
from structlog.testing import capture_logs

from streamer.contract.answer_message import Answer
from streamer.errors import InvariantError
from streamer.features import CARDS
from streamer.serving import answerer as answering
from streamer.serving.answerer import Answerer
from streamer.serving.card_states import CardStates
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving
from streamer.serving.versions_in_use import VersionsInUse
from tests.serving.stored_service import NOW_MS, TOPIC, StoredService, made_up
from tests.serving.test_grpc_door import asked, infer
from tests.serving.test_native_door import served
from tests.serving.test_protocols import INFER, tensors

PAYMENTS = made_up(7, 2_000)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    with capture_logs() as events:
        yield events


@pytest.mark.parametrize("left", [slice(-1), slice(3)], ids=["lost its last byte", "three bytes"])
def test_a_state_of_another_size_costs_nobody_else_an_answer(redis_url: str, left: slice) -> None:
    """Two cards are asked about at once, by two requests and by one; in the partition of one card each
    state is cut.  Of three bytes it is not even known when the card paid.
    """
    made = StoredService(redis_url, f"defects-{left.stop}")
    broken = PAYMENTS[1_900]
    partition = made.partitioner(broken[0], 4)
    whole = next(r for r in PAYMENTS[1_901:] if made.partitioner(r[0], 4) != partition)

    async def run() -> list[Any]:
        await made.claim()
        await made.stream(PAYMENTS[:1_900])
        key = made.store._client.keys.entities(CARDS.name, TOPIC, partition)
        with Redis.from_url(redis_url) as redis:
            for name, state in redis.hgetall(key).items():
                redis.hset(key, name, state[left])
        states = CardStates(made.store.lookups, TOPIC, time.monotonic)
        answerer = Answerer(made.config, states, lambda: NOW_MS)
        found = await asyncio.gather(
            *(
                answerer.answer([value], made.version, explain=False, within_s=30.0)
                for _, value in (broken, whole)
            ),
            return_exceptions=True,
        )
        found.append(
            await answerer.answer(
                [whole[1], b"{}", broken[1], whole[1]], made.version, explain=False, within_s=30.0
            )
        )
        await made.store.close()
        return found

    [alone], [answer], together = asyncio.run(run())
    assert isinstance(alone, Answer)
    assert isinstance(answer, Answer)
    assert (alone.mode, answer.mode) == ("redis-unavailable", "normal")
    assert alone.score == made.scored_as_new(broken).scores[0].score
    assert answer.score == made.scored_next(whole).scores[0].score
    assert [together[i] for i in (0, 2, 3)] == [answer, alone, answer]
    assert isinstance(together[1], Refusal)


def test_at_each_door_a_defect_is_503_and_says_so(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    logged: list[Any],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OverflowError("math range error")

    monkeypatch.setattr(answering, "answers_of", fail)
    payment = json.loads(following[0][1])
    with served(service.settings) as door:
        status, told, headers = door.ask("/v1/score", following[0][1])
        assert (status, told["error"]["reason"], headers["retry-after"]) == (503, "defect", "1")
        refusal = told["error"]["detail"]
        status, told, _ = door.ask(INFER, json.dumps({"inputs": tensors([payment])}).encode())
        assert (status, told["error"]) == (503, refusal)
        records = json.dumps({"dataframe_records": [payment]}).encode()
        status, told, _ = door.ask("/invocations", records)
        assert (status, told["message"]) == (503, refusal)

    def over_grpc(channel: grpc.Channel, _: Serving) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as failed:
            infer(channel, [payment], is_raw=True)
        return failed.value.code(), failed.value.details()

    assert asked(service, over_grpc) == (grpc.StatusCode.UNAVAILABLE, refusal)
    told = [event["door"] for event in logged if event["event"] == "request not answered"]
    assert told == ["native", "open_inference", "mlflow", "grpc"]


def test_a_version_that_cannot_be_read_is_503(
    service: StoredService, following: list[tuple[bytes, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise InvariantError("a stored version must be whole, got another")

    monkeypatch.setattr(VersionsInUse, "named", fail)
    with served(service.settings) as door:
        status, told, _ = door.ask("/v1/score?version=other", following[0][1])
        assert (status, told["error"]["reason"]) == (503, "unavailable")
        monkeypatch.setattr(VersionsInUse, "named", None)
        status, told, _ = door.ask("/v2/models/streamer/versions/other")
        assert (status, "defect" in told["error"]) == (503, True)
