"""Who has gone before the answer is counted as 499, and neither as answered nor by how long it took."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import grpc
import pytest

from streamer.errors import UnavailableError
from streamer.serving.card_states import CardStates
from streamer.serving.grpc_messages import SERVICE
from streamer.serving.serving import Serving
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.serving.stored_service import StoredService
from tests.serving.test_bad_input import DOORS, head
from tests.serving.test_grpc_door import asked, bytes_of, message, tensors
from tests.serving.test_native_door import Door, served
from tests.serving.test_room import connected, in_flight, samples

NAMES = {"/v1/score": "native", "/v2/models/streamer/infer": "open_inference"}
FRAME = b'{"dataframe_records": [%s]}'


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """States are read once this is set."""
    may_go, of = threading.Event(), CardStates.of

    async def wait(*asked: Any) -> Any:
        await asyncio.to_thread(may_go.wait, DEADLINE_S)
        return await of(*asked)

    monkeypatch.setattr(CardStates, "of", wait)
    yield may_go
    may_go.set()


def counts(door: Door) -> dict[str, float]:
    """Return what is above 0 of requests, of refusals and of the timed, by their labels."""
    named = ("streamer_serve_requests_", "streamer_serve_refused_", "streamer_serve_seconds_count")
    return {name: n for name, n in samples(door).items() if name.startswith(named) and n}


def requests(door: str, code: int) -> str:
    return f'streamer_serve_requests_total{{code="{code}",door="{door}"}}'


def test_a_client_that_goes_while_it_is_answered(
    service: StoredService, following: list[tuple[bytes, bytes]], looked_up: threading.Event
) -> None:
    one = following[0][1]
    for path, body in (("/v1/score", one), ("/invocations", FRAME % one)):
        name = NAMES.get(path, "mlflow")
        with served(service.settings) as door:
            looked_up.clear()
            content = head(path, f"Content-Length: {len(body)}") + body
            with closing(connected(door, content)):
                wait_until(lambda: in_flight(door) == 1, "it is asked")
            # The server knows that by now, as it answers another connection.
            door.ask("/healthz")
            looked_up.set()
            wait_until(lambda: in_flight(door) == 0, "it is answered")
            assert counts(door) == {requests(name, 499): 1}
            assert door.ask(path, body)[0] == 200
            told = counts(door)
            assert told[requests(name, 200)] == told[requests(name, 499)] == 1
            assert told[f'streamer_serve_seconds_count{{door="{name}"}}'] == 1


@DOORS
def test_a_client_that_goes_in_the_middle_of_its_body(service: StoredService, path: str) -> None:
    with served(service.settings) as door:
        with closing(connected(door, head(path, "Content-Length: 9") + b"{")):
            wait_until(lambda: in_flight(door) == 1, "it is asked")
        wait_until(lambda: in_flight(door) == 0, "it has gone")
        assert counts(door) == {requests(NAMES.get(path, "mlflow"), 499): 1}


def test_what_fails_after_its_client_has_gone_has_failed(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    looked_up: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: Any) -> None:
        await asyncio.to_thread(looked_up.wait, DEADLINE_S)
        raise UnavailableError("Redis must answer, got nothing")

    monkeypatch.setattr(CardStates, "of", away)
    settings = service.settings.model_copy(update={"serve_without_state": "refuse"})
    body = following[0][1]
    with served(settings) as door:
        with closing(connected(door, head("/v1/score", f"Content-Length: {len(body)}") + body)):
            wait_until(lambda: in_flight(door) == 1, "it is asked")
        looked_up.set()
        wait_until(lambda: in_flight(door) == 0, "it has failed")
        assert counts(door)[requests("native", 503)] == 1


def test_over_grpc_a_call_that_is_cancelled(
    service: StoredService, following: list[tuple[bytes, bytes]], looked_up: threading.Event
) -> None:
    payment = json.loads(following[0][1])

    def work(channel: grpc.Channel, serving: Serving) -> dict[str, float]:
        call = infer_later(channel, payment)
        wait_until(lambda: serving.admission.in_flight == 1, "it is asked")
        call.cancel()
        wait_until(lambda: serving.admission.in_flight == 0, "it is cancelled")
        looked_up.set()
        text = serving.metrics.exposition()[0].decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return {name: float(n) for name, n in lines if 'door="grpc"' in name and float(n)}

    assert asked(service, work) == {requests("grpc", 499): 1}


def infer_later(channel: grpc.Channel, payment: dict[str, Any]) -> Any:
    made = message("ModelInferRequest")(model_name="streamer")
    for tensor in tensors([payment]):
        made.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        made.raw_input_contents.append(bytes_of(tensor))
    call = channel.unary_unary(f"/{SERVICE}/ModelInfer")
    return call.future(made.SerializeToString(), timeout=DEADLINE_S)
