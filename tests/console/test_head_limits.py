"""The console holds no connection of who sends a head without an end, or never ends one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from streamer.console.console_process import uvicorn_config
from streamer.settings import Settings
from streamer.web import header_limits
from tests.rig.waiting import DEADLINE_S, wait_until


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer 200 to whatever is asked."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(header_limits, "HEAD_WITHIN_S", 0.3)
    config = uvicorn_config(Settings(), app)
    config.port, config.lifespan, config.loop = 0, "off", "asyncio"
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, "the server listens")
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(DEADLINE_S)


@pytest.mark.parametrize(
    ("rest", "status"),
    [(b"\r\n", b"200"), (b"", b"408"), (b"X-Large: " + b"x" * 20_000 + b"\r\n\r\n", b"431")],
    ids=["whole", "never ended", "too large"],
)
def test_a_head_is_whole_in_time_or_its_connection_is_closed(
    port: int, rest: bytes, status: bytes
) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), DEADLINE_S)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + rest)
        told = b""
        while received := connection.recv(65_536):
            told += received
    assert told.split()[1] == status
