"""uvicorn's HTTP protocol with limits on the head of a request: how long it is, and may take.

uvicorn bounds neither where httptools parses: who sends a header a minute, or headers without end,
holds a connection and memory for nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES", "HEAD_WITHIN_S", "LimitedHeads"]

HEAD_BYTES: Final = 16_384
"""Of request line and headers; who sends more has no business here."""
HEAD_WITHIN_S: Final = 5.0
"""From the connection, or from the first byte of a later request on it, to the end of its headers."""
_REFUSAL: Final = "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class LimitedHeads(HttpToolsProtocol):
    """Closes a connection whose next request's head is too large or too slow; it says so first."""

    _head_timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head, unless that has been done."""
        super().on_message_begin()
        if self._head_timer is None:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes, unless a head that is still not whole has been too long."""
        super().data_received(data)
        if self._head_timer is not None:
            self._n_bytes += len(data)
            if self._n_bytes > HEAD_BYTES:
                self._refuse("431 Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self.settle()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self.settle()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._n_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._refuse, "408 Request Timeout")

    def settle(self) -> None:
        """Wait no more for the end of a head."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: str) -> None:
        self.settle()
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL.format(status=status).encode())
            self.transport.close()
