"""Settings into the dialects of the two Kafka clients, librdkafka's and Faust's, and the registry's."""

from __future__ import annotations

import ssl
from typing import Any

import faust

from streamer.settings import Settings

__all__ = ["broker_urls", "faust_credentials", "librdkafka_config", "registry_config"]


def broker_urls(settings: Settings, scheme: str) -> list[str]:
    """Return the bootstrap servers as Faust broker URLs of ``scheme``."""
    return [f"{scheme}://{server}" for server in settings.kafka_bootstrap_servers.split(",")]


def librdkafka_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """Return the configuration that producer, consumer and admin client have in common."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "client.id": settings.consumer_group,
        # What the client has to say goes through our own logs, not to standard error.
        "log_level": 0,
    }
    if settings.kafka_sasl_mechanism is not None:
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_sasl_username
        config["sasl.password"] = _secret(settings.kafka_sasl_password)
    files = {
        "ssl.ca.location": settings.kafka_ssl_ca_file,
        "ssl.certificate.location": settings.kafka_ssl_certificate_file,
        "ssl.key.location": settings.kafka_ssl_key_file,
    }
    config.update({name: str(path) for name, path in files.items() if path is not None})
    if settings.kafka_ssl_key_password is not None:
        config["ssl.key.password"] = _secret(settings.kafka_ssl_key_password)
    return config | extra


def registry_config(settings: Settings) -> dict[str, Any]:
    """Return what Confluent's registry client is told about TLS and who we are."""
    files = {
        "ssl.ca.location": settings.schema_registry_ssl_ca_file,
        "ssl.certificate.location": settings.schema_registry_ssl_certificate_file,
        "ssl.key.location": settings.schema_registry_ssl_key_file,
    }
    config: dict[str, Any] = {name: str(path) for name, path in files.items() if path is not None}
    if settings.schema_registry_ssl_key_password is not None:
        config["ssl.key.password"] = _secret(settings.schema_registry_ssl_key_password)
    password = _secret(settings.schema_registry_password)
    if password is not None:
        config["basic.auth.user.info"] = f"{settings.schema_registry_username}:{password}"
    return config


def faust_credentials(settings: Settings) -> Any:
    """Return what Faust takes as ``broker_credentials``: None, a TLS context or SASL credentials."""
    context = _ssl_context(settings) if "SSL" in _tls_part(settings) else None
    if settings.kafka_sasl_mechanism is None:
        return context
    return faust.SASLCredentials(
        username=settings.kafka_sasl_username,
        password=_secret(settings.kafka_sasl_password),
        mechanism=settings.kafka_sasl_mechanism,
        ssl_context=context,
    )


def _tls_part(settings: Settings) -> str:
    return settings.kafka_security_protocol.removeprefix("SASL_")


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    ca_file = settings.kafka_ssl_ca_file
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    if settings.kafka_ssl_certificate_file is not None:
        context.load_cert_chain(
            str(settings.kafka_ssl_certificate_file),
            None if settings.kafka_ssl_key_file is None else str(settings.kafka_ssl_key_file),
            _secret(settings.kafka_ssl_key_password),
        )
    return context


def _secret(value: Any) -> str | None:
    return None if value is None else str(value.get_secret_value())
