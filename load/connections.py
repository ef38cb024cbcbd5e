"""Questions over HTTP and gRPC that cost as little as they can: what asks shares the processors.

HTTP is written and read by hand: a request is one write, an answer's status and length are all that is
looked at.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import grpc

__all__ = ["AskOverGRPC", "AskOverHTTP", "Done"]

Done = Callable[[int], None]

_HOST: Final = "127.0.0.1"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_STATUS: Final = slice(9, 12)
# As HTTP says what gRPC's statuses mean here.
_STATUSES: Final = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.INVALID_ARGUMENT: 422,
}
_LOST: Final = 0
_OK: Final = 200
_MOST: Final = 2_000


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, one request at a time; ``free`` is told when it is done with one."""

    def __init__(self, free: Callable[[_Connection], None]) -> None:
        self._free = free
        self._done: Done | None = None
        self._read = b""
        self._transport: asyncio.Transport | None = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by inheritance.
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, done: Done) -> None:
        """Send a request; ``done`` gets the status."""
        assert self._transport is not None  # noqa: S101 - it was connected
        self._done = done
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read = read = self._read + data if self._read else data
        end = read.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(read, 0, end)
        if length is None:
            is_whole = read.endswith(_LAST_CHUNK)
        else:
            is_whole = len(read) >= end + len(_END) + int(length[1])
        if is_whole:
            self._read = b""
            self._end(int(read[_STATUS]))

    def connection_lost(self, _: Exception | None) -> None:
        self.is_lost = True
        self._end(_LOST)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    def _end(self, status: int) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(status)
            self._free(self)


class AskOverHTTP:
    """Asks over as many connections as there are requests under way, up to `_MOST`; others wait."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._n_open = 0

    def request(self, body: bytes) -> bytes:
        """Return the request with ``body``."""
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {_HOST}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def ask(self, request: bytes, done: Done) -> None:
        """Ask; ``done`` gets the status of the answer, 0 where the connection was lost."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_lost:
                connection.send(request, done)
                return
        if self._n_open < _MOST:
            self._n_open += 1
            task = asyncio.ensure_future(self._connect(request, done))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        else:
            self._waiting.append((request, done))

    async def _connect(self, request: bytes, done: Done) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self._free), _HOST, self._port
            )
        except OSError:
            self._n_open -= 1
            done(_LOST)
            return
        connection.send(request, done)

    def _free(self, connection: _Connection) -> None:
        if connection.is_lost:
            self._n_open -= 1
            if self._waiting:
                self.ask(*self._waiting.popleft())
        elif self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.close()


class AskOverGRPC:
    """Asks over one channel, messages as bytes."""

    def __init__(self, port: int, path: str) -> None:
        self._channel = grpc.aio.insecure_channel(f"{_HOST}:{port}")
        self._call = self._channel.unary_unary(path)
        self._under_way: set[asyncio.Task[None]] = set()

    def request(self, body: bytes) -> bytes:
        """Return the message as it is."""
        return body

    def ask(self, request: bytes, done: Done) -> None:
        """Ask; ``done`` gets what the status of the answer is in HTTP."""
        task = asyncio.ensure_future(self._ask(request, done))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _ask(self, request: bytes, done: Done) -> None:
        try:
            await self._call(request)
        except grpc.aio.AioRpcError as error:
            done(_STATUSES.get(error.code(), _LOST))
        else:
            done(_OK)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
