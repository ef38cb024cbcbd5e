"""Workers on Apache Kafka with passwords and certificates, through both Kafka clients.

Faust's client (aiokafka) reads the transactions, librdkafka publishes the alerts and looks at topics.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.rig.apache_kafka import ApacheKafka
from tests.rig.certificates import Certificates
from tests.rig.ports import stable_port
from tests.rig.redis import DebianRedis
from tests.rig.security import PASSWORD, USER, create_scram_users, secure_listeners
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import ROOT, Service, Worker, child_env, payments

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made for these tests."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def kafka(apache_kafka_installed: None, certificates: Certificates) -> Iterator[ApacheKafka]:
    """A broker with a listener for each way to say who one is."""
    with ApacheKafka(listeners=secure_listeners(certificates)) as kafka:
        create_scram_users(kafka.admin())
        yield kafka


@pytest.fixture
def start(kafka: ApacheKafka, redis_url: str) -> Iterator[Callable[..., Service]]:
    """Makes a service with topics on one of the listeners; stops its workers after the test."""
    services: list[Service] = []

    def make(listener: str, **settings: str) -> Service:
        service = Service(kafka.servers(listener), redis_url, **settings)
        services.append(service)
        return service.create_topics()

    yield make
    for service in services:
        service.stop()


def _sasl(mechanism: str, protocol: str = "SASL_PLAINTEXT") -> dict[str, str]:
    return {
        "kafka_security_protocol": protocol,
        "kafka_sasl_mechanism": mechanism,
        "kafka_sasl_username": USER,
        "kafka_sasl_password": PASSWORD,
    }


def _assert_scores(service: Service) -> None:
    """A real worker consumes, scores and publishes, and what it publishes is read back."""
    worker = service.worker().wait_ready()
    # Two helpings: what teaches the first model version is never alerted on.
    for sent in (payments(1_000), payments(1_000, seed=2)):
        service.produce(sent)
        service.wait_consumed()
    total = service.assert_exact()
    assert total.scored == 2_000
    assert total.alerted > 0
    assert worker.terminate() == 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_worker_with_a_password_scores(start: Callable[..., Service], mechanism: str) -> None:
    """SASL without TLS, as inside a mesh that encrypts."""
    _assert_scores(start("SASL", **_sasl(mechanism)))


def test_a_worker_with_a_password_over_tls_scores(
    start: Callable[..., Service], certificates: Certificates
) -> None:
    """What hosted Kafka asks for."""
    settings = _sasl("SCRAM-SHA-512", "SASL_SSL")
    _assert_scores(start("SASLTLS", **settings, kafka_ssl_ca_file=str(certificates.authority)))


def test_a_worker_that_trusts_the_brokers_authority_scores(
    start: Callable[..., Service], certificates: Certificates
) -> None:
    """TLS, the broker alone says who it is."""
    authority = str(certificates.authority)
    _assert_scores(start("TLS", kafka_security_protocol="SSL", kafka_ssl_ca_file=authority))


def test_a_worker_with_a_certificate_of_its_own_scores(
    start: Callable[..., Service], certificates: Certificates
) -> None:
    """Mutual TLS, with a key that is encrypted."""
    _assert_scores(start("MUTUAL", **_mutual(certificates)))


def test_everything_over_tls_scores_and_answers(
    kafka: ApacheKafka, certificates: Certificates, debian_redis_installed: None
) -> None:
    """docs/tls-and-sasl.md: Kafka with SCRAM, Redis that wants a certificate, HTTPS, commands."""
    names = ("redis", "redis-client", "web")
    pairs = {name: certificates.issuer.issue(name) for name in names}
    port = stable_port()
    options = {
        "ssl_ca_certs": certificates.authority,
        "ssl_certfile": pairs["redis-client"][0],
        "ssl_keyfile": pairs["redis-client"][1],
    }
    asked = "&".join(f"{name}={path}" for name, path in options.items())
    with (
        DebianRedis(
            tls_port=port,
            tls_auth_clients="yes",
            tls_cert_file=str(pairs["redis"][0]),
            tls_key_file=str(pairs["redis"][1]),
            tls_ca_cert_file=str(certificates.authority),
        ),
        Service(
            kafka.servers("SASLTLS"),
            f"rediss://localhost:{port}/0?{asked}",
            **_sasl("SCRAM-SHA-512", "SASL_SSL"),
            kafka_ssl_ca_file=str(certificates.authority),
            web_certificate_file=str(pairs["web"][0]),
            web_key_file=str(pairs["web"][1]),
        ).create_topics() as service,
    ):
        worker = service.worker()
        service.produce(payments(1_000))
        service.wait_consumed()
        service.assert_exact()
        url = f"https://localhost:{worker.port}"
        status = _ran(service, certificates, "streamer", "status", "--worker", url)
        assert f"{url}: ready" in status.stdout, status
        probe = _ran(service, certificates, "streamer.probe", f"{url}/readyz")
        assert probe.returncode == 0, probe


def _ran(
    service: Service, certificates: Certificates, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=child_env(service.env) | {"SSL_CERT_FILE": str(certificates.authority)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _mutual(certificates: Certificates) -> dict[str, str]:
    return {
        "kafka_security_protocol": "SSL",
        "kafka_ssl_ca_file": str(certificates.authority),
        "kafka_ssl_certificate_file": str(certificates.client),
        "kafka_ssl_key_file": str(certificates.client_key),
        "kafka_ssl_key_password": certificates.client_key_password,
    }


def _complaint(worker: Worker, code: int) -> str:
    """The one line with which a worker ends that cannot start."""
    assert worker.child.wait(DEADLINE_S) == code, worker.log()
    log = worker.log()
    assert "Traceback" not in log, log
    (line,) = [line for line in log.splitlines() if "critical" in line]
    return line


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_ends_the_worker_at_once_with_2(
    start: Callable[..., Service], mechanism: str
) -> None:
    """The line says that the credentials were refused, and does not show them."""
    service = start("SASL", **_sasl(mechanism))
    worker = service.worker(kafka_sasl_password="hunter2", startup_timeout_s="3600")
    line = _complaint(worker, 2)
    assert "STREAMER_KAFKA_SASL_PASSWORD must be" in line
    assert "hunter2" not in worker.log()


def test_a_worker_that_trusts_somebody_else_does_not_connect(
    start: Callable[..., Service], certificates: Certificates
) -> None:
    """A broker whose certificate is not vouched for gets no payment to score."""
    trusted = {"kafka_security_protocol": "SSL", "kafka_ssl_ca_file": str(certificates.authority)}
    worker = start("TLS", **trusted).worker(
        kafka_ssl_ca_file=str(certificates.stranger), startup_timeout_s="2"
    )
    complaint = _complaint(worker, 1)
    assert "Kafka must answer within" in complaint
    assert "certificate verify failed" in complaint


def test_a_worker_without_a_certificate_is_turned_away_by_mutual_tls(
    kafka: ApacheKafka, start: Callable[..., Service], certificates: Certificates
) -> None:
    """The same worker passes where only the broker has to say who it is."""
    service = start("MUTUAL", **_mutual(certificates))
    names = ("certificate_file", "key_file", "key_password")
    for name in names:
        del service.env[f"STREAMER_KAFKA_SSL_{name.upper()}"]
    worker = service.worker(startup_timeout_s="2")
    assert "Kafka must answer within" in _complaint(worker, 1)
    service.worker(kafka_bootstrap_servers=kafka.servers("TLS")).wait_ready()
