"""Listeners of Apache Kafka that ask who is there: SASL, TLS, both, and mutual TLS.

The plain listener stays beside them, so that a test can set up and look without credentials.
"""

from __future__ import annotations

from typing import Final

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.rig.broker import Listener
from tests.rig.certificates import Certificates

__all__ = ["PASSWORD", "USER", "create_scram_users", "secure_listeners"]

USER: Final = "scorer"
PASSWORD: Final = "right-password"

# Fewer are refused; more only take time.
_SCRAM_ITERATIONS: Final = 4096
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_MODULES: Final = "org.apache.kafka.common.security"


def secure_listeners(certificates: Certificates) -> list[Listener]:
    """Return the listeners ``SASL``, ``SASLTLS``, ``TLS`` and ``MUTUAL``."""
    tls = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.broker),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
    }
    return [
        Listener("SASL", "SASL_PLAINTEXT", settings=_sasl()),
        Listener("SASLTLS", "SASL_SSL", settings=_sasl() | tls),
        Listener("TLS", "SSL", settings=tls),
        Listener("MUTUAL", "SSL", settings=tls | {"ssl.client.auth": "required"}),
    ]


def create_scram_users(admin: AdminClient) -> None:
    """Tell the cluster the SCRAM passwords; that of PLAIN is in its settings."""
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        credential = ScramCredentialInfo(mechanism, _SCRAM_ITERATIONS)
        wanted = UserScramCredentialUpsertion(USER, credential, PASSWORD.encode())
        # One at a time: a request may name a user once.
        for future in admin.alter_user_scram_credentials([wanted]).values():
            future.result(30)


def _sasl() -> dict[str, str]:
    plain = f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = f"{_MODULES}.scram.ScramLoginModule required;"
    return {
        "sasl.enabled.mechanisms": ",".join(_MECHANISMS),
        "plain.sasl.jaas.config": plain,
        "scram-sha-256.sasl.jaas.config": scram,
        "scram-sha-512.sasl.jaas.config": scram,
    }
