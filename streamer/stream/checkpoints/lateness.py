"""Checkpoints that should long have been made, and what they wait for.

Scoring goes on meanwhile, and nothing is lost; but all of it would be done again after a crash, and
nothing of what is learned reaches the other workers.  A checkpoint waits for Redis, and for Kafka to
acknowledge every message that was published before it, on whatever topic.
"""

from __future__ import annotations

from typing import Final

from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["late_checkpoints", "waits_for"]

# A checkpoint is late when progress has waited for so many intervals, and for so many seconds: with a
# million cards one takes ten.
_LATE_INTERVALS: Final = 10
_LATE_S: Final = 30.0
# What Kafka has not acknowledged for so long, it will not by itself.
_UNACKNOWLEDGED_S: Final = 3.0


def late_checkpoints(kit: Kit, held: Held) -> list[str]:
    """Return one line for each partition whose progress no checkpoint holds, for too long.

    After an absence of Redis, which has a line of its own, the checkpoints have as long as any other.
    """
    interval_s = kit.settings.checkpoint_interval_s
    limit_s = max(_LATE_INTERVALS * interval_s, _LATE_S)
    now, mended_at = kit.clock.monotonic(), kit.store.breaker.mended_at
    return [
        f"partition {partition} must be checkpointed every {interval_s:g} s, got none for "
        f"{now - since:.0f} s: {waits_for(kit, held)}"
        for partition, since in sorted(held.unsaved_since.items())
        if now - max(since, mended_at) > limit_s
    ]


def waits_for(kit: Kit, held: Held) -> str:
    """Return what a worker waits for that does not come forward, as far as it knows."""
    if redis_error := kit.store.breaker.error or held.redis_error:
        return redis_error
    oldest, now = kit.publisher.oldest, kit.clock.monotonic()
    if oldest is not None and now - oldest[1] > _UNACKNOWLEDGED_S:
        topic, at = oldest
        return (
            f"topic {topic} has not taken a message for {now - at:.0f} s; give "
            "each of its partitions a leader and enough replicas in sync"
        )
    return (
        "the worker's log says more; if it does not, look whether it has a processor and whether the "
        "broker answers others, and then restart it"
    )
