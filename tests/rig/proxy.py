"""A TCP proxy in front of a server: what a network does to connections, one fault at a time.

It runs in a thread of its own, so tests with an event loop and tests without one use it alike.  A
mode holds until the next one, for connections that are open and for those to come: `pass_on`, `cut`,
`hang` (half open), `hang_connections_that` (send a certain request), `delay`.  Two faults happen once,
to the connection that provokes them: `cut_after` so many bytes, and `cut_answer_to` a request, which
the server receives and obeys.

A byte stream with a hole in it is nothing that TCP would deliver.  So a connection that has lost
something while the proxy hung stays mute, and is reset by the next mode.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from tests.rig.ports import HOST, stable_port
from tests.rig.waiting import DEADLINE_S

__all__ = ["Proxy"]

_CHUNK: Final = 1 << 16
_TIMEOUT_S: Final = DEADLINE_S
_LOOK_S: Final = 0.02


class Proxy:
    """Listens on `port` and relays to ``target`` on this machine, from `start` to `close`."""

    def __init__(self, target: int, *, port: int | None = None) -> None:
        self.target = target
        self.port = stable_port() if port is None else port
        # How many connections the two single faults have cut.
        self.n_cut = 0
        self.delay_s = 0.0
        self.hangs = False
        self._silences: Callable[[bytes], bool] | None = None
        self._bytes_left: int | None = None
        self._pattern: bytes | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._relays: dict[_Relay, asyncio.Task[None]] = {}

    def start(self) -> Self:
        """Listen."""
        self._thread.start()
        self._run(self._set(is_cut=False))
        return self

    def close(self) -> None:
        """Reset everything and end; safe to call twice, or before `start`."""
        if self._thread.is_alive():
            self._run(self._set(is_cut=True))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_TIMEOUT_S)
        self._loop.close()

    def pass_on(self) -> None:
        """Relay everything again; a connection of which something was swallowed is reset."""
        self._silences = None
        self._run(self._set(is_cut=False))

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._run(self._set(is_cut=True))

    def hang(self) -> None:
        """Keep connections and accept new ones, and deliver nothing."""
        self._run(self._set(is_cut=False, hangs=True))

    def hang_connections_that(self, silences: Callable[[bytes], bool]) -> None:
        """Deliver nothing more on a connection from its first request on for which this is true."""
        self._silences = silences

    @property
    def n_mute(self) -> int:
        """Open connections on which something was swallowed, and which stay mute."""
        return sum(relay.has_lost for relay in list(self._relays))

    def delay(self, seconds: float) -> None:
        """Deliver everything at least so much later, each way."""
        self._run(self._set(is_cut=False, delay_s=seconds))

    def reset(self) -> None:
        """Reset the connections that are open now; new ones are relayed."""
        self._run(self._reset_all())

    def cut_after(self, n_bytes: int) -> None:
        """Deliver ``n_bytes`` more to the server, then reset the connection that goes on, once."""
        self._bytes_left = n_bytes

    def cut_answer_to(self, pattern: bytes) -> None:
        """Deliver the next request with the pattern, swallow its answer and reset, once."""
        self._pattern = pattern

    def allowed(self, data: bytes) -> bytes:
        """What of a request `cut_after` still delivers."""
        if self._bytes_left is None:
            return data
        within = data[: self._bytes_left]
        self._bytes_left -= len(within)
        if len(within) < len(data):
            self._bytes_left = None
            self.n_cut += 1
        return within

    def silences(self, data: bytes) -> bool:
        """True for a request after which its connection hangs."""
        return self._silences is not None and self._silences(data)

    def swallows_answer_to(self, data: bytes) -> bool:
        """True for the one request that `cut_answer_to` waits for."""
        if self._pattern is None or self._pattern not in data:
            return False
        self._pattern = None
        self.n_cut += 1
        return True

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT_S)

    async def _set(self, *, is_cut: bool, hangs: bool = False, delay_s: float = 0.0) -> None:
        self.hangs, self.delay_s = hangs, delay_s
        if is_cut:
            if self._server is not None:
                self._server.close()
            self._server = None
            await self._reset_all()
            return
        if not hangs:
            await self._reset_all(only_lossy=True)
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _reset_all(self, *, only_lossy: bool = False) -> None:
        chosen = {r: task for r, task in self._relays.items() if r.has_lost or not only_lossy}
        for relay in chosen:
            relay.reset()
        await asyncio.gather(*chosen.values(), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = _Relay(self, reader, writer)
        task = asyncio.ensure_future(relay.run())
        self._relays[relay] = task
        task.add_done_callback(lambda _: self._relays.pop(relay))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Relay:
    """One connection of a client and its counterpart to the server."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._reader, self._writers = reader, [writer]
        self._copies: list[asyncio.Task[None]] = []
        self._swallows_answer = False
        self.has_lost = False

    async def run(self) -> None:
        """Relay both ways until both sides have closed or one resets."""
        try:
            up_reader, up_writer = await asyncio.open_connection(HOST, self._proxy.target)
        except OSError:
            self.reset()
            return
        self._writers.append(up_writer)
        self._copies = [
            asyncio.create_task(self._requests(self._reader, up_writer)),
            asyncio.create_task(self._answers(up_reader, self._writers[0])),
        ]
        done, _ = await asyncio.wait(self._copies, return_when=asyncio.FIRST_EXCEPTION)
        if any(copy.cancelled() or copy.exception() for copy in done):
            self.reset()
        for writer in self._writers:
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    def reset(self) -> None:
        """End both connections with RST: what was on its way is lost."""
        for copy in self._copies:
            copy.cancel()
        for writer in self._writers:
            self._reset(writer)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for data in self._delivered(reader, writer):
            if self._proxy.silences(data):
                self.has_lost = True
                continue
            # Before anything is sent: the answer must find this decided.
            self._swallows_answer |= self._proxy.swallows_answer_to(data)
            allowed = self._proxy.allowed(data)
            writer.write(allowed)
            await writer.drain()
            if len(allowed) < len(data):
                self._reset(self._writers[0])
                # Not a reset here: it would take back what the server has not read yet.
                with suppress(OSError):
                    writer.close()
                    await writer.wait_closed()
                raise ConnectionResetError

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for data in self._delivered(reader, writer):
            if self._swallows_answer:
                # The server answers, so it has done what it was asked for.
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()

    async def _delivered(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncIterator[bytes]:
        """What the mode lets through; the end of it is passed on."""
        while data := await reader.read(_CHUNK):
            await asyncio.sleep(self._proxy.delay_s)
            if self._proxy.hangs:
                self.has_lost = True
            if not self.has_lost:
                yield data
        while self._proxy.hangs:
            # Half open: neither side hears that the other one has gone.
            self.has_lost = True
            await asyncio.sleep(_LOOK_S)
        writer.write_eof()
