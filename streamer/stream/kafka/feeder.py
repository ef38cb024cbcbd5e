"""Payments into the transactions topic: what the demo, `simulate --topic` and the load tests use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import KafkaError, Producer

from streamer.errors import UnavailableError

__all__ = ["Feeder"]

_FLUSH_S: Final = 60.0
# The clock is looked at once per slice of a second, so the rate is even within it.
_SLICE_S: Final = 0.05


class Feeder:
    """Sends keyed records at a rate, and knows how many have been acknowledged."""

    def __init__(self, config: dict[str, Any], topic: str) -> None:
        """``config`` is librdkafka's."""
        self._topic = topic
        self._error: str | None = None
        self.n_sent = 0
        self.n_acknowledged = 0
        self.is_stopped = threading.Event()
        self._producer = Producer(
            config
            | {
                "enable.idempotence": True,
                "linger.ms": 5,
                "queue.buffering.max.messages": 200_000,
                # The partitioner of the Java client, so that cards land where its producers put them.
                "partitioner": "murmur2_random",
            }
        )

    def send(self, records: Iterable[tuple[bytes | None, bytes]]) -> None:
        """Queue records as fast as the client takes them; all, unless ``is_stopped`` is set."""
        produce, topic, delivered = self._producer.produce, self._topic, self._delivered
        for key, value in records:
            while True:
                try:
                    produce(topic, value, key, on_delivery=delivered)
                    break
                except BufferError:
                    if self.is_stopped.is_set():
                        # The broker takes nothing, perhaps for ever.
                        return
                    self._producer.poll(0.05)
            self.n_sent += 1
        self._producer.poll(0)

    def send_at_rate(self, records: list[tuple[bytes | None, bytes]], rate: float) -> None:
        """Queue records at ``rate`` per second; returns early when ``is_stopped`` is set."""
        step = max(int(rate * _SLICE_S), 1)
        started = time.monotonic()
        for first in range(0, len(records), step):
            if self.is_stopped.is_set():
                return
            self.send(records[first : first + step])
            ahead_s = (first + step) / rate - (time.monotonic() - started)
            if ahead_s > 0:
                self.is_stopped.wait(ahead_s)

    def finish(self) -> None:
        """Wait until everything has been acknowledged; UnavailableError if it is not."""
        left = self._producer.flush(_FLUSH_S)
        if left or self._error is not None:
            raise UnavailableError(
                f"every payment must be acknowledged within {_FLUSH_S:g} s, got {left} left"
                + (f": {self._error}" if self._error else "")
            )

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        if error is None:
            self.n_acknowledged += 1
        else:
            self._error = str(error)
