"""What a fault is, and where it happens: servers for it alone, or the broker that all may share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from streamer.embedded import EmbeddedKafka
from tests.faults.checker import Report
from tests.faults.stand import Stand
from tests.faults.traffic import Mix
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.proxy import Proxy
from tests.rig.redis import DebianRedis, Persistence
from tests.rig.sentinel import RedisSentinel

__all__ = ["BOTH", "FAULTS", "KAFKA", "BrokerKind", "Fault", "NotHereError", "Site", "fault"]

BrokerKind = Literal["kafka", "embedded"]
Broker: TypeAlias = ApacheKafka | EmbeddedKafka
KAFKA: Final[Sequence[BrokerKind]] = ("kafka",)
# The embedded broker forgets everything when it ends, and has neither transactions nor replicas.
BOTH: Final[Sequence[BrokerKind]] = ("kafka", "embedded")


class NotHereError(Exception):
    """This machine cannot bring the fault about; the text says why."""


class Site:
    """Servers of one fault; they end with the block."""

    def __init__(self, kind: BrokerKind, shared: Broker, seed: int, mix: Mix) -> None:
        self.kind, self.seed, self.mix = kind, seed, mix
        self._shared = shared
        self._ends = ExitStack()
        self.stands: list[Stand] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def kafka(self, n_brokers: int = 1, **settings: Any) -> ApacheKafka:
        """Start brokers of Apache Kafka for this fault alone."""
        return self._ends.enter_context(ApacheKafka(n_brokers, **settings))

    def redis(self, persistence: Persistence = "none", **settings: Any) -> DebianRedis:
        """Start a Redis for this fault alone."""
        return self._ends.enter_context(DebianRedis(persistence, **settings))

    def sentinel(self) -> RedisSentinel:
        """Start a Redis with a replica and three sentinels for this fault alone."""
        return self._ends.enter_context(RedisSentinel())

    def proxy(self, target: int) -> Proxy:
        """Start a proxy in front of a server."""
        return self._ends.enter_context(Proxy(target))

    def stand(
        self, redis_url: str | None = None, bootstrap: str | None = None, **options: Any
    ) -> Stand:
        """Start a service; without addresses on the shared broker and a Redis of its own."""
        # The embedded broker lets nobody in whose group a named member has left.
        is_named = self.kind != "embedded"
        options = {"seed": self.seed, "mix": self.mix, "are_named": is_named} | options
        stand = Stand(
            bootstrap or self._shared.bootstrap_servers,
            redis_url or self.redis().url,
            **options,
        )
        self.stands.append(stand)
        return self._ends.enter_context(stand)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the table."""

    name: str
    redis: str
    brokers: Sequence[BrokerKind]
    is_long: bool
    run: Callable[[Site], Report]


FAULTS: Final[dict[str, Fault]] = {}


def fault(
    name: str,
    *,
    redis: str = "up",
    brokers: Sequence[BrokerKind] = BOTH,
    is_long: bool = False,
) -> Callable[[Callable[[Site], Report]], Callable[[Site], Report]]:
    """Enter a function into the table; it disturbs a service of the site and returns the count."""

    def enter(run: Callable[[Site], Report]) -> Callable[[Site], Report]:
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, redis, brokers, is_long, run)
        return run

    return enter
