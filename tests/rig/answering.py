"""A server of HTTP on a port of its own, in a thread: its answers are a function of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

__all__ = ["Answer", "Answering", "Question"]


class Question(NamedTuple):
    """What somebody asked; ``headers`` by their names in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """``location`` is where a redirect leads; of a status of 0 ``body`` is the whole response."""

    status: int
    body: bytes
    location: str = ""


class Answering:
    """Answers GET and POST by ``answer`` within its block; ``port`` is known before."""

    def __init__(self, answer: Callable[[Question], Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                given = answer(Question(self.command, self.path, headers, body))
                if given.status:
                    self.send_response(given.status)
                    self.send_header("Content-Length", str(len(given.body)))
                    if given.location:
                        self.send_header("Location", given.location)
                    self.end_headers()
                else:
                    self.close_connection = True
                # Who asked may have gone.
                with suppress(OSError):
                    self.wfile.write(given.body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
