"""What changes around a worker while it scores.

How much waits, whether its topics are the same, whether Kafka took what it published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import structlog
from faust.types import TP

from streamer.errors import UnavailableError
from streamer.stream.claiming import Claiming
from streamer.stream.claims import Claims
from streamer.stream.scoring import Scoring

__all__ = ["Watch"]

_log = structlog.get_logger(__name__)

_LAG_INTERVAL_S: Final = 1.0
_EXPIRY_INTERVAL_S: Final = 0.1
_MONITOR_AFTER_S: Final = 5.0
# A topic that was made again under its name may soon be as long as the old one was.
_TOPIC_INTERVAL_S: Final = 5.0


class Watch:
    """Background tasks of one worker."""

    def __init__(
        self, scoring: Scoring, claims: Claims, claiming: Claiming, consumer: Callable[[], Any]
    ) -> None:
        """``consumer`` returns the worker's; it exists only once the app has started."""
        self._scoring = scoring
        self._claims = claims
        self._claiming = claiming
        self._consumer = consumer

    async def follow_lag(self) -> None:
        """Keep each partition's lag up to date, and that Kafka answers, for ever."""
        topic = self._scoring.settings.transactions_topic
        seen_ms = 0
        while True:
            await asyncio.sleep(_LAG_INTERVAL_S)
            if (fetched_ms := self._consumer().fetched_at_ms()) > seen_ms:
                seen_ms = fetched_ms
                self._scoring.metrics.dependency_up.labels("kafka").set(1)
            for assigned in list(self._scoring.assigned.values()):
                lag = self._consumer().lag(TP(topic, assigned.partition), assigned.position)
                assigned.lag = lag or 0
                if lag is not None:
                    # What a reset of a log that was made anew declares lost is counted up to here.
                    assigned.log = replace(assigned.log, end=assigned.position + lag)

    async def follow_expiries(self) -> None:
        """Claim partitions anew of which Kafka did not take an alert in time, for ever."""
        topic = self._scoring.settings.transactions_topic
        while True:
            await asyncio.sleep(_EXPIRY_INTERVAL_S)
            for partition in list(self._scoring.publisher.expired):
                self._claims.void(TP(topic, partition))

    async def follow_topics(self) -> None:
        """Claim partitions anew whose topic is another one now, for ever."""
        while True:
            await asyncio.sleep(_TOPIC_INTERVAL_S)
            try:
                replaced = await self._claiming.replaced_topics()
            except UnavailableError:
                continue
            for tp in self._claims.all():
                if tp.topic in replaced:
                    _log.error("topic was created again", topic=tp.topic, partition=tp.partition)
                    self._claims.again(tp)

    async def load_monitor(self) -> None:
        """Import what watches the distances: a second of processor time that the first payments after
        a start need themselves."""
        await asyncio.sleep(_MONITOR_AFTER_S)
        await asyncio.to_thread(self._scoring.distance_monitor.load)
