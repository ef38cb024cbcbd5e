"""What is kept: in memory, in checkpoints, in Redis."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counted_elsewhere, counter, gauge, histogram

__all__ = ["StorageMetrics"]

# The entity tables of `streamer.features`.
_ENTITY_KINDS: Final = ("cards", "merchants", "card_verdicts", "merchant_verdicts")
# Redis did not answer, Kafka had not taken everything, or another worker has the partition.
_FAILURE_CAUSES: Final = ("redis", "kafka", "fenced")
_BREAKER_STATES: Final = ("closed", "open", "half-open")
_CALL_OUTCOMES: Final = ("done", "unanswered", "refused", "not tried")
_CHECKPOINT_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From an idle partition to a million cards with all that waits for labels.
_CHECKPOINT_BYTES: Final = (1e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 5e7, 1e8, 5e8)


class StorageMetrics:
    """Checkpoints, Redis and memory"""

    checkpoint_seconds = histogram(
        "seconds", "Writing of one checkpoint to Redis.", _CHECKPOINT_SECONDS
    )
    checkpoint_bytes = histogram(
        "bytes",
        "Size of one checkpoint: changed entities, labels and the model's delta, without Redis' "
        "framing.",
        _CHECKPOINT_BYTES,
    )
    checkpoint_failures = counter(
        "checkpoints",
        "Checkpoints that were not written, by cause.",
        "cause",
        starts=[_FAILURE_CAUSES],
    )
    checkpoint_age_seconds = gauge(
        "seconds",
        "Age of the last checkpoint: what a crash now would process again.",
        "partition",
    )
    redis_breaker_state = gauge(
        "0 or 1",
        "1 for the state of the circuit breaker: open means that Redis is not even asked.",
        "state",
        starts=[_BREAKER_STATES],
    )
    redis_failures_in_a_row = gauge(
        "calls", "Calls to Redis without an answer since the last one that had one."
    )
    redis_calls = counted_elsewhere(
        "calls",
        "Calls to Redis: done, unanswered, refused by it, or not tried while the breaker is open.",
        "outcome",
        starts=[_CALL_OUTCOMES],
    )
    redis_commands = counted_elsewhere(
        "commands",
        "Commands sent to Redis, by name: some twenty, those of the client too.",
        "command",
    )
    entities_tracked = gauge(
        "entities", "Cards or merchants held in memory.", "kind", starts=[_ENTITY_KINDS]
    )
    entities_bytes = gauge(
        "bytes",
        "Memory of their tables; divided by streamer_entities_tracked, bytes per card or merchant.",
        "kind",
        starts=[_ENTITY_KINDS],
    )
    entities_evicted = counter(
        "entities", "Cards or merchants that made room for others.", "kind", starts=[_ENTITY_KINDS]
    )
    entities_aged = counter(
        "entities",
        "Cards or merchants that were forgotten, not seen for STREAMER_CARDS_RETENTION_S.",
        "kind",
        starts=[_ENTITY_KINDS],
    )
    entities_unreadable = counter(
        "entities",
        "Rows in Redis that were skipped since their name or length is wrong; counted each time.",
        "kind",
        starts=[_ENTITY_KINDS],
    )
    entities_evicted_unsaved = counter(
        "entities",
        "Of those that made room: entities whose last changes were lost, since Redis was away for "
        "too long.",
        "kind",
        starts=[_ENTITY_KINDS],
    )
