"""Asks a worker of this machine whether it is ready: ``python -I -m streamer.probe [URL]``.

The health check of the image, which has no shell's tools.  It runs every few seconds in every
container, so it is no command of `streamer`: with `socket` alone it costs half of what
`urllib.request` would, and a twelfth of reading the settings (docs/decisions/0029).  A worker
on another port, or with a certificate, is asked by its URL.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

__all__ = ["ask", "main"]

_URL: Final = "http://127.0.0.1:8080/readyz"
# Below the time that the image gives the whole check.
_TIMEOUT_S: Final = 4.0
# What is wrong with a worker of a thousand partitions.
_MAX_BYTES: Final = 262_144


def ask(url: str) -> tuple[int, str]:
    """Return status and body of what a worker answers; OSError or ValueError where it does not."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    with socket.create_connection((host, int(port)), _TIMEOUT_S) as connection:
        stream = _encrypted(connection) if scheme == "https" else connection
        # By HTTP/1.0 the end of the answer is the end of the connection.
        stream.sendall(f"GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
        answer = b""
        while len(answer) < _MAX_BYTES and (part := stream.recv(65_536)):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace")


def _encrypted(connection: socket.socket) -> socket.socket:
    import ssl

    # The certificate bears the service's name, not this address, and nobody is in between.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def main() -> None:
    """Print what the worker says, which `docker inspect` shows; exit with 1 if it is not ready."""
    url = sys.argv[1] if len(sys.argv) > 1 else _URL
    try:
        status, body = ask(url)
    except (OSError, ValueError, IndexError) as error:
        sys.exit(f"{url} must answer within {_TIMEOUT_S:g} s, got {error!r}")
    print(body)
    sys.exit(0 if status == 200 else 1)


if __name__ == "__main__":
    main()
