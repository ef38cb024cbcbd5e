"""What is beyond capacity is refused before it is read: for a tenth of what a request costs otherwise.

At twice what a server can answer half of the requests are refused.  Where each of them is parsed, gets
a task and a response, refusing takes the time in which the others would be answered.

Invariants: only a whole request on a connection that waits for one is refused here, with what it would
have been told later on; anything out of the ordinary goes the ordinary way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from streamer.web.header_limits import LimitedHeads

__all__ = ["is_whole_request", "refusing_early"]

_BEGINS: Final = (b"POST /v1/score HTTP/1.1\r\n", b"POST /v1/score?")
_END: Final = b"\r\n\r\n"
_LENGTHS: Final = re.compile(rb"\r\ncontent-length", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d{1,9})\r\n", re.IGNORECASE)
# A priority, and what has to do with how a message ends.
_UNUSUAL: Final = re.compile(
    rb"\r\n(x-priority|transfer-encoding|expect|upgrade|connection: *close)", re.IGNORECASE
)


def is_whole_request(data: bytes) -> bool:
    """Whether ``data`` is one question over HTTP/1.1 from its first byte to its last.

    >>> is_whole_request(b"POST /v1/score HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    True
    >>> is_whole_request(b"POST /v1/score HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\n{}")
    False
    """
    if not data.startswith(_BEGINS):
        return False
    end = data.find(_END) + len(_END)
    length = _LENGTH.search(data, 0, end)
    if length is None or end + int(length[1]) != len(data):
        return False
    if len(_LENGTHS.findall(data, 0, end)) != 1:
        return False
    return (
        _UNUSUAL.search(data, 0, end) is None and b" HTTP/1.1\r\n" in data[: data.find(b"\r\n") + 2]
    )


def refusing_early(is_full: Callable[[], bool], refused: Callable[[], bytes]) -> type[LimitedHeads]:
    """Return the protocol, but for questions that come while ``is_full``.

    ``refused`` counts one and returns the response.
    """

    class Refusing(LimitedHeads):
        _is_between = True

        def data_received(self, data: bytes) -> None:
            if self._is_between and is_full() and self._waits_for_one() and is_whole_request(data):
                self.transport.write(refused())
                self.settle()
                # As after any other response.
                self._unset_keepalive_if_required()
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
                return
            super().data_received(data)

        def _waits_for_one(self) -> bool:
            # Who reads no answers goes the ordinary way, which waits for that.
            if self.flow.write_paused or self.transport.is_closing():
                return False
            return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

        def on_message_begin(self) -> None:
            self._is_between = False
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self._is_between = True
            super().on_message_complete()

    return Refusing
