"""The faults: each with a service of its own, so that all of them happen at the same time.

A drill provokes a state and holds it until every alert has been seen; nothing is caught in passing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.ops.traffic import BAD, Amounts, Make, Traffic, simulated
from tests.ops.watcher import LONG_S, Watcher
from tests.rig.ports import HOST, stable_port
from tests.rig.proxy import Proxy
from tests.stream.harness import Service, Worker, wait_until

__all__ = ["DRILLS", "Site"]

# Where a request of Kafka says what it asks for, and what a fetch says there.
_API_KEY: Final = slice(4, 6)
_FETCH: Final = b"\x00\x01"
# Each way, so that an alert takes 3.2 s at least; the objective is 2.5 s here.
_SLOW_S: Final = 0.8
_SWITCH_S: Final = 1.5


class _ProxiedKafka(EmbeddedKafka):
    """A broker that tells its clients to come by the proxy."""

    def __init__(self) -> None:
        super().__init__(port=stable_port())
        self.proxy = Proxy(self.port)

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.proxy.port}"

    def _command(self, port: int, scratch: Path) -> tuple[Any, Mapping[str, str]]:
        argv, variables = super()._command(port, scratch)
        outside = f"tcp://{HOST}:{self.proxy.port}"
        return argv, dict(variables) | {"ADVERTISED_LISTENER_URL": outside}


class Site:
    """One service per fault, with traffic; `targets` is what Prometheus is to look at.

    ``is_long`` asks for the alerts that take more than a minute to end as well.
    """

    def __init__(self, kafka: EmbeddedKafka, redis: EmbeddedRedis, *, is_long: bool) -> None:
        self._kafka, self._redis = kafka, redis
        self.is_long = is_long
        self._ends = ExitStack()
        self.services: dict[str, Service] = {}
        self.workers: dict[str, Worker] = {}
        self.traffic: dict[str, Traffic] = {}
        self.amounts, self.flood = Amounts(per_tick=2), Amounts(per_tick=2)

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self._ends.close)
            enter = self._ends.enter_context
            self.own_redis = enter(EmbeddedRedis())
            self.hanging, self.slow = _ProxiedKafka(), _ProxiedKafka()
            for kafka in (self.hanging, self.slow):
                enter(kafka.proxy)
                enter(kafka)
            make = simulated()
            self._add("redis", make, redis=self.own_redis, redis_timeout_s="1")
            self._add("bad", make)
            self._add("hanging", make, kafka=self.hanging)
            # Time for an alert to be acknowledged, which the client gives up within a session's half.
            self._add("slow", make, kafka=self.slow, kafka_session_timeout_s="60")
            few = {"half_life_transactions": "300", "score_half_life_transactions": "1000"}
            # One version meets the whole burst: the next one would rank its rest as usual already.
            self._add("shifted", self.amounts, n_partitions=1, checkpoint_interval_s="10", **few)
            # Two alerts in 5,000 payments: the pace lets up to ten pass, the fuse four.
            few["alert_budget"] = "0.0004"
            self._add("flooded", self.flood, n_partitions=1, **few)
            self._add("quiet", make)
            # One address at which another process answers each time.
            self.switch = enter(Proxy(self.workers["bad"].port))
            on_failure.pop_all()
        return self

    def _add(
        self,
        name: str,
        make: Make,
        *,
        kafka: EmbeddedKafka | None = None,
        redis: EmbeddedRedis | None = None,
        **settings: Any,
    ) -> None:
        servers = (kafka or self._kafka).bootstrap_servers, (redis or self._redis).url
        service = self._ends.enter_context(Service(*servers, **settings))
        service.create_topics()
        self.services[name] = service
        self.workers[name] = service.worker()
        self.traffic[name] = self._ends.enter_context(Traffic(service, make))

    @property
    def targets(self) -> dict[str, str]:
        """Address by namespace."""
        own = {f"ops-{name}": f"{HOST}:{each.port}" for name, each in self.workers.items()}
        return own | {"ops-restarts": f"{HOST}:{self.switch.port}"}

    def record(self, name: str, write: Callable[[Any, str], object]) -> None:
        """Do something to a partition's record in Redis, behind the worker's back."""
        settings = self.services[name].settings
        place = f"partition:{settings.transactions_topic}:0"
        with Redis.from_url(self._redis.url) as client:
            write(client, f"streamer:{{{settings.namespace}}}:{place}")

    def start_again(self, name: str) -> None:
        """Wait until a worker has ended by itself, and start it where it was."""
        worker = self.workers[name]
        wait_until(lambda: not worker.child.is_running(), worker.log, LONG_S)
        ports = {"web_port": str(worker.port), "admin_port": str(worker.admin_port)}
        self.workers[name] = self.services[name].worker(**ports)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()


def _slower(site: Site, burn: str) -> list[str]:
    """The burns over longer windows, which the fast one holds back."""
    return [f"{burn}{speed}" for speed in ("Slow", "Day", "Trend")] if site.is_long else []


def _redis(site: Site, watcher: Watcher) -> None:
    site.workers["redis"].wait_ready()
    site.services["redis"].wait_consumed(500)
    process = site.own_redis.process
    watcher.drill(
        "Redis stopped",
        "redis",
        ["StreamerBreakerOpen"],
        lambda: process.send_signal(signal.SIGSTOP),
        lambda: process.send_signal(signal.SIGCONT),
        suppressed=["StreamerCheckpointTooOld", "StreamerModelStale"],
    )

    def empty() -> None:
        with Redis.from_url(site.own_redis.url) as client:
            client.flushall()
        site.start_again("redis")

    site.workers["redis"].wait_ready()
    watcher.drill("Redis came back empty", "redis", ["StreamerRecordsLost"], empty, lambda: None)


def _bad(site: Site, watcher: Watcher) -> None:
    site.workers["bad"].wait_ready()
    traffic = site.traffic["bad"]

    def begin() -> None:
        traffic.extra = BAD

    def end() -> None:
        traffic.extra = []

    # What goes on is no surge any more: it has a drill of its own, and comes first.
    watcher.drill("bad messages", "bad", ["StreamerDeadLetterSurge"], begin, end)
    watcher.drill(
        "bad messages that go on",
        "bad",
        ["StreamerCompletenessBudgetBurnFast"],
        begin,
        end,
        suppressed=["StreamerErrorShareHigh", *_slower(site, "StreamerCompletenessBudgetBurn")],
    )


def _hanging(site: Site, watcher: Watcher) -> None:
    proxy = site.hanging.proxy
    site.workers["hanging"].wait_ready()
    site.services["hanging"].wait_consumed(200)
    watcher.drill(
        "a partition stalled",
        "hanging",
        ["StreamerPartitionStalled"],
        lambda: proxy.hang_connections_that(lambda request: request[_API_KEY] == _FETCH),
        proxy.pass_on,
    )
    watcher.drill("Kafka away", "hanging", ["StreamerKafkaAway"], proxy.cut, proxy.pass_on)


def _slow(site: Site, watcher: Watcher) -> None:
    proxy = site.slow.proxy
    site.workers["slow"].wait_ready()
    service = site.services["slow"]
    wait_until(lambda: service.totals().alerted > 5, site.workers["slow"].log, LONG_S)
    watcher.drill(
        "a slow broker",
        "slow",
        ["StreamerLatencyBudgetBurnFast"],
        lambda: proxy.delay(_SLOW_S),
        proxy.pass_on,
        suppressed=["StreamerLatencyHigh", *_slower(site, "StreamerLatencyBudgetBurn")],
    )


def _shifted(site: Site, watcher: Watcher) -> None:
    if site.is_long:
        unsettled = ["StreamerDriftReferenceUnsettled"]
        site.workers["shifted"].wait_ready()
        settle = partial(setattr, site.amounts, "per_tick", 100)
        watcher.drill("a new service", "shifted", unsettled, lambda: None, settle)
    alerts = ["StreamerFeatureDrift", "StreamerAlertBudgetMissed"]
    _higher(site, watcher, "shifted", site.amounts, "amounts 30 times as high", alerts)


def _flooded(site: Site, watcher: Watcher) -> None:
    fault = "amounts 30 times as high, at two alerts in 5,000 payments"
    _higher(site, watcher, "flooded", site.flood, fault, ["StreamerFuseBlown"])


def _higher(
    site: Site, watcher: Watcher, name: str, amounts: Amounts, fault: str, alerts: list[str]
) -> None:
    worker = site.workers[name].wait_ready()
    amounts.per_tick = 100
    settled = "streamer_drift_reference_settled"
    wait_until(lambda: worker.metric(settled) == 1, worker.log, LONG_S)

    def shift() -> None:
        # Few, so that those which blew the fuse stay among the last 5,000.
        amounts.per_tick = 4
        amounts.shift(30.0, burst=1_500)

    def back() -> None:
        amounts.per_tick = 200
        amounts.shift(1.0, burst=0)

    watcher.drill(fault, name, alerts, shift, back)


def _quiet(site: Site, watcher: Watcher) -> None:
    site.workers["quiet"].wait_ready()
    service = site.services["quiet"]
    wait_until(lambda: service.offsets()[0], site.workers["quiet"].log, LONG_S)
    traffic = site.traffic["quiet"]
    offset: list[Any] = []

    def spoil() -> None:
        site.workers["quiet"].kill()
        site.record("quiet", lambda client, key: offset.append(client.hget(key, "offset")))
        site.record("quiet", lambda client, key: client.hset(key, "offset", "foreign"))
        site.start_again("quiet")

    watcher.drill(
        "foreign bytes in a partition's record",
        "quiet",
        ["StreamerPartitionFaulted"],
        spoil,
        lambda: site.record("quiet", lambda client, key: client.hset(key, "offset", offset[0])),
    )
    worker = site.workers["quiet"]
    worker.wait_ready()
    watcher.drill(
        "no payments",
        "quiet",
        ["StreamerNoTraffic"],
        lambda: setattr(traffic, "is_silent", True),
        lambda: setattr(traffic, "is_silent", False),
    )
    watcher.drill(
        "a worker frozen",
        "quiet",
        ["StreamerNoWorker"],
        worker.pause,
        worker.resume,
        suppressed=["StreamerWorkerDown"],
    )


def _restarts(site: Site, watcher: Watcher) -> None:
    ports = [site.workers[name].port for name in ("bad", "slow", "shifted")]
    for name in ("bad", "slow", "shifted"):
        site.workers[name].wait_ready()
    stop = threading.Event()

    def switch() -> None:
        turn = 0
        while not stop.wait(_SWITCH_S):
            turn += 1
            site.switch.target = ports[turn % len(ports)]
            site.switch.reset()

    thread = threading.Thread(target=switch)
    try:
        watcher.drill(
            "a worker restarts again and again",
            "restarts",
            ["StreamerRestartLoop"],
            thread.start,
            stop.set,
        )
    finally:
        stop.set()


DRILLS: Final[Mapping[str, Callable[[Site, Watcher], None]]] = {
    "redis": _redis,
    "bad": _bad,
    "hanging": _hanging,
    "slow": _slow,
    "shifted": _shifted,
    "flooded": _flooded,
    "quiet": _quiet,
    "restarts": _restarts,
}
