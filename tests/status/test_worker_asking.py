"""A worker's port that answers as no worker does costs its own answer, and a few seconds."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import pytest

from streamer.console.service.worker_scrapes import WorkerScrapes
from streamer.status import gathering, worker_asking

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
Answer = Callable[[socket.socket], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Yield the address of a server that treats each connection like that."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=treat, args=[connection], daemon=True).start()

        def treat(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65_536)
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def whole(body: bytes) -> Answer:
    return lambda connection: connection.sendall(HEAD + body)


def drip(first: bytes) -> Answer:
    """Send a byte every few milliseconds, for ever."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    return answer


def endless(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    while True:
        connection.sendall(b"x" * 65_536)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (drip(HEAD), "must end within"),
        (drip(b""), "must end within"),
        (endless, "at most 1,000,000 bytes"),
        (lambda connection: connection.sendall(b"no HTTP at all\r\n\r\n"), "no HTTP"),
        (lambda _: None, "without response"),
    ],
)
def test_an_answer_without_an_end_or_of_nothing_is_given_up_in_words(
    answer: Answer, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the worker beside it is heard."""
    monkeypatch.setattr(worker_asking, "WITHIN_S", 1.0)
    monkeypatch.setattr(worker_asking, "MOST_BYTES", 1_000_000)
    with answering(answer) as bad, answering(whole(b"streamer_assigned_partitions 4\n")) as good:
        scrapes = WorkerScrapes([bad, good])
        for _ in range(2):
            asyncio.run(asyncio.wait_for(scrapes.look(), 30.0))
        assert told in scrapes.silent[bad]
        assert scrapes.window is not None
        assert scrapes.window.total("streamer_assigned_partitions") == 4


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"status": 1}', b"\xff", b"<html>", b"null"])
def test_what_is_no_readiness_is_told_as_that(body: bytes) -> None:
    with answering(whole(body)) as url:
        told = gathering._endpoint(url)
    assert (told.is_ready, told.error) == (False, "no answer of a worker's")


def test_what_a_worker_says_is_cut_where_no_worker_s_is_as_long() -> None:
    body = msgspec.json.encode({"status": "no", "because": ["x" * 9_000] * 3, "warnings": []})
    with answering(whole(body)) as url:
        told = gathering._endpoint(url)
    assert [len(each) for each in told.because] == [1_000] * 3
    line = b"x" * 50_000 + b"\r\n\r\n"
    with answering(lambda connection: connection.sendall(line)) as url:
        told = gathering._endpoint(url)
    assert len(told.error or "") == 200
