"""Reads the alerts topic as a reviewer's tool would, from its beginning."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streamer.contract.messages import Alert
from streamer.stream.publishing.alert_headers import SOURCE_TIMESTAMP_HEADER

__all__ = ["AlertReader"]

_POLL_S: Final = 0.2
_STOP_WITHIN_S: Final = 5.0
_CHUNK: Final = 500


class AlertReader(threading.Thread):
    """Calls ``on_alert`` with each alert and its latency in ms, until `stop`."""

    def __init__(
        self,
        config: dict[str, Any],
        topic: str,
        n_partitions: int,
        on_alert: Callable[[Alert, float], None],
    ) -> None:
        """``config`` is librdkafka's."""
        super().__init__(name="alert-reader", daemon=True)
        self._on_alert = on_alert
        self._is_told_to_stop = threading.Event()
        self.n_read = 0
        self._consumer = Consumer(
            config | {"group.id": "streamer-alert-reader", "enable.auto.commit": False}
        )
        self._consumer.assign(
            [TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(n_partitions)]
        )

    def run(self) -> None:
        decoder = msgspec.json.Decoder(Alert)
        while not self._is_told_to_stop.is_set():
            for message in self._consumer.consume(_CHUNK, timeout=_POLL_S):
                if message.error():
                    continue
                sent = dict(message.headers() or []).get(SOURCE_TIMESTAMP_HEADER, b"0")
                self._on_alert(decoder.decode(message.value()), message.timestamp()[1] - int(sent))
                self.n_read += 1
        self._consumer.close()

    def stop(self) -> None:
        """Stop reading and close the consumer; a broker that answers nothing is not waited for."""
        self._is_told_to_stop.set()
        self.join(_STOP_WITHIN_S)
