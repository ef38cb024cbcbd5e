"""Ports that a server finds free again after it was down.

The ports that the system gives away for nothing are also those of outgoing connections: while a
server is down, a client that connects to it could be given that very port, and even connect to
itself.  These lie below that range (32768 and up on Linux).

A server may bind its port seconds after it was chosen.  So a port is reserved by holding its
namesake of UDP, which no server here speaks: another process that chooses is not given it before
this one has ended.
"""

from __future__ import annotations

import random
import socket
from typing import Final

from streamer.embedded.server import HOST

__all__ = ["HOST", "NOWHERE", "accepts", "stable_port"]

NOWHERE: Final = f"{HOST}:1"
"""An address at which nobody listens, and which nobody is ever given."""

_LOWEST, _BEYOND = 20_000, 32_000

_given: dict[int, socket.socket] = {}


def stable_port() -> int:
    """A port of 127.0.0.1 that is free, was not given before and is nobody's outgoing port."""
    choose = random.SystemRandom().randrange
    while True:
        port = choose(_LOWEST, _BEYOND)
        if port in _given:
            continue
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind((HOST, port))
            with socket.socket() as probe:
                # As a server does it: a port with closed connections that still linger is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
        except OSError:
            reservation.close()
            continue
        _given[port] = reservation
        return port


def accepts(port: int) -> bool:
    """True while something listens on the port."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True
