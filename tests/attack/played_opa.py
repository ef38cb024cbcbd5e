"""A policy server that hands questions on to Open Policy Agent, or answers as it is told."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from streamer.access.decision import Asked, Facts, code_of

__all__ = ["PlayedOpa"]

_YES = b'{"result": {"allow": true, "code": "allowed"}}'


class PlayedOpa:
    """``behind`` is the URL of the real one; without it the built-in table answers."""

    def __init__(self, behind: str) -> None:
        self.behind, self.how = behind, "honest"
        self.led_astray: list[str] = []
        """The paths that were asked for beside the question: a redirect was followed."""
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/elsewhere":
                    played.led_astray.append(self.path)
                status, told = played.answer(self.path, body)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{played.url}/elsewhere")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> PlayedOpa:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        if self.how == "nonsense":
            return 200, b"<html>yes</html>"
        if self.how == "words":
            return 200, b'{"result": {"allow": "true"}}'
        if self.how == "huge":
            return 200, _YES[:-1] + b" " * 5_000_000 + b"}"
        if self.how == "slow":
            time.sleep(1.5)
            return 200, _YES
        if self.how == "elsewhere":
            return (200, _YES) if path == "/elsewhere" else (302, b"")
        if self.how == "away":
            return 500, _YES
        if self.how == "all":
            return 200, _YES
        return self._honest(path, body)

    def _honest(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.behind:
            connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=60)
            connection.request("POST", path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        told = json.loads(body)["input"]
        facts = Facts(maker=told["maker"], approver=told["approver"])
        code = code_of(Asked(told["who"], told["roles"], told["action"], facts))
        return 200, json.dumps({"result": {"allow": code == "allowed", "code": code}}).encode()
