"""A policy server that hands questions on to Open Policy Agent, or answers as it is told."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

from streamer.access.decision import Asked, Facts, code_of
from tests.rig.answering import Answer, Answering, Question

__all__ = ["PlayedOpa"]

_YES = b'{"result": {"allow": true, "code": "allowed"}}'


class PlayedOpa:
    """``behind`` is the URL of the real one; without it the built-in table answers."""

    def __init__(self, behind: str) -> None:
        self.behind, self.how, self.worker = behind, "honest", ""
        self.led_astray: list[str] = []
        """The paths that were asked for beside the question: a redirect was followed."""
        self._server = Answering(self._answered)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> PlayedOpa:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answered(self, asked: Question) -> Answer:
        if asked.path == "/elsewhere":
            self.led_astray.append(asked.path)
        if asked.method == "GET":
            # Who asks this server for a worker's metrics.
            return Answer(0, self.metrics(asked.path))
        status, told = self.answer(asked.path, asked.body)
        return Answer(status, told, f"{self.url}/elsewhere" if status == 302 else "")

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        if self.how == "nonsense":
            return 200, b"<html>yes</html>"
        if self.how == "words":
            return 200, b'{"result": {"allow": "true"}}'
        if self.how == "huge":
            return 200, _YES[:-1] + b" " * 5_000_000 + b"}"
        if self.how == "slow":
            time.sleep(6.0)
            return 200, _YES
        if self.how == "elsewhere":
            return (200, _YES) if path == "/elsewhere" else (302, b"")
        if self.how == "away":
            return 500, _YES
        if self.how == "all":
            return 200, _YES
        return self._honest(path, body)

    def metrics(self, path: str) -> bytes:
        """Return what a worker would never answer, a whole response."""
        if self.worker == "markup":
            return b"HTTP/1.1 <script>alert(1)</script>\r\n\r\n"
        if self.worker == "elsewhere" and path != "/elsewhere":
            where = f"Location: {self.url}/elsewhere\r\n".encode()
            return b"HTTP/1.1 302 Found\r\n" + where + b"Content-Length: 0\r\n\r\n"
        if self.worker == "huge":
            return b"HTTP/1.1 200 OK\r\n\r\n" + b"# " * 20_000_000
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

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
