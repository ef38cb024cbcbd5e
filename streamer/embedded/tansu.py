"""A Kafka broker for the demo and the tests: Tansu, one program, in memory, up in 0.1 s.

It keeps every record until it stops, and has no transactions.  Joining a consumer group takes half
the session timeout there, so use a short one (6 s).
"""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streamer.embedded.binaries import tansu_program
from streamer.embedded.child import ChildProcess
from streamer.embedded.server import HOST, EmbeddedServer

__all__ = ["EmbeddedKafka"]

# The broker answers on this machine within a millisecond once its port is open.
_METADATA_TIMEOUT_S = 1.0


class EmbeddedKafka(EmbeddedServer):
    """A broker on `bootstrap_servers`; topics are gone when it stops."""

    _name = "the embedded Kafka broker"
    _probe_name = "a metadata request"

    def __init__(self, *, port: int | None = None, ready_timeout_s: float = 20.0) -> None:
        super().__init__(port=port, ready_timeout_s=ready_timeout_s)
        # Every broker has its own, and a client sees it: the proof of who answers.
        self._cluster_id = f"streamer-{uuid.uuid4().hex[:12]}"

    @property
    def bootstrap_servers(self) -> str:
        """``127.0.0.1:PORT``, as a Kafka client's `bootstrap.servers`."""
        return f"{HOST}:{self.port}"

    def _command(self, port: int, scratch: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        address = f"tcp://{HOST}:{port}"
        variables = {
            "LISTENER_URL": address,
            "ADVERTISED_LISTENER_URL": address,
            "STORAGE_ENGINE": "memory://tansu/",
            "CLUSTER_ID": self._cluster_id,
            "RUST_LOG": "warn",
            "NO_COLOR": "1",
        }
        return [str(tansu_program(scratch)), "broker"], variables

    def _is_ready(self, port: int, child: ChildProcess) -> bool:
        del child  # the cluster id tells
        return _accepts(port) and _cluster_id_at(f"{HOST}:{port}") == self._cluster_id


def _accepts(port: int) -> bool:
    """True once the port is open; saves librdkafka's back-off between refused connections."""
    try:
        socket.create_connection((HOST, port), timeout=_METADATA_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _cluster_id_at(bootstrap_servers: str) -> str | None:
    """The cluster id in the broker's metadata, None if it does not answer."""
    client = AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            # A refused connection is expected here; librdkafka would print it to standard error.
            "log_level": 0,
            "error_cb": lambda _error: None,
        },
        logger=_silent_logger(),
    )
    try:
        cluster_id: str | None = client.list_topics(timeout=_METADATA_TIMEOUT_S).cluster_id
    except KafkaException:
        return None
    return cluster_id


def _silent_logger() -> logging.Logger:
    logger = logging.Logger("streamer.embedded.probe")
    logger.addHandler(logging.NullHandler())
    return logger
