"""uvicorn's HTTP protocol with limits on the head of a request: how long it is, and may take.

uvicorn bounds neither where httptools parses: who sends a header a minute, or headers without end,
holds a connection and memory for nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HAS_GONE", "HEAD_BYTES", "HEAD_WITHIN_S", "LimitedHeads"]

HEAD_BYTES: Final = 16_384
"""Of request line and headers; who sends more has no business here."""
HEAD_WITHIN_S: Final = 5.0
"""From the connection, or from the first byte of a later request on it, to the end of its headers."""
HAS_GONE: Final = "streamer.has_gone"
"""In the scope of a request: what tells whether its answer will reach nobody any more."""
_TOO_LARGE: Final = "431 Request Header Fields Too Large"
_REFUSAL: Final = "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class LimitedHeads(HttpToolsProtocol):
    """Closes a connection whose next request's head is too large or too slow; it says so first.

    It says nothing where no head has begun, and where answers are owed: those are given before the end.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _n_bytes = 0
    _n_new = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head, unless that has been done."""
        super().on_message_begin()
        self._is_in_head = True
        self._n_bytes = 0
        if self._head_timer is None:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes, unless a head that is still not whole has been too long."""
        self._n_new = len(data)
        super().data_received(data)
        if self._is_in_head:
            self._n_bytes += len(data)
            if self._n_bytes > HEAD_BYTES:
                self._refuse(_TOO_LARGE)
        elif self._is_unwatched():
            # The rest of a body that was answered, or empty lines: neither holds a connection.
            self._wait()

    def on_headers_complete(self) -> None:
        """Wait no more; raises `ValueError`, which ends parsing, where the head was too long."""
        if self._n_bytes + self._n_new > HEAD_BYTES and self._length() > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
            raise ValueError(_TOO_LARGE)
        self.settle()
        self.scope[HAS_GONE] = self.transport.is_closing  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more for the rest of a body."""
        self.settle()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say so, but where more has been said already or is to be said before."""
        if self._owes():
            self._refuse("")
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self.settle()
        super().connection_lost(exc)

    def settle(self) -> None:
        """Wait no more for the end of a head."""
        self._is_in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._refuse, "408 Request Timeout")

    def _owes(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_unwatched(self) -> bool:
        timers = self._head_timer, self.timeout_keep_alive_task
        return timers == (None, None) and not self._owes() and not self.transport.is_closing()

    def _length(self) -> int:
        """Return the bytes of a head that was parsed, without what separates them."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self, status: str) -> None:
        has_begun = self._is_in_head
        self.settle()
        if self._owes():
            # Of those that are under way this is the last.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        elif not self.transport.is_closing():
            if has_begun:
                self.transport.write(_REFUSAL.format(status=status).encode())
            self.transport.close()
