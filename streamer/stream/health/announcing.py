"""What a worker says of its own life: its start, its partitions, whether it is ready, and its end.

Faust and aiokafka say the same in ninety lines, which are left out (`streamer.telemetry.libraries`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog
from faust.types import TP

from streamer import __version__
from streamer.settings import Settings
from streamer.stream.health.health import Health

__all__ = ["ReadinessLog", "follow_readiness", "tell_assigned", "tell_revoked", "tell_start"]

_log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0
# A rebalance or a claim takes a few seconds and is no trouble.
_PATIENCE_S: Final = 5.0
_REMINDER_S: Final = 60.0


def tell_start(settings: Settings, owner: str) -> None:
    """Log what starts here; `streamer check-config` prints the rest."""
    _log.info(
        "worker starts",
        version=__version__,
        owner=owner,
        topic=settings.transactions_topic,
        consumer_group=settings.consumer_group,
        namespace=settings.namespace,
    )


def tell_assigned(tps: Iterable[TP]) -> None:
    """Log what the group has given to this worker, which may be nothing."""
    _log.info("partitions assigned", partitions=_by_topic(tps))


def tell_revoked(tps: Iterable[TP]) -> None:
    """Log what the group has taken back; nothing where there was none."""
    if partitions := _by_topic(tps):
        _log.info("partitions revoked", partitions=partitions)


async def follow_readiness(health: Health, monotonic: Callable[[], float]) -> None:
    """Log when the worker becomes ready and when it is not any more, until it stops."""
    told = ReadinessLog(monotonic)
    while not health.is_stopping:
        told.note(health.faults())
        await asyncio.sleep(_LOOK_S)


class ReadinessLog:
    """Says what /readyz says when it changes, and once a minute while something is wrong."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._faulty_since: float | None = None
        self._told_at: float | None = None
        self._has_been_ready = False

    def note(self, faults: Sequence[str]) -> None:
        """Note why the worker is not ready now; log it where it has lasted, or is over."""
        now = self._monotonic()
        if not faults:
            if not self._has_been_ready or self._told_at is not None:
                _log.info("ready")
            self._has_been_ready, self._faulty_since, self._told_at = True, None, None
            return
        if self._faulty_since is None:
            self._faulty_since = now
        is_due = self._told_at is None or now - self._told_at >= _REMINDER_S
        if is_due and now - self._faulty_since >= _PATIENCE_S:
            _log.warning("not ready", because=list(faults))
            self._told_at = now


def _by_topic(tps: Iterable[TP]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for tp in sorted(tps):
        found.setdefault(tp.topic, []).append(tp.partition)
    return found
