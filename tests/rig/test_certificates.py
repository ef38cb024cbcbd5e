"""Certificates of a test run: vouched for by their authority, for this machine, and by nobody else."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from tests.rig.certificates import Certificates
from tests.rig.ports import HOST


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once; they last a day."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


def _handshake(certificates: Certificates, client: ssl.SSLContext) -> dict[str, object]:
    """Connect to a server with the broker's certificate; return what it learned of the client."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.authority)
    server.load_cert_chain(certificates.broker)
    server.verify_mode = ssl.CERT_OPTIONAL
    known: list[dict[str, object]] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                with server.wrap_socket(connection, server_side=True) as wrapped:
                    known.append(wrapped.getpeercert() or {})
                    wrapped.sendall(b"x")
            except ssl.SSLError:
                # The client has hung up; what it says about it is the test's matter.
                return

    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), 10) as connection,
                client.wrap_socket(connection, server_hostname=HOST) as wrapped,
            ):
                assert wrapped.recv(1) == b"x"
        finally:
            thread.join()
    return known[0]


def test_who_trusts_the_authority_connects_and_a_client_certificate_names_its_owner(
    certificates: Certificates,
) -> None:
    """With the address of this machine checked, and an encrypted key."""
    client = ssl.create_default_context(cafile=certificates.authority)
    assert _handshake(certificates, client) == {}
    client.load_cert_chain(
        certificates.client, certificates.client_key, certificates.client_key_password
    )
    assert _handshake(certificates, client)["subject"] == ((("commonName", "client"),),)


def test_who_trusts_somebody_else_hangs_up(certificates: Certificates) -> None:
    """Another authority vouches for nothing here."""
    client = ssl.create_default_context(cafile=certificates.stranger)
    with pytest.raises(ssl.SSLCertVerificationError, match="CERTIFICATE_VERIFY_FAILED"):
        _handshake(certificates, client)
