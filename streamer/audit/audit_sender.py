"""Entries out to Kafka in the order of their chains, again until it has them.

Invariants:
* An entry is given up by nobody: one that was left out would break its chain for good.  What Kafka
  refuses or a producer gives up goes out again by another producer, with all that came after it.
* Sent twice it is the same bytes, which a check takes for what it is.
* Another producer begins after a second, and after twice as long each time that it gets nowhere:
  neither the broker nor the log is asked every second about a topic that nobody may write to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException, Producer

from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["AuditSender"]

_POLL_S: Final = 0.2
_AGAIN_S: Final = 1.0
_LONGEST_S: Final = 30.0

_log: Final = structlog.get_logger(__name__)

Name = tuple[str, int]


class AuditSender:
    """Sends from a thread of its own; ``on_taken`` is called there, with writer and number.

    Of messages that Kafka does not take ``error`` says why, "" while it takes them; ``n_failures`` is
    how often a producer was given up.
    """

    def __init__(self, settings: Settings, on_taken: Callable[[str, int], None]) -> None:
        self._topic = settings.audit_topic
        self._config = librdkafka_config(
            settings,
            **{
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                # Of the Java client: a writer's entries lie in one partition, whoever sends them.
                "partitioner": "murmur2_random",
                # For ever: see the invariants.
                "message.timeout.ms": 0,
                "error_cb": self._on_error,
            },
        )
        self._on_taken = on_taken
        self._pending: dict[Name, bytes] = {}
        self._guard = threading.Lock()
        self._has_failed = False
        self._ended = threading.Event()
        self.error = ""
        self.n_failures = 0
        # Since Kafka last took one.
        self._n_in_a_row = 0
        self._producer = Producer(self._config)
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def send(self, writer: str, sequence: int, value: bytes) -> None:
        """Hand over the next entry of a chain."""
        with self._guard:
            self._pending[writer, sequence] = value
            self._produce(writer, sequence, value)

    def close(self, within_s: float) -> None:
        """Wait until Kafka has all, for so long; what is left is kept in Redis by who sent it."""
        self._producer.flush(within_s)
        self._ended.set()
        self._thread.join(within_s + _AGAIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._producer.poll(_POLL_S)
            if self._has_failed and not self._ended.wait(self._rest_s()):
                self._begin_again()

    def _rest_s(self) -> float:
        return min(_AGAIN_S * 2.0 ** min(self._n_in_a_row - 1, 10), _LONGEST_S)

    def _begin_again(self) -> None:
        """Send what Kafka has not taken by another producer, from the first on."""
        with self._guard:
            self._has_failed = False
            self._producer.purge()
            self._producer = Producer(self._config)
            for (writer, sequence), value in list(self._pending.items()):
                self._produce(writer, sequence, value)

    def _produce(self, writer: str, sequence: int, value: bytes) -> None:
        if self._has_failed:
            # It goes out with those before it.
            return
        try:
            self._producer.produce(
                self._topic, value, writer, on_delivery=partial(self._delivered, (writer, sequence))
            )
        except (BufferError, KafkaException) as error:
            self._fail(error)

    def _delivered(self, name: Name, error: Any, _: Any) -> None:
        if error is not None:
            # Of a producer that was replaced as well: what it had is sent again already.
            if name in self._pending and not self._has_failed:
                self._fail(error)
            return
        if self._pending.pop(name, None) is not None:
            if self._n_in_a_row:
                _log.info("audit entries taken again", tries=self._n_in_a_row)
            self.error, self._n_in_a_row = "", 0
            self._on_taken(*name)

    def _fail(self, error: Any) -> None:
        self._has_failed = True
        self.n_failures += 1
        self._n_in_a_row += 1
        if self._n_in_a_row == 1:
            _log.warning("audit entry not taken", error=str(error))
        self.error = str(error)

    def _on_error(self, error: Any) -> None:
        self.error = str(error)
