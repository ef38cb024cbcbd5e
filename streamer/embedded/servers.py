"""Both embedded servers at once: what the demo and most tests need."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from streamer.embedded.tansu import EmbeddedKafka
from streamer.embedded.valkey import EmbeddedRedis

__all__ = ["EmbeddedServers"]


class EmbeddedServers:
    """A broker and a Redis that start and stop together; `kafka` and `redis` are the two."""

    def __init__(self, *, ready_timeout_s: float = 20.0) -> None:
        self.kafka = EmbeddedKafka(ready_timeout_s=ready_timeout_s)
        self.redis = EmbeddedRedis(ready_timeout_s=ready_timeout_s)

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address."""
        return self.kafka.bootstrap_servers

    @property
    def redis_url(self) -> str:
        """The Redis URL."""
        return self.redis.url

    def start(self) -> Self:
        """Start both; if the second fails, the first is stopped."""
        with ExitStack() as on_failure:
            on_failure.callback(self.stop)
            self.kafka.start()
            self.redis.start()
            on_failure.pop_all()
        return self

    def stop(self) -> None:
        """Stop both, Redis even if stopping the broker is interrupted; safe to call twice."""
        try:
            self.kafka.stop()
        finally:
            self.redis.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
