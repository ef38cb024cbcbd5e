"""TLS and SASL settings reach both Kafka clients, each in its own words."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import faust
import pytest

from streamer.settings import load_settings
from streamer.stream.kafka.kafka_config import broker_urls, faust_credentials, librdkafka_config

KEY_PASSWORD = "key-password"
SERVERS = {"STREAMER_KAFKA_BOOTSTRAP_SERVERS": "a:9093,b:9093"}
SCRAM = {
    **SERVERS,
    "STREAMER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "STREAMER_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "STREAMER_KAFKA_SASL_USERNAME": "scorer",
    "STREAMER_KAFKA_SASL_PASSWORD": "hunter2",
}


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A throw-away certificate that signs itself, and its encrypted key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "1"]
    command += ["-subj", "/CN=test", "-passout", f"pass:{KEY_PASSWORD}"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_plain_connections_have_no_credentials() -> None:
    """The defaults: no TLS, no SASL, each server a broker URL."""
    settings = load_settings(SERVERS)
    assert faust_credentials(settings) is None
    assert librdkafka_config(settings) == {
        "bootstrap.servers": "a:9093,b:9093",
        "security.protocol": "PLAINTEXT",
        "client.id": "streamer",
        "log_level": 0,
    }
    assert broker_urls(settings, "streamer") == ["streamer://a:9093", "streamer://b:9093"]


def test_sasl_ssl_with_scram_and_certificates_reaches_both_clients(
    certificate: tuple[Path, Path],
) -> None:
    """librdkafka gets files and password, Faust credentials around a loaded context."""
    cert, key = certificate
    settings = load_settings(
        SCRAM
        | {
            "STREAMER_KAFKA_SSL_CA_FILE": str(cert),
            "STREAMER_KAFKA_SSL_CERTIFICATE_FILE": str(cert),
            "STREAMER_KAFKA_SSL_KEY_FILE": str(key),
            "STREAMER_KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
        }
    )
    assert librdkafka_config(settings, retries=3) == {
        "bootstrap.servers": "a:9093,b:9093",
        "security.protocol": "SASL_SSL",
        "client.id": "streamer",
        "log_level": 0,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "scorer",
        "sasl.password": "hunter2",
        "ssl.ca.location": str(cert),
        "ssl.certificate.location": str(cert),
        "ssl.key.location": str(key),
        "ssl.key.password": KEY_PASSWORD,
        "retries": 3,
    }
    credentials = faust_credentials(settings)
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password) == ("scorer", "hunter2")
    assert credentials.mechanism.value == "SCRAM-SHA-512"
    assert credentials.protocol.value == "SASL_SSL"
    context = credentials.ssl_context
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    subjects = [dict(part[0] for part in ca["subject"]) for ca in context.get_ca_certs()]
    assert subjects == [{"commonName": "test"}]


def test_tls_alone_is_a_context_that_checks_the_server(certificate: tuple[Path, Path]) -> None:
    """Without SASL Faust gets SSL credentials or the context itself."""
    settings = load_settings(
        SERVERS
        | {
            "STREAMER_KAFKA_SECURITY_PROTOCOL": "SSL",
            "STREAMER_KAFKA_SSL_CA_FILE": str(certificate[0]),
        }
    )
    context = faust_credentials(settings)
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_sasl_without_tls_has_no_context() -> None:
    """SASL_PLAINTEXT proves who the worker is over a plain connection."""
    credentials = faust_credentials(
        load_settings(SCRAM | {"STREAMER_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"})
    )
    assert credentials.ssl_context is None
    assert credentials.protocol.value == "SASL_PLAINTEXT"


def test_faust_takes_what_both_make_of_the_settings(certificate: tuple[Path, Path]) -> None:
    """An app can be built around them; nothing connects."""
    from streamer.stream.app import build_app

    app = build_app(load_settings(SCRAM | {"STREAMER_KAFKA_SSL_CA_FILE": str(certificate[0])}))
    assert app.conf.broker_credentials.mechanism.value == "SCRAM-SHA-512"
    assert [str(url) for url in app.conf.broker] == ["streamer://a:9093", "streamer://b:9093"]
