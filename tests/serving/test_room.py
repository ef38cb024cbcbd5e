"""What is being read and looked up is bounded, and who comes beyond that is told when to come back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import grpc
import pytest

from streamer.serving import admission, http_requests, serving
from streamer.serving.grpc_messages import SERVICE, message
from streamer.serving.serving import Serving
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.serving.stored_service import StoredService
from tests.serving.test_bad_input import DOORS, head
from tests.serving.test_grpc_door import WITHIN_S, asked, infer
from tests.serving.test_native_door import Door, served

# A normal request is taken on up to nine tenths of that: three of them.
LIMITED = {"serve_max_in_flight": 4}
BODY_BYTES = 65_536


def samples(door: Door) -> dict[str, float]:
    _, text, _ = door.ask("/metrics")
    lines = (line.rsplit(" ", 1) for line in text.decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in lines}


def in_flight(door: Door) -> float:
    return samples(door)["streamer_serve_payments_in_flight"]


def held(door: Door) -> float:
    return samples(door)["streamer_serve_body_bytes"]


def connected(door: Door, content: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", door.port), DEADLINE_S)
    connection.sendall(content)
    return connection


def response(connection: socket.socket) -> bytes:
    told = b""
    while b"}" not in told:
        received = connection.recv(65_536)
        assert received, told
        told += received
    return told


@DOORS
def test_bodies_that_are_being_read_take_up_room(
    service: StoredService, following: list[tuple[bytes, bytes]], path: str
) -> None:
    with served(service.settings.model_copy(update=LIMITED)) as door, ExitStack() as slow:
        for _ in range(3):
            slow.enter_context(closing(connected(door, head(path, "Content-Length: 9") + b"{")))
        wait_until(lambda: in_flight(door) == 3, "three are being read")
        status, told, headers = door.ask(path, following[0][1])
        assert (status, headers["retry-after"]) == (429, "1")
        assert "at most 4 payments must be under way" in json.dumps(told)
        slow.close()
        wait_until(lambda: in_flight(door) == 0, "they have gone")
        assert door.ask(path, b"{}")[0] in (400, 422)


@pytest.mark.parametrize(
    "ask", ["POST /v1/score?version=v", "GET /v2/models/streamer/versions/v/ready"]
)
def test_versions_that_are_being_looked_for_take_up_room(
    service: StoredService, ask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = threading.Event()

    async def look(*_: Any) -> None:
        await asyncio.to_thread(found.wait, DEADLINE_S)

    monkeypatch.setattr(Serving, "version", look)
    content = f"{ask} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with served(service.settings.model_copy(update=LIMITED)) as door, ExitStack() as waiting:
        those = [waiting.enter_context(closing(connected(door, content))) for _ in range(3)]
        wait_until(lambda: in_flight(door) == 3, "three are being looked for")
        with closing(connected(door, content)) as refused:
            assert b" 429 " in response(refused)
        found.set()
        assert all(b" 404 " in response(each) for each in those)


@DOORS
def test_bytes_of_bodies_are_held_up_to_a_bound(
    service: StoredService, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "BODIES_HELD", 2)
    settings = service.settings.model_copy(update={"serve_max_body_bytes": BODY_BYTES})
    large = head(path, f"Content-Length: {BODY_BYTES}") + b" " * 60_000
    with served(settings) as door, ExitStack() as those:
        for _ in range(2):
            those.enter_context(closing(connected(door, large)))
        wait_until(lambda: held(door) == 120_000, "two are being read")
        with closing(connected(door, large)) as refused:
            told = response(refused)
        assert b" 429 " in told
        assert b"retry-after: 1" in told.lower()
        assert b"bodies under way must have at most 131,072 bytes together" in told
        assert door.ask(path, b"{}")[0] in (400, 422)
        those.close()
        wait_until(lambda: held(door) == 0, "they have gone")
        with closing(connected(door, large + b" " * (BODY_BYTES - 60_000))) as whole:
            assert b" 429 " not in response(whole)


def test_over_grpc_a_call_takes_up_room_before_its_message_is_there(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = json.loads(following[0][1])
    monkeypatch.setattr(http_requests, "_BODY_WITHIN_S", 2.0)

    def work(channel: grpc.Channel, serving: Serving) -> None:
        ended = threading.Event()

        def nothing() -> Iterator[bytes]:
            ended.wait(DEADLINE_S)
            yield from ()

        silent = channel.stream_unary(f"/{SERVICE}/ModelInfer")
        waiting = [silent.future(nothing(), timeout=WITHIN_S) for _ in range(3)]
        wait_until(lambda: serving.admission.in_flight == 3, "three are awaited")
        with pytest.raises(grpc.RpcError) as refused:
            infer(channel, [payment], is_raw=True)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(refused.value.trailing_metadata())["retry-after"] == "1"
        # Who sends nothing is given up, as over HTTP.
        assert {each.code() for each in waiting} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        ended.set()
        wait_until(lambda: serving.admission.in_flight == 0, "they have been given up")
        infer(channel, [payment], is_raw=True)
        monkeypatch.setattr(serving.admission, "most_bytes", 100)
        with pytest.raises(grpc.RpcError) as refused:
            infer(channel, [payment], is_raw=True)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert serving.admission.n_bytes == 0

    asked(service, work, service.settings.model_copy(update=LIMITED))


def test_over_grpc_what_is_no_message_is_told_so(service: StoredService) -> None:
    def work(channel: grpc.Channel, _: Serving) -> None:
        for method in ("ModelInfer", "ModelReady"):
            call = channel.unary_unary(f"/{SERVICE}/{method}")
            with pytest.raises(grpc.RpcError) as failed:
                call(b"\xff\xff\xff", timeout=WITHIN_S)
            assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            none = channel.stream_unary(f"/{SERVICE}/{method}")
            with pytest.raises(grpc.RpcError) as failed:
                none(iter(()), timeout=WITHIN_S)
            assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        many = channel.stream_unary(f"/{SERVICE}/ServerLive")
        assert (
            many(iter([b"", b""]), timeout=WITHIN_S)
            == message("ServerLiveResponse")(live=True).SerializeToString()
        )

    asked(service, work)


def test_a_request_that_has_more_than_one_payment_counts_them_without_itself() -> None:
    room = admission.Admission(10, 100)
    with room.taken_on() as first, room.taken_on():
        # Of 9, which a normal one may have, another has 1.
        assert room.has_room(8, "normal", first.n_payments)
        assert not room.has_room(9, "normal", first.n_payments)
        room.count(first, 8)
        assert room.in_flight == 9
        assert room.hold(first, 60)
        assert room.hold(first, 100)
        assert not room.hold(first, 101)
    assert (room.in_flight, room.n_bytes) == (0, 0)
    # By itself a request may have more than there is room for.
    with room.taken_on() as alone:
        assert room.has_room(11, "low", alone.n_payments)
