"""The service over HTTP: what a payment system gets, whatever it sends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import msgspec
import pytest
import uvicorn
from starlette.types import ASGIApp

from streamer.contract.answer_message import Answer
from streamer.serving.native_door import native_app
from streamer.serving.serving import Serving
from streamer.settings import Settings
from streamer.telemetry.tracing import Spans
from streamer.web.header_limits import LimitedHeads
from tests.rig.waiting import DEADLINE_S
from tests.serving.stored_service import StoredService

KEY = "k" * 16


@contextmanager
def served(settings: Settings, spans: Spans | None = None) -> Iterator[Door]:
    """A server on a port of its own, in a thread of this process."""
    with app_served(native_app(Serving(settings, spans))) as door:
        yield door


@contextmanager
def app_served(app: ASGIApp) -> Iterator[Door]:
    """The same of any app."""
    config = uvicorn.Config(
        app,
        port=0,
        http=LimitedHeads,
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        loop="asyncio",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        [listening] = server.servers
        door = Door(listening.sockets[0].getsockname()[1])
        while door.ask("/readyz")[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        yield door
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)


class Door:
    """A client of one server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            # Who is refused in the middle of a large body has an answer all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("GET" if body is None else "POST", path, body, names)
            response = connection.getresponse()
            told = response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return response.status, json.loads(told) if is_json else told, dict(response.headers)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def door(service: StoredService) -> Iterator[Door]:
    with served(service.settings) as made:
        yield made


def test_a_payment_gets_an_answer_that_keeps_its_schema(
    door: Door, service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    status, told, _ = door.ask("/v1/score?explain=true", following[0][1])
    assert status == 200
    answer = msgspec.convert(told, Answer, strict=True)
    assert answer.decision in ("alert", "pass")
    assert answer.model_version == service.version.id
    assert answer.reasons is not None


def test_of_a_list_the_bad_ones_are_refused_and_the_others_answered(
    door: Door, following: list[tuple[bytes, bytes]]
) -> None:
    status, told, _ = door.ask("/v1/score", b"[" + following[0][1] + b', {"amount": 3}]')
    assert status == 200
    assert told[0]["answer"]["transaction_id"] == json.loads(following[0][1])["transaction_id"]
    assert told[1]["error"]["reason"] == "missing_field"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "truncated_json"),
        (b"[{]", 400, "malformed_json"),
        (b"nonsense", 400, "malformed_json"),
        (b"[]", 422, "out_of_range"),
        (b"{}", 422, "missing_field"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 422, "nested_too_deep"),
        (b"[" * 10_000 + b"]" * 10_000, 400, "nested_too_deep"),
        (b" " * 2_000_000, 413, "too_large"),
    ],
)
def test_what_is_no_payment_is_told_what_it_must_be(
    door: Door, body: bytes, status: int, reason: str
) -> None:
    got, told, _ = door.ask("/v1/score", body)
    assert (got, told["error"]["reason"]) == (status, reason)
    assert told["error"]["detail"]


def test_nobody_is_sent_on_to_the_host_that_a_request_names(door: Door) -> None:
    for path in ("/v1/score/", "/healthz/", "/v2/"):
        status, _, headers = door.ask(path, Host="evil.example")
        assert (status, "evil.example" in str(headers)) == (404, False)


def test_a_version_is_asked_by_name_and_one_that_is_not_there_is_404(
    door: Door, service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    one = following[0][1]
    assert door.ask(f"/v1/score?version={service.version.id[:10]}", one)[0] == 200
    status, told, _ = door.ask("/v1/score?version=nothing", one)
    assert (status, told["error"]["reason"]) == (404, "unknown_version")


def test_who_has_no_key_gets_nothing(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    settings = service.settings.model_copy(
        update={"serve_api_keys": Settings(serve_api_keys=f"{'x' * 16},{KEY}").serve_api_keys}  # type: ignore[arg-type]
    )
    with served(settings) as door:
        assert door.ask("/v1/score", following[0][1])[0] == 401
        assert door.ask("/v1/score", following[0][1], Authorization="Bearer " + "y" * 16)[0] == 401
        assert door.ask("/v1/score", following[0][1], Authorization=f"Bearer {KEY}")[0] == 200


def test_beyond_its_limit_it_refuses_at_once_and_says_when_to_come_back(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    settings = service.settings.model_copy(update={"serve_max_in_flight": 1})
    values = b"[" + b",".join(value for _, value in following[:500]) + b"]"
    with served(settings) as door:
        found: list[tuple[int, str]] = []

        def ask() -> None:
            status, _, headers = door.ask("/v1/score?explain=true", values)
            found.append((status, headers.get("retry-after", "")))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
    assert set(found) == {(200, ""), (429, "1")}


def test_before_a_model_was_read_it_is_not_ready_and_says_why() -> None:
    nowhere = Settings(redis_url="redis://127.0.0.1:1/0", redis_timeout_s=0.5)  # type: ignore[arg-type]

    async def faults() -> list[str]:
        serving = Serving(nowhere)
        await serving.versions.refresh()
        return serving.faults()

    assert any("127.0.0.1" in fault for fault in asyncio.run(faults()))
