"""Reads alerts as they come: ``python -m load.alert_reading PARTITIONS OUT``, a process of its own.

Of each alert it appends a row to the file ``OUT``: which payment it is of, and when that was stored by
Kafka, fetched, scored, alerted and read, in milliseconds since the epoch.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from streamer.arrays import Floats
from streamer.settings import load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.publishing.alert_headers import FETCHED_HEADER, SOURCE_TIMESTAMP_HEADER

__all__ = ["COLUMNS", "READY", "main", "rows_in"]

COLUMNS: Final = ("number", "partition", "offset", "sent", "fetched", "scored", "queued", "read")
"""What a row has, in this order; all but the first three are times."""
READY: Final = "reading alerts"

_POLL_S: Final = 0.1


class _Payment(msgspec.Struct):
    transaction_id: str


class _Source(msgspec.Struct):
    partition: int
    offset: int


class _Alert(msgspec.Struct):
    """What is read of an alert."""

    transaction: _Payment
    source: _Source
    scored_at: datetime


def rows_in(path: Path) -> Floats:
    """Return the rows written so far, (n, 8) as `COLUMNS`; NaN is what is not known."""
    content = path.read_bytes()
    size = 8 * len(COLUMNS)
    return np.frombuffer(content[: len(content) // size * size]).reshape(-1, len(COLUMNS))


def main() -> None:
    """Read until the process is ended."""
    n_partitions, path = int(sys.argv[1]), Path(sys.argv[2])
    settings = load_settings()
    own = {"group.id": "load", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
    consumer = Consumer(librdkafka_config(settings, **own))
    topic = settings.alerts_topic
    consumer.assign([TopicPartition(topic, p, OFFSET_END) for p in range(n_partitions)])
    decode = msgspec.json.Decoder(_Alert).decode
    with path.open("ab", buffering=0) as file:
        consumer.poll(_POLL_S)
        print(READY, flush=True)
        while True:
            message: Any = consumer.poll(_POLL_S)
            if message is None or message.error() is not None:
                continue
            read_ms = time.time_ns() / 1e6
            headers = dict(message.headers())
            alert = decode(message.value())
            row = (
                int(alert.transaction.transaction_id.rpartition("-")[2]),
                alert.source.partition,
                alert.source.offset,
                float(headers[SOURCE_TIMESTAMP_HEADER]),
                float(headers.get(FETCHED_HEADER, "nan")),
                alert.scored_at.timestamp() * 1e3,
                message.timestamp()[1],
                read_ms,
            )
            file.write(np.array(row, float).tobytes())


if __name__ == "__main__":
    main()
