"""Requests as bytes on a connection, for what no client would send."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

from tests.attack.site import Site
from tests.rig.waiting import DEADLINE_S

__all__ = ["TRICKLE_S", "crowd", "exchange", "smuggled", "trickled"]

TRICKLE_S = 20.0
"""Longer than any door waits for a head or a body."""
HIDDEN = "/hidden-by-smuggling"


def exchange(site: Site, port: int, content: bytes, within_s: float = DEADLINE_S) -> bytes:
    """Send bytes and return what comes until the connection is closed, or nothing comes for a while."""
    with closing(socket.create_connection(("127.0.0.1", port), DEADLINE_S)) as connection:
        connection.settimeout(within_s)
        told = b""
        with suppress(ConnectionError, TimeoutError):
            connection.sendall(content)
            while received := connection.recv(65_536):
                told += received
    site.heard.append(told.decode(errors="replace"))
    return told


def trickled(
    port: int,
    first: bytes,
    drop: bytes,
    longest_s: float = TRICKLE_S,
    told: bytearray | None = None,
) -> float | None:
    """Send ``first``, then a drop every fifth of a second; return when it was ended, None if never.

    What comes back is put into ``told``.
    """
    began, heard = time.monotonic(), bytearray() if told is None else told
    with closing(socket.create_connection(("127.0.0.1", port), DEADLINE_S)) as connection:
        connection.settimeout(0.2)
        with suppress(ConnectionError):
            connection.sendall(first)
            while time.monotonic() - began < longest_s:
                try:
                    received = connection.recv(65_536)
                    if not received:
                        return time.monotonic() - began
                    heard += received
                except TimeoutError:
                    connection.sendall(drop)
            return None
    return time.monotonic() - began


@contextmanager
def crowd(port: int, n: int, first: bytes) -> Iterator[None]:
    """Hold ``n`` connections that have begun a request and do not go on."""
    with ExitStack() as held:
        for _ in range(n):
            made = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
            held.enter_context(closing(made))
            made.sendall(first)
        yield


def smuggled(site: Site, port: int, path: str, extra: str = "") -> list[str]:
    """Return the statuses with which requests with two lengths, or none that is clear, are answered.

    Each hides a second request in what one reading takes for the first one's body.
    """
    hidden = f"GET {HIDDEN} HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = "Transfer-Encoding: chunked"
    forms = {
        "CL.TE": f"Content-Length: {len(hidden) + 5}\r\n{chunked}\r\n\r\n0\r\n\r\n{hidden}",
        "TE.CL": f"{chunked}\r\nContent-Length: 4\r\n\r\n5c\r\n{hidden}\r\n0\r\n\r\n",
        "two lengths": f"Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
        "TE xchunked": f"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}",
        "TE, space": f"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{hidden}",
        "folded": f"X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: -1\r\n\r\n{hidden}",
        "length +5": f"Content-Length: +5\r\n\r\n0\r\n\r\n{hidden}",
        "bare LF": f"X: a\nContent-Length: 0\nTransfer-Encoding: chunked\n\n0\n\n{hidden}",
    }
    told = []
    for name, rest in forms.items():
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n{extra}"
        answer = exchange(site, port, (head + rest).encode(), 1.0)
        statuses = [
            line.split()[1].decode() for line in answer.splitlines() if line[:7] == b"HTTP/1."
        ]
        # The second request was never meant to be one: who answers it has been led to it.
        assert len(statuses) <= 1, (name, statuses)
        assert not statuses or statuses[0][0] == "4", (name, statuses)
        told.append(statuses[0] if statuses else "closed")
    return told


def within(work: Callable[[], bool]) -> float:
    """Return how long something took that must be true."""
    began = time.monotonic()
    assert work()
    return time.monotonic() - began
