"""The health check of the image: what a worker says, in an exit code."""

from __future__ import annotations

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.rig.certificates import Authority
from tests.rig.ports import NOWHERE
from tests.stream.harness import ROOT


def _handler(status: int) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"path": "%s"}' % self.path.encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Answer


@contextmanager
def _server(status: int, folder: Path | None = None) -> Iterator[str]:
    """A server with one answer; over TLS where there is a folder for its certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(status))
    scheme = "http"
    if folder is not None:
        certificate, key = Authority(folder, "authority").issue("worker")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}/readyz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _probe(url: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "streamer.probe", url], capture_output=True, text=True, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_only_a_worker_that_is_ready_is_well(status: int, code: int) -> None:
    """What it says is printed in any case."""
    with _server(status) as url:
        assert _probe(url) == (code, '{"path": "/readyz"}\n')


def test_a_worker_with_a_certificate_is_asked_over_tls(tmp_path: Path) -> None:
    """Whoever signed it, and whatever it is for."""
    with _server(200, tmp_path) as url:
        assert _probe(url) == (0, '{"path": "/readyz"}\n')


def test_nobody_there_is_not_well() -> None:
    code, said = _probe(f"http://{NOWHERE}/readyz")
    assert code == 1
    assert "must answer within 4 s, got ConnectionRefusedError" in said


def test_an_answer_that_is_no_http_is_not_well(tmp_path: Path) -> None:
    """A worker that speaks TLS, asked without."""
    with _server(200, tmp_path) as url:
        assert _probe(url.replace("https", "http"))[0] == 1


def test_it_costs_little() -> None:
    """Nothing is imported that takes longer than the interpreter itself."""
    code = "import sys, streamer.probe; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "streamer.probe" in done.stdout
    for heavy in ("ssl", "urllib.request", "http.client", "click", "pydantic", "asyncio"):
        assert f"'{heavy}'" not in done.stdout, heavy
