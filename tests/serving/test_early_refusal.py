"""What is refused before it is read, on a real connection, and what goes the ordinary way."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from streamer.serving.admission import Admission
from streamer.serving.answerer import Answerer
from streamer.serving.card_states import CardStates
from streamer.serving.early_refusal import refusing_early
from streamer.serving.native_door import refused_at_once
from streamer.serving.serving import Serving
from streamer.settings import Settings
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.serving.stored_service import NOW_MS, TOPIC, StoredService

_REFUSED = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"
_ASK = b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer 200, on one path before the body was read, on another after a while."""
    if scope["path"] == "/v1/later":
        await asyncio.sleep(0.5)
    while scope["path"] != "/v1/unread" and (await receive()).get("more_body"):
        pass
    lines = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": b""})


class Full:
    """Whether the server is; counts how often it was asked, which is once a piece, and refused."""

    def __init__(self) -> None:
        self.is_full = True
        self.n_asked = 0
        self.n_refused = 0

    def asked(self) -> bool:
        self.n_asked += 1
        return self.is_full

    def refused(self) -> bytes:
        self.n_refused += 1
        return _REFUSED


@contextmanager
def connected(full: Full) -> Iterator[socket.socket]:
    """A connection to a server of its own."""
    protocol = refusing_early(full.asked, full.refused)
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
            yield connection
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)


def status(connection: socket.socket, full: Full, *pieces: bytes) -> int:
    """Send a request in pieces, each once the one before was read, and return its answer's status."""
    for i, piece in enumerate(pieces):
        if i:
            wait_until(lambda: full.n_asked > 0, "the first piece is read")
        connection.sendall(piece)
    told = b""
    while b"\r\n\r\n" not in told:
        told += connection.recv(4_096)
    return int(told[9:12])


def test_a_connection_that_was_refused_is_answered_later() -> None:
    full = Full()
    with connected(full) as connection:
        assert [status(connection, full, _ASK), status(connection, full, _ASK)] == [429, 429]
        full.is_full = False
        assert status(connection, full, _ASK) == 200
        full.is_full = True
        assert status(connection, full, _ASK) == 429
    assert full.n_refused == 3


@pytest.mark.parametrize(
    "pieces",
    [
        (_ASK[:-1], _ASK[-1:]),
        (_ASK.replace(b"Host: a", b"X-Priority: high"),),
        (_ASK.replace(b"/v1/score", b"/v1/other"),),
        (_ASK.replace(b"Host: a", b"Connection: close"),),
        (_ASK.replace(b"HTTP/1.1", b"HTTP/1.0"),),
        # The second piece looks like a request and is the first one's body.
        (b"POST /v1/other HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(_ASK), _ASK),
    ],
    ids=["in pieces", "priority", "elsewhere", "to be closed", "HTTP/1.0", "a body"],
)
def test_what_is_out_of_the_ordinary_goes_the_ordinary_way(pieces: tuple[bytes, ...]) -> None:
    full = Full()
    with connected(full) as connection:
        assert status(connection, full, *pieces) == 200
    assert full.n_refused == 0


def test_a_body_that_nobody_read_is_no_request() -> None:
    full = Full()
    with connected(full) as connection:
        head = b"POST /v1/unread HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(_ASK)
        assert status(connection, full, head) == 200
        connection.sendall(_ASK)
        wait_until(lambda: status(connection, full, _ASK) == 429, "the next one is refused")
    assert full.n_refused == 1


def test_of_two_lengths_neither_is_believed() -> None:
    full = Full()
    with connected(full) as connection:
        assert status(connection, full, _ASK.replace(b"Host: a", b"content-length:1")) == 400
    assert full.n_refused == 0


def test_who_reads_no_answers_is_not_refused_without_end() -> None:
    class Long(Full):
        def refused(self) -> bytes:
            super().refused()
            return (
                b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 100000\r\n\r\n" + b" " * 100_000
            )

    full = Long()
    with connected(full) as connection:
        for n_sent in range(1, 400):
            connection.sendall(_ASK)
            wait_until(lambda n=n_sent: full.n_asked >= n, "it is read", 10.0)  # type: ignore[misc]
            if full.n_refused < n_sent:
                break
    assert full.n_refused < 399


def test_it_says_what_a_refusal_says_that_was_read() -> None:
    refused = refused_at_once(Serving(Settings(serve_max_in_flight=7)))
    head, _, body = refused().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"Retry-After: 1" in head
    assert b"content-length: %d" % len(body) in head
    assert body.startswith(
        b'{"error":{"reason":"overloaded","path":"$","detail":"at most 7 payments'
    )


def test_while_answers_are_behind_only_what_is_urgent_is_taken_on() -> None:
    admission = Admission(10, 1_000, is_behind=lambda: True)
    assert [admission.has_room(1, priority) for priority in ("high", "normal", "low")] == [
        True,
        False,
        False,
    ]


def test_it_is_behind_once_somebody_has_waited_for_three_quarters_of_the_deadline(
    service: StoredService,
) -> None:
    async def scenario() -> None:
        states = CardStates(service.store.lookups, TOPIC, time.monotonic)
        answerer = Answerer(service.config, states, lambda: NOW_MS)
        asking = asyncio.ensure_future(
            answerer.answer([b"{}"], service.version, explain=False, within_s=100.0)
        )
        assert not answerer.is_behind(100.0)
        await asyncio.sleep(0)
        # It is to be answered within 100 s: of 300 s it has waited for 200, and of 500 s for 400.
        assert (answerer.is_behind(300.0), answerer.is_behind(500.0)) == (False, True)
        await asking
        assert not answerer.is_behind(500.0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("n_waiting", "after_s", "is_behind", "n_calls"),
    [(65, 0.05, False, 1), (65, 0.2, True, 5), (63, 0.2, False, 4)],
)
def test_a_queue_that_stands_takes_nobody_on_and_is_answered_in_small_calls(
    service: StoredService, n_waiting: int, after_s: float, is_behind: bool, n_calls: int
) -> None:
    """A burst of as many is none: of 65, which are one call, at most 16 are answered together then."""

    async def scenario() -> None:
        states = CardStates(service.store.lookups, TOPIC, time.monotonic)
        answerer = Answerer(service.config, states, lambda: NOW_MS)
        asking = [
            asyncio.ensure_future(
                answerer.answer([b"{}"], service.version, explain=False, within_s=100.0)
            )
            for _ in range(n_waiting)
        ]
        loop = asyncio.get_running_loop()
        clock = loop.time
        await asyncio.sleep(0)
        loop.time = lambda: clock() + after_s  # type: ignore[method-assign]
        assert answerer.is_behind(100.0) is is_behind
        await asyncio.gather(*asking)
        assert answerer.n_calls == n_calls
        assert not answerer.is_behind(100.0)

    asyncio.run(scenario())
