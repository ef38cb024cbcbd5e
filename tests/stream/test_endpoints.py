"""Who may ask a worker what: probes and scrapes anybody, the model's threshold and centers few."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

import psutil

from tests.rig.certificates import Authority
from tests.rig.ports import NOWHERE
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, Worker, wait_until

MakeService = Callable[..., Service]

_TOKEN = "a token of the tests"


def _ask(
    port: int, path: str, authority: Path | None = None, token: str | None = None
) -> tuple[int, str]:
    """Return status and body, over TLS where there is an authority; 0 and the error for no answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    if authority is not None:
        context = ssl.create_default_context(cafile=str(authority))
        connection = HTTPSConnection("127.0.0.1", port, timeout=DEADLINE_S, context=context)
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    with closing(connection):
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, HTTPException) as error:
            return 0, repr(error)


def _listening(pid: int) -> set[int]:
    found = psutil.Process(pid).net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def _waiting_worker(service: Service, **changes: str) -> Worker:
    """A worker that answers while it waits for a Kafka that is not there; the admin address is last."""
    changes = {"startup_timeout_s": "3600"} | changes
    worker = service.worker(kafka_bootstrap_servers=NOWHERE, **changes)
    # The end of a connection that does not speak TLS is an answer too.
    wait_until(lambda: "ConnectionRefused" not in _ask(worker.admin_port, "/")[1], worker.log)
    return worker


def test_the_model_is_told_on_the_admin_address_only(make_service: MakeService) -> None:
    """The web address, which a scraper reaches from outside, has health and metrics alone."""
    worker = _waiting_worker(make_service())
    assert _ask(worker.admin_port, "/model")[0] == 200
    assert _ask(worker.port, "/model")[0] == 404
    for path in ("/healthz", "/readyz", "/metrics"):
        assert _ask(worker.port, path)[0] in (200, 503)
        assert _ask(worker.admin_port, path)[0] == 404


def test_port_0_serves_no_admin_address(make_service: MakeService) -> None:
    """Health and metrics are there all the same."""
    worker = make_service().worker(
        kafka_bootstrap_servers=NOWHERE, admin_port="0", startup_timeout_s="3600"
    )
    # Both addresses are bound before anything is waited for.
    waits = "waiting for Kafka"
    wait_until(lambda: waits in _ask(worker.port, "/readyz")[1], worker.log)
    assert _listening(worker.child.pid) == {worker.port}


def test_with_a_token_and_certificates_only_its_bearer_hears_of_the_model(
    make_service: MakeService, tmp_path: Path
) -> None:
    """Over TLS; whoever has no token or a wrong one is told what is asked for, and no more."""
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("worker")
    worker = _waiting_worker(
        make_service(),
        admin_host="0.0.0.0",  # noqa: S104
        admin_token=_TOKEN,
        web_certificate_file=str(certificate),
        web_key_file=str(key),
    )
    for token in (None, "", _TOKEN[:-1], f"{_TOKEN}x", "Bäume"):
        status, body = _ask(worker.admin_port, "/model", authority.path, token)
        assert (status, json.loads(body)) == (
            401,
            {"error": "Authorization must be Bearer STREAMER_ADMIN_TOKEN"},
        )
    status, body = _ask(worker.admin_port, "/model", authority.path, _TOKEN)
    assert (status, json.loads(body)["status"]) == (200, "warming")
    assert _ask(worker.port, "/healthz", authority.path)[0] == 200
    assert _ask(worker.port, "/healthz")[0] != 200
    assert _TOKEN not in worker.log()


def test_a_certificate_without_its_key_ends_the_worker_with_2(
    make_service: MakeService, tmp_path: Path
) -> None:
    """One line names both settings."""
    authority = Authority(tmp_path, "authority")
    certificate, _ = authority.issue("worker")
    _, key = authority.issue("another")
    worker = make_service().worker(web_certificate_file=str(certificate), web_key_file=str(key))
    assert worker.child.wait(DEADLINE_S) == 2
    (line,) = (line for line in worker.log().splitlines() if "cannot start" in line)
    assert (
        "STREAMER_WEB_KEY_FILE must be a PEM certificate and its key" in json.loads(line)["error"]
    )
