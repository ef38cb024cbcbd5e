"""Single messages out to Kafka, for people who wait: each is acknowledged or given up.

What Kafka does not take within seconds is given up, and its sender told so.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaException, Producer

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["GIVEN_UP_S", "Outbox"]

GIVEN_UP_S: Final = 5.0
"""Seconds after which a message that Kafka has not acknowledged is sent no more."""

_POLL_S: Final = 0.01
# librdkafka looks for what has expired about once a second.
_SCAN_S: Final = 3.0
# Who waits for Kafka waits for nothing else, and lets nobody else wait.
_AT_ONCE: Final = 32
_FREE_S: Final = 3.0


@dataclass(slots=True)
class _Delivery:
    is_done: bool = False
    error: Any = None

    def __call__(self, error: Any, _: Any) -> None:
        self.error, self.is_done = error, True


class Outbox:
    """Sends messages in the order of the calls."""

    def __init__(self, settings: Settings) -> None:
        common: dict[str, Any] = {
            "acks": "all",
            "linger.ms": 0,
            # The partitioner of the Java client: a card's verdicts lie where its producers put them.
            "partitioner": "murmur2_random",
        }
        waited = common | {
            "enable.idempotence": True,
            "message.timeout.ms": round(GIVEN_UP_S * 1000),
        }
        self._waited_config = librdkafka_config(settings, **waited)
        self._waited = Producer(self._waited_config)
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="outbox")

    async def send(self, topic: str, value: bytes, key: str | None) -> None:
        """Return when Kafka has acknowledged the message; raise `UnavailableError` when it does not.

        It may have arrived all the same: who sends it again sends the same.  What finds no thread
        within three seconds is not sent at all, so that a call is over after eleven.
        """
        try:
            async with asyncio.timeout(_FREE_S):
                await self._free.acquire()
        except TimeoutError:
            raise UnavailableError(
                f"a message to {topic} must be handed over within {_FREE_S:g} s, got {_AT_ONCE} "
                "before it; it was not sent"
            ) from None
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self._send, topic, value, key)
        finally:
            self._free.release()

    def close(self) -> None:
        """Begin with nothing new; what is on its way is told to who waits for it."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, topic: str, value: bytes, key: str | None) -> None:
        delivery, producer = _Delivery(), self._waited
        deadline = time.monotonic() + GIVEN_UP_S + _SCAN_S
        try:
            producer.produce(topic, value, key, on_delivery=delivery)
        except (BufferError, KafkaException) as error:
            self._replace(producer)
            raise UnavailableError(
                f"a message to {topic} must be accepted, got {in_words(error)}"
            ) from error
        # Another thread's poll may bring what this one waits for.
        while not delivery.is_done and time.monotonic() < deadline:
            producer.poll(_POLL_S)
        if not delivery.is_done or delivery.error is not None:
            self._replace(producer)
            told = delivery.error or "no answer"
            raise UnavailableError(
                f"Kafka must acknowledge a message to {topic} within {GIVEN_UP_S:g} s, got {told}"
            )

    def _replace(self, producer: Producer) -> None:
        """Send by another producer from now on: one that has given a message up may be fenced."""
        if self._waited is producer:
            self._waited = Producer(self._waited_config)
