"""One question to a worker, which may be answered with rubbish, slowly, or without an end."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

__all__ = ["MOST_BYTES", "WITHIN_S", "asked_worker"]

WITHIN_S: Final = 3.0
"""Within which an answer must have ended, in seconds."""

MOST_BYTES: Final = 16_000_000
"""What an answer may have; the metrics of a thousand partitions are a few millions."""

_MOST_SAID: Final = 200


def asked_worker(url: str, path: str) -> tuple[int, bytes]:
    """Return status and body of ``path`` at a worker's ``url``; OSError where there are none.

    A limit for each read would never end one that comes byte by byte: the connection is cut.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=WITHIN_S)
    began = time.monotonic()
    held: list[socket.socket] = []
    cut = Timer(WITHIN_S, _cut, [connection, held])
    cut.daemon = True
    cut.start()
    try:
        connection.connect()
        held.append(connection.sock)
        connection.request("GET", f"{parts.path.rstrip('/')}{path}")
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        if time.monotonic() - began >= WITHIN_S:
            raise OSError(f"its answer must end within {WITHIN_S:g} s") from None
        # It may repeat all of a line that was no answer.
        raise OSError(str(error)[:_MOST_SAID] or type(error).__name__) from None
    finally:
        cut.cancel()
        connection.close()
    # Cut, one that says nothing of its length seems to have ended.
    if time.monotonic() - began >= WITHIN_S:
        raise OSError(f"its answer must end within {WITHIN_S:g} s")
    if len(body) > MOST_BYTES:
        raise OSError(f"its answer must have at most {MOST_BYTES:,} bytes")
    return answer.status, body


def _cut(connection: HTTPConnection, held: list[socket.socket]) -> None:
    # The connection lets go of its socket where an answer says nothing of its length.
    with suppress(OSError, AttributeError):
        (held[0] if held else connection.sock).shutdown(socket.SHUT_RDWR)
