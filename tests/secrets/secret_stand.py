"""Servers that ask who is there: Kafka with TLS, certificates, SCRAM, access lists; Redis with users.

Each role of the product has a password of its own at both; the rights are those of `ops/access`.  The
plain listener and Redis' default user stay open, for whoever sets up and looks on.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka.admin import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from streamer.stream.kafka.topics import create_topics
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.certificates import Certificates
from tests.rig.redis import DebianRedis
from tests.secrets.access_lists import kafka_bindings, redis_users, say_users
from tests.stream.harness import Service

__all__ = ["ROLES", "SecretStand"]

ROLES: Final = (
    "payments",
    "streamer-worker",
    "streamer-serve",
    "streamer-console",
    "streamer-operator",
    "case-system",
    "chargebacks",
    "auditor",
)
_MECHANISMS: Final = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
_TIMEOUT_S: Final = 30.0
_ITERATIONS: Final = 4096


class SecretStand:
    """One broker and one Redis; ``canaries`` are all secrets that were ever in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = Certificates(folder)
        self.canaries: list[str] = [Certificates.client_key_password]
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        secure = Listener(
            "SECURE",
            "SASL_SSL",
            settings={
                "sasl.enabled.mechanisms": ",".join(_MECHANISMS),
                "scram-sha-256.sasl.jaas.config": scram,
                "scram-sha-512.sasl.jaas.config": scram,
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(self.certificates.broker),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.certificates.authority),
                "ssl.client.auth": "required",
            },
        )
        self.kafka = ApacheKafka(
            listeners=[secure],
            authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            super_users="User:ANONYMOUS",
        )
        self.redis = DebianRedis("none")
        self.changed: dict[str, tuple[str, str]] = {}
        """Mechanism and password of each role that does not have those of the beginning any more."""
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._running.enter_context(self.redis)
        self._running.enter_context(self.kafka)
        for role in ROLES:
            self.set_kafka_password(role, "SCRAM-SHA-256", self.kafka_password(role))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    def secret(self, name: str) -> str:
        """Return a secret that is known again wherever it turns up."""
        made = f"canary-of-{name}-5b1f"
        if made not in self.canaries:
            self.canaries.append(made)
        return made

    def kafka_password(self, role: str) -> str:
        """Return the password that a role has to begin with."""
        return self.secret(f"kafka-{role}")

    def redis_password(self, user: str) -> str:
        """Return the password that a user has to begin with."""
        return self.secret(f"redis-{user}")

    def set_kafka_password(self, role: str, mechanism: str, password: str) -> None:
        """Let a role come in by it, beside the other mechanism's."""
        credential = ScramCredentialInfo(_MECHANISMS[mechanism], _ITERATIONS)
        wanted = UserScramCredentialUpsertion(role, credential, password.encode())
        self._altered(wanted)

    def drop_kafka_password(self, role: str, mechanism: str) -> None:
        """Let nobody in by it any more."""
        self._altered(UserScramCredentialDeletion(role, _MECHANISMS[mechanism]))

    def _altered(self, wanted: Any) -> None:
        admin = self.kafka.admin()
        for future in admin.alter_user_scram_credentials([wanted]).values():
            future.result(_TIMEOUT_S)

    def service(self, **settings: str) -> Service:
        """Return a service with topics, and with rights for its names at both servers."""
        made = Service(self.kafka.bootstrap_servers, self.redis.url, **settings)
        own = made.settings
        made.create_topics()
        decisions = f"decisions-{made.id}"
        create_topics(self.kafka.admin(), dict.fromkeys((own.proposals_topic, decisions), 2), 1)
        with self.redis.client() as client:
            passwords = {name: self.redis_password(name) for name in redis_users(own.namespace)}
            say_users(client, own.namespace, passwords)
        names = "transactions alerts overflow dead_letters feedback feedback_dead_letters scores"
        topics = [*names.split(), "features", "audit", "proposals"]
        variables = {
            f"STREAMER_{name.upper()}_TOPIC": getattr(own, f"{name}_topic") for name in topics
        }
        variables["STREAMER_CONSUMER_GROUP"] = own.consumer_group
        variables["STREAMER_SERVE_DECISIONS_TOPIC"] = decisions
        folder = self.folder / made.id
        folder.mkdir()
        admin, bindings = self.kafka.admin(), kafka_bindings(variables, folder)
        for future in admin.create_acls(bindings).values():
            future.result(_TIMEOUT_S)
        return made

    def redis_url(self, user: str, password: str | None = None) -> str:
        """Return the URL of a user, with the password that it has to begin with or another."""
        told = self.redis_password(user) if password is None else password
        return self.redis.url_of(told, user)

    def redis_denials(self, user: str) -> list[str]:
        """Return what Redis has denied a user but for wrong passwords: commands and keys."""
        with self.redis.client() as client:
            entries = client.acl_log()
        return [
            f"{entry['reason']} {entry['object']}"
            for entry in entries
            if entry["username"] == user and entry["reason"] != "auth"
        ]

    def settings_of(self, role: str) -> dict[str, str]:
        """Return what a process of a role is told that is no secret; those of a `Service` are voided.

        An empty variable counts as not set, so that what is in files counts.
        """
        return {
            "redis_url": "",
            "kafka_bootstrap_servers": self.kafka.servers("SECURE"),
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_username": role,
            "kafka_ssl_ca_file": str(self.certificates.authority),
        }

    def secrets_of(self, role: str, user: str | None = None) -> dict[str, str]:
        """Return the files of a role's secrets directory to begin with."""
        return {
            "redis_url": self.redis_url(role if user is None else user),
            "kafka_sasl_mechanism": "SCRAM-SHA-256",
            "kafka_sasl_password": self.kafka_password(role),
            "kafka_ssl_certificate_file": str(self.certificates.client),
            "kafka_ssl_key_file": str(self.certificates.client_key),
            "kafka_ssl_key_password": self.certificates.client_key_password,
        }

    def another_certificate(self) -> dict[str, str]:
        """Return the files' content for a certificate of the same authority that is newer."""
        password = self.secret("key-of-the-next-certificate")
        certificate, key = self.certificates.issuer.issue("next", password)
        return {
            "kafka_ssl_certificate_file": str(certificate),
            "kafka_ssl_key_file": str(key),
            "kafka_ssl_key_password": password,
        }

    def client(self, role: str, **extra: Any) -> dict[str, Any]:
        """Return a client of Kafka as a role, for librdkafka."""
        of_the_beginning = "SCRAM-SHA-256", self.kafka_password(role)
        mechanism, password = self.changed.get(role, of_the_beginning)
        return {
            "bootstrap.servers": self.kafka.servers("SECURE"),
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": mechanism,
            "sasl.username": role,
            "sasl.password": password,
            "ssl.ca.location": str(self.certificates.authority),
            "ssl.certificate.location": str(self.certificates.client),
            "ssl.key.location": str(self.certificates.client_key),
            "ssl.key.password": self.certificates.client_key_password,
            "log_level": 0,
            **extra,
        }
