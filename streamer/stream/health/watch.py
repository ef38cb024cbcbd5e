"""What changes around a worker while it scores.

How much waits and whether it comes forward, whether its topics are the same, whether Kafka took what it
published, whether checkpoints are made; and what it has freed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import structlog
from faust.types import TP

from streamer.errors import UnavailableError
from streamer.stream.checkpoints.lateness import late_checkpoints
from streamer.stream.garbage import give_back_often
from streamer.stream.kafka.progress import Progress
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["Watch"]

_log = structlog.get_logger(__name__)

_LAG_INTERVAL_S: Final = 1.0
_EXPIRY_INTERVAL_S: Final = 0.1
# A topic that was made again under its name may soon be as long as the old one was.
_TOPIC_INTERVAL_S: Final = 5.0
_REMINDER_S: Final = 60.0


class Watch:
    """Background tasks of one worker."""

    def __init__(
        self,
        kit: Kit,
        held: Held,
        claims: Claims,
        claiming: Claiming,
        consumer: Callable[[], Any],
    ) -> None:
        """``consumer`` returns the worker's; it exists only once the app has started."""
        self._kit = kit
        self._held = held
        self._claims = claims
        self._claiming = claiming
        self._consumer = consumer
        self.progress = Progress()

    @property
    def tasks(self) -> list[Callable[[], Awaitable[None]]]:
        """What a worker runs for as long as it lives."""
        return [
            self.follow_progress,
            self.follow_topics,
            self.follow_expiries,
            self.follow_checkpoints,
            give_back_often,
        ]

    async def follow_progress(self) -> None:
        """Keep each partition's lag and progress up to date, and that Kafka answers, for ever."""
        while True:
            await asyncio.sleep(_LAG_INTERVAL_S)
            reading = self._claims.being_read()
            self.progress.keep(reading)
            answered = [self._note(tp, read.number, read.offset) for tp, read in reading.items()]
            if any(answered):
                self._kit.metrics.dependency_up.set(1, "kafka")

    def _note(self, tp: TP, number: int, start: int) -> bool:
        consumer = self._consumer()
        assigned = None
        if tp.topic == self._kit.settings.transactions_topic:
            assigned = self._held.assigned.get(tp.partition)
        # Verdicts are durable as soon as they are stored; nothing of them is kept here.
        position = consumer.durable.get(tp, start) if assigned is None else assigned.position
        state = consumer.fetch_state(tp, position)
        if assigned is not None and state.lag is not None:
            assigned.lag = state.lag
            # What a reset of a log that was made anew declares lost is counted up to here.
            assigned.log = replace(assigned.log, end=assigned.position + state.lag)
        return self.progress.note(self._kit.clock.monotonic(), tp, number, position, state)

    def leader(self, tp: TP) -> int | None:
        """Return the broker that leads a partition; -1 for none, None where Kafka knows no such one."""
        leader: int | None = self._consumer().leader(tp)
        return leader

    async def follow_checkpoints(self) -> None:
        """Say in the log once a minute which checkpoints wait, and for what, for ever."""
        while True:
            if late := late_checkpoints(self._kit, self._held):
                _log.error("checkpoints wait", because=late)
                await asyncio.sleep(_REMINDER_S)
            await asyncio.sleep(_LAG_INTERVAL_S)

    async def follow_expiries(self) -> None:
        """Claim partitions anew of which Kafka did not take an alert in time, for ever."""
        topic = self._kit.settings.transactions_topic
        while True:
            await asyncio.sleep(_EXPIRY_INTERVAL_S)
            for partition in list(self._kit.publisher.expired):
                self._claims.void(TP(topic, partition))

    async def follow_topics(self) -> None:
        """Claim partitions anew whose topic is another one now, and note which are gone, for ever."""
        while True:
            await asyncio.sleep(_TOPIC_INTERVAL_S)
            try:
                replaced = await self._claiming.replaced_topics()
                self.progress.missing = await self._claiming.missing_topics()
            except UnavailableError:
                continue
            for tp in self._claims.all():
                if tp.topic in replaced:
                    _log.error("topic was created again", topic=tp.topic, partition=tp.partition)
                    self._claims.again(tp)
