"""The proxy's faults, before a server that says everything again."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.rig.ports import HOST
from tests.rig.proxy import Proxy
from tests.rig.waiting import DEADLINE_S, wait_until


class _Echo(socketserver.StreamRequestHandler):
    """Says again what it hears, and keeps it."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(65_536):
                server.received += data
                self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    received = b""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server((HOST, 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: _Server) -> Iterator[Proxy]:
    with Proxy(server.server_address[1]) as proxy:
        yield proxy


def _connect(proxy: Proxy, timeout_s: float = DEADLINE_S) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout_s)


def _ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(100)


def _read_to_the_end(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


def test_everything_passes_in_both_directions_and_so_does_the_end(proxy: Proxy) -> None:
    """A megabyte comes back unchanged, and then the close that the client asked for."""
    sent = bytes(range(256)) * 4096
    with _connect(proxy) as connection:
        sender = threading.Thread(
            target=lambda: (connection.sendall(sent), connection.shutdown(socket.SHUT_WR))
        )
        sender.start()
        with connection.makefile("rb") as stream:
            assert stream.read() == sent
        sender.join()


def test_a_cut_resets_what_is_open_and_refuses_what_comes(proxy: Proxy) -> None:
    """Afterwards the same port relays again."""
    with _connect(proxy) as connection:
        assert _ask(connection, b"one") == b"one"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    proxy.pass_on()
    with _connect(proxy) as connection:
        assert _ask(connection, b"two") == b"two"


def test_half_open_connections_stay_and_deliver_nothing(proxy: Proxy, server: _Server) -> None:
    """Old and new ones; what was swallowed never arrives, and the next mode resets its connection."""
    with _connect(proxy) as old:
        assert _ask(old, b"one") == b"one"
        proxy.hang()
        with _connect(proxy) as new:
            for connection in (old, new):
                # They wait for ever; no more is said by waiting for longer.
                connection.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    _ask(connection, b"lost")
            wait_until(lambda: proxy.n_mute == 2, "both have lost something")
            proxy.pass_on()
            for connection in (old, new):
                connection.settimeout(DEADLINE_S)
                with pytest.raises(ConnectionResetError):
                    connection.recv(100)
    assert server.received == b"one"


def test_a_connection_that_was_silent_while_the_proxy_hung_goes_on(proxy: Proxy) -> None:
    """Nothing was lost on it, so nobody need know."""
    with _connect(proxy) as connection:
        assert _ask(connection, b"one") == b"one"
        proxy.hang()
        proxy.pass_on()
        assert _ask(connection, b"two") == b"two"


def test_a_delay_counts_each_way(proxy: Proxy) -> None:
    """An answer takes twice the delay."""
    with _connect(proxy) as connection:
        proxy.delay(0.1)
        started = time.monotonic()
        assert _ask(connection, b"one") == b"one"
        assert time.monotonic() - started >= 0.2


def test_a_cut_after_so_many_bytes_delivers_exactly_these_once(
    proxy: Proxy, server: _Server
) -> None:
    """Five of the eight arrive; the next connection is as good as new."""
    proxy.cut_after(5)
    with _connect(proxy) as connection:
        connection.sendall(b"12345678")
        with pytest.raises(ConnectionResetError):
            _read_to_the_end(connection)
    wait_until(lambda: server.received == b"12345", lambda: str(server.received))
    assert proxy.n_cut == 1
    with _connect(proxy) as connection:
        assert _ask(connection, b"two") == b"two"


def test_a_swallowed_answer_belongs_to_a_request_that_the_server_has_obeyed(
    proxy: Proxy, server: _Server
) -> None:
    """Requests without the pattern are answered before, and all of them after."""
    proxy.cut_answer_to(b"EXEC")
    with _connect(proxy) as connection:
        assert _ask(connection, b"MULTI") == b"MULTI"
        connection.sendall(b"EXEC")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    assert server.received == b"MULTIEXEC"
    assert proxy.n_cut == 1
    with _connect(proxy) as connection:
        assert _ask(connection, b"EXEC") == b"EXEC"


def test_a_proxy_before_a_server_that_is_away_hangs_up() -> None:
    """The client sees a reset, not a connection without an end."""
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        # The reset may come while the client still connects.
        with (
            Proxy(nobody.getsockname()[1]) as proxy,
            pytest.raises(ConnectionResetError),
            _connect(proxy) as connection,
        ):
            connection.recv(100)


def test_reset_ends_open_connections_and_takes_new_ones(proxy: Proxy) -> None:
    """As a load balancer does that forgets its connections."""
    with _connect(proxy) as connection:
        assert _ask(connection, b"one") == b"one"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    with _connect(proxy) as connection:
        assert _ask(connection, b"two") == b"two"
