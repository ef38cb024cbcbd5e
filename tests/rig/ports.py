"""Ports that a server finds free again after it was down.

The ports that the system gives away for nothing are also those of outgoing connections: while a
server is down, a client that connects to it could be given that very port, and even connect to
itself.  These lie below that range (32768 and up on Linux).
"""

from __future__ import annotations

import random
import socket

from streamer.embedded.server import HOST

__all__ = ["HOST", "accepts", "stable_port"]

_LOWEST, _BEYOND = 20_000, 32_000

_given: set[int] = set()


def stable_port() -> int:
    """A port of 127.0.0.1 that is free, was not given before and is nobody's outgoing port."""
    choose = random.SystemRandom().randrange
    while True:
        port = choose(_LOWEST, _BEYOND)
        if port in _given:
            continue
        with socket.socket() as probe:
            # As a server does it: a port with closed connections that still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given.add(port)
        return port


def accepts(port: int) -> bool:
    """True while something listens on the port."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True
