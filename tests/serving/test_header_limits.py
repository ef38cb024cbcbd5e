"""Who asks nothing holds no connection, on a real one; heads are bounded however they come."""

from __future__ import annotations

import socket

import pytest

from streamer.web import header_limits
from tests.serving.test_early_refusal import _ASK, Full, connected, status

_UNREAD = b"POST /v1/unread HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
_LATER = b"GET /v1/later HTTP/1.1\r\nHost: a\r\n\r\n"
_LARGE = b"GET /v1/other HTTP/1.1\r\nHost: a\r\nX-Large: " + b"x" * 20_000


def rest(connection: socket.socket) -> bytes:
    """Return what comes until the connection is closed, within three seconds."""
    connection.settimeout(3.0)
    told = b""
    while received := connection.recv(65_536):
        told += received
    return told


@pytest.mark.parametrize(
    ("first", "then", "is_full"),
    [(_UNREAD, b"x", False), (_ASK, b"\r\n", False), (_ASK, b"\r\n", True)],
    ids=["a body", "an empty line", "an empty line after an early refusal"],
)
def test_what_is_no_head_does_not_hold_a_connection_after_its_answer(
    first: bytes, then: bytes, is_full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEAD_WITHIN_S", 0.3)
    full = Full()
    full.is_full = is_full
    with connected(full) as connection:
        assert status(connection, full, first) == (429 if is_full else 200)
        connection.sendall(then)
        assert rest(connection) == b""


def test_the_rest_of_a_body_that_was_answered_is_no_head() -> None:
    full = Full()
    full.is_full = False
    with connected(full) as connection:
        assert status(connection, full, _UNREAD.replace(b"1000000", b"40000")) == 200
        connection.sendall(b"x" * 40_000)
        assert status(connection, full, _ASK) == 200


def test_a_head_that_comes_in_one_piece_is_bounded_too() -> None:
    full = Full()
    with connected(full) as connection:
        connection.sendall(_LARGE + b"\r\n\r\n")
        told = rest(connection)
    assert told.startswith(b"HTTP/1.1 431")
    assert told.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("second", [_LARGE, _LARGE + b"\r\n\r\n", b"GET / HTTP/1.1\r\n"])
def test_what_is_wrong_with_a_second_head_does_not_come_before_the_first_answer(
    second: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_limits, "HEAD_WITHIN_S", 0.1)
    with connected(Full()) as connection:
        connection.sendall(_LATER + second)
        told = rest(connection)
    assert told.startswith(b"HTTP/1.1 200")
    assert told.count(b"HTTP/1.1") == 1
