"""Where a batch spends its time, and what waits."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import gauge, histogram, pauses, timings

__all__ = ["STAGES", "BatchMetrics"]

STAGES: Final = (
    *("decode", "look_up", "features", "score", "decide", "learn", "explain", "publish"),
)
"""Of a batch, in their order; together they are the whole of it."""

# A batch takes from half a millisecond to the few seconds after which readiness turns.
_BATCH_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# A stage of a batch of one takes a few microseconds; a look-up waits for Redis up to its timeout.
_STAGE_SECONDS: Final = (0.00001, 0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_BATCH_RECORDS: Final = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 4_000, 8_000)
# What runs between two turns of the loop is a batch, mostly.
_LAG_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_PAUSE_SECONDS: Final = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class BatchMetrics:
    """Batches, latency and queues"""

    batch_seconds = histogram(
        "seconds", "Processing of one batch, from its decoding until it is queued.", _BATCH_SECONDS
    )
    batch_records = histogram("records", "Size of a batch.", _BATCH_RECORDS)
    stage_seconds = timings(
        "One stage of one batch. decode: bytes to transactions; look_up: entities from Redis; "
        "features; score: distances and ranks; decide: thresholds and fuse; learn: the delta, what "
        "waits for labels, and challengers; explain: alerts with their reasons; publish: into the "
        "client's queue. Together they are batch_seconds.",
        _STAGE_SECONDS,
        "stage",
        STAGES,
    )
    batches_in_flight = gauge(
        "batches", "Batches of both input topics that were fetched and are not processed yet."
    )
    lag_records = gauge("records", "Records in the partition that wait to be read.", "partition")
    partition_stalled_seconds = gauge(
        "seconds",
        "Time that a partition of either input topic has stood still; 0 if all is well.",
        *("topic", "partition"),
    )
    publish_queue_messages = gauge("messages", "Messages that Kafka has not acknowledged yet.")
    publish_queue_bytes = gauge("bytes", "Size of those messages: keys, values and headers.")
    event_loop_lag_seconds = histogram(
        "seconds",
        "How late the event loop wakes a task that asks to be woken twice a second: heartbeats, "
        "scrapes and timers wait as long.",
        _LAG_SECONDS,
    )
    gc_pause_seconds = pauses(
        "Pauses of Python's garbage collector, by generation.", _PAUSE_SECONDS
    )
