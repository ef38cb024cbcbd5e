"""Runs real workers against real servers: what the tests of the stream, the commands and the demo need.

A `Service` is one deployment with topics, a consumer group and a Redis namespace of its own; workers
join it as child processes.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.embedded import ChildProcess
from streamer.policies import Policy
from streamer.settings import Settings, load_settings
from streamer.settings.loading import child_environment
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import open_store
from streamer.store import Store
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.rig.warm import WarmProcess, can_be_warm
from tests.rig.witnesses import call_as_witness

__all__ = [
    "ROOT",
    "Record",
    "Service",
    "Worker",
    "child_env",
    "coordinated",
    "payments",
    "wait_until",
]

ROOT: Final = Path(__file__).resolve().parents[2]

# Longer than the event loop of a worker stands still on a loaded machine.
_HTTP_TIMEOUT_S: Final = 60.0
# Nothing that a worker writes in a test is longer.
_ALL_LINES: Final = 100_000
_MAX_BYTES: Final = 20_000_000
_T = TypeVar("_T")
_LOADING: Final = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)

Record = tuple[bytes | None, bytes | None]
Headers = list[tuple[str, bytes]]


def child_env(overrides: dict[str, str]) -> dict[str, str]:
    """Return the environment of a child that imports the package from this checkout."""
    return child_environment(overrides) | {"PYTHONPATH": str(ROOT)}


def coordinated(ask: Callable[[], _T]) -> _T:
    """Return the answer of a group's coordinator, which a broker that is new has to load first."""

    def answer() -> tuple[_T] | None:
        try:
            return (ask(),)
        except KafkaException as error:
            if error.args[0].code() not in _LOADING:
                raise
            return None

    found: tuple[_T] = wait_until(answer, "a coordinator")
    return found[0]


def payments(n: int, seed: int = 1) -> list[Record]:
    """Return ``n`` simulated payments as records."""
    return list(Simulator(SimulatorConfig(seed=seed, n_customers=300)).generate(n).records())


class Worker:
    """One worker process of a service."""

    def __init__(self, child: ChildProcess, port: int, admin_port: int) -> None:
        self.child = child
        self.port = port
        self.admin_port = admin_port

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of an endpoint; 0 when it does not answer."""
        try:
            port = self.admin_port if path == "/model" else self.port
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}{path}", timeout=_HTTP_TIMEOUT_S
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, HTTPException):
            return 0, ""

    def json(self, path: str) -> Any:
        """Return an endpoint's JSON; an empty object when it does not answer."""
        return json.loads(self.get(path)[1] or "{}")

    def metric(self, name: str, /, **labels: str) -> float:
        """Return one sample of /metrics; 0.0 where there is none, or where the worker has ended.

        One that is there and does not answer is waited for: 0 would be an answer.
        """
        for sample in self._samples():
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
        return 0.0

    def wait_metric(self, is_wanted: Callable[[float], bool], name: str, /, **labels: str) -> None:
        """Return once a sample of /metrics is as wanted."""
        wait_until(
            lambda: is_wanted(self.metric(name, **labels)),
            lambda: f"{name} {labels}, got {self.metric(name, **labels):g}\n{self.log()}",
        )

    def n_scored(self) -> dict[int, int]:
        """Return how many payments of each partition the worker has scored in its life."""
        return {
            int(sample.labels["partition"]): int(sample.value)
            for sample in self._samples()
            if sample.name == "streamer_transactions_scored_total"
        }

    def wait_scored(self, n: int) -> None:
        """Return once the worker has scored ``n`` payments; the deadline is for the next of them."""
        scored = 0

        def went_on() -> int:
            assert self.child.is_running(), f"the worker ended:\n{self.log()}"
            total = sum(self.n_scored().values())
            return total if total > scored else 0

        def said() -> str:
            return f"{n} scored, got {scored}\n{self.log()}"

        while scored < n:
            scored = wait_until(went_on, said)

    def wrote(self, text: str) -> bool:
        """Whether the worker wrote this, however much it wrote since."""
        return text in self.child.log_tail(_ALL_LINES)

    def _samples(self) -> list[Any]:
        from prometheus_client.parser import text_string_to_metric_families

        def answered() -> tuple[int, str] | None:
            answer = self.get("/metrics")
            return answer if answer[0] == 200 or not self.child.is_running() else None

        _, text = wait_until(answered, lambda: f"an answer of /metrics\n{self.log()}")
        return [s for family in text_string_to_metric_families(text) for s in family.samples]

    def wait_ready(self) -> Self:
        """Return when /readyz says ready; fail when the worker ends before."""

        def ready() -> bool:
            assert self.child.is_running(), f"the worker ended:\n{self.log()}"
            return self.get("/readyz")[0] == 200

        wait_until(ready, lambda: f"{self.get('/readyz')}\n{self.log()}")
        return self

    def kill(self) -> None:
        """End the worker with SIGKILL, as a power cut would."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(DEADLINE_S)

    def pause(self) -> None:
        """Stop the worker in its tracks, as a long garbage collection or a frozen host would."""
        self.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused worker go on."""
        self.child.send_signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Ask the worker to end and return its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(DEADLINE_S)

    def log(self) -> str:
        """Return the end of what the worker wrote, without the lines of its checkpoints."""
        lines = self.child.log_tail(1_000).splitlines()
        return "\n".join([line for line in lines if '"event": "checkpoint"' not in line][-40:])


class Service:
    """A deployment of its own on servers that others may use as well."""

    def __init__(
        self,
        bootstrap: str,
        redis_url: str,
        *,
        n_partitions: int = 2,
        starts_cold: bool = False,
        **settings: str,
    ) -> None:
        """``settings`` are STREAMER_ variables without the prefix, in lower case.

        With ``starts_cold`` each worker begins with an interpreter of its own, see `tests.rig.warm`.
        """
        self.id = uuid.uuid4().hex[:10]
        self.n_partitions = n_partitions
        self._starts_cold = starts_cold
        self._loaded: tuple[dict[str, str], Settings] | None = None
        defaults = {
            "kafka_bootstrap_servers": bootstrap,
            "redis_url": redis_url,
            "namespace": f"test-{self.id}",
            "consumer_group": f"group-{self.id}",
            "transactions_topic": f"transactions-{self.id}",
            "alerts_topic": f"alerts-{self.id}",
            "overflow_topic": f"overflow-{self.id}",
            "dead_letters_topic": f"dlq-{self.id}",
            "feedback_topic": f"feedback-{self.id}",
            "feedback_dead_letters_topic": f"feedback-dlq-{self.id}",
            "scores_topic": f"scores-{self.id}",
            "features_topic": f"features-{self.id}",
            "topic_partitions": str(n_partitions),
            "kafka_session_timeout_s": "6",
            "checkpoint_interval_s": "0.3",
            "redis_timeout_s": "5",
            "n_clusters": "4",
            "warmup_transactions": "300",
            "alert_budget": "0.02",
            "web_host": "127.0.0.1",
            "log_level": "INFO",
        }
        merged = defaults | settings
        self.env = {f"STREAMER_{name.upper()}": value for name, value in merged.items()}
        self.workers: list[Worker] = []
        self.n_sent = [0] * n_partitions
        self.log_folder: Path | None = None
        """Where the workers' whole output goes; without it only its end is to be had."""

    @property
    def settings(self) -> Settings:
        """The settings that the workers run with, web port apart."""
        # Asked for with every question to the servers, and nearly as dear as the question itself.
        if self._loaded is None or self._loaded[0] != self.env:
            self._loaded = dict(self.env), load_settings(self.env)
        return self._loaded[1]

    def create_topics(self) -> Self:
        """Create every topic of the configuration."""
        names = {
            *topic_names(self.settings),
            self.settings.scores_topic,
            self.settings.features_topic,
            self.settings.audit_topic,
        }
        admin = AdminClient(librdkafka_config(self.settings))
        create_topics(admin, dict.fromkeys(names, self.n_partitions), 1)
        return self

    def worker(self, argv: Sequence[str] = ("-m", "streamer", "worker"), **changes: str) -> Worker:
        """Start a worker; it is not ready yet."""
        env = self.env | {f"STREAMER_{name.upper()}": value for name, value in changes.items()}
        for name in ("STREAMER_WEB_PORT", "STREAMER_ADMIN_PORT"):
            env.setdefault(name, str(stable_port()))
        folder = self.log_folder
        is_warm = can_be_warm(argv) and not self._starts_cold
        child = (WarmProcess if is_warm else ChildProcess)(
            argv if is_warm else [sys.executable, *argv],
            name="the worker",
            env=child_env(env),
            cwd=ROOT,
            log_path=None if folder is None else folder / f"worker-{len(self.workers)}.log",
        ).start()
        ports = (int(env[f"STREAMER_{name}_PORT"]) for name in ("WEB", "ADMIN"))
        worker = Worker(child, *ports)
        self.workers.append(worker)
        call_as_witness(f"worker {len(self.workers)} of {self.id}", child.is_running, worker.log)
        return worker

    def successor(self, **changes: str) -> Worker:
        """Start a worker that need not wait until Kafka has given up a dead one, and wait for it.

        It joins a group of its own: where to go on is in Redis, and the dead member's session would
        take most of a test's time.
        """
        group = f"{self.settings.consumer_group}-{len(self.workers)}"
        return self.worker(**{"consumer_group": group} | changes).wait_ready()

    def produce(
        self,
        records: Iterable[Record],
        topic: str | None = None,
        partition: int | None = None,
        headers: Callable[[int], Headers] = lambda _: [],
    ) -> list[Message]:
        """Publish records and return what the broker made of them, in order.

        Without ``partition`` record i goes to partition i modulo their number.
        """
        transactions = self.settings.transactions_topic
        topic = topic or transactions
        delivered: list[tuple[int, Message]] = []
        producer = Producer(
            librdkafka_config(
                self.settings, **{"message.max.bytes": _MAX_BYTES, "enable.idempotence": True}
            )
        )
        for i, (key, value) in enumerate(records):

            def done(error: KafkaError | None, message: Message, i: int = i) -> None:
                assert error is None, error
                delivered.append((i, message))

            place = i % self.n_partitions if partition is None else partition
            producer.produce(topic, value, key, place, on_delivery=done, headers=headers(i))
            producer.poll(0)
            if topic == transactions:
                self.n_sent[place] += 1
        assert producer.flush(DEADLINE_S) == 0
        return [message for _, message in sorted(delivered, key=lambda pair: pair[0])]

    def read(self, topic: str) -> list[Message]:
        """Return everything on a topic."""
        consumer = Consumer(
            librdkafka_config(self.settings, **{"group.id": "reader", "enable.auto.commit": False})
        )
        try:
            places = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(self.n_partitions)]
            ends = {
                place.partition: consumer.get_watermark_offsets(place, timeout=DEADLINE_S)[1]
                for place in places
            }
            consumer.assign([place for place in places if ends[place.partition]])
            found: list[Message] = []
            reached = dict.fromkeys(ends, 0)
            deadline = time.monotonic() + DEADLINE_S
            while True:
                assert time.monotonic() < deadline, f"{topic} read to {reached} of {ends}"
                chunk = [m for m in consumer.consume(1000, timeout=0.3) if m.error() is None]
                found += chunk
                for message in chunk:
                    reached[message.partition()] = message.offset() + 1
                    deadline = time.monotonic() + DEADLINE_S
                # The embedded broker takes the first record of the last batch for the last record,
                # so the end has been reached when nothing more comes.  Of each partition: what one
                # has beyond its end says nothing of the others.
                if not chunk and all(reached[p] >= end for p, end in ends.items()):
                    break
            return found
        finally:
            consumer.close()

    def alerts(self) -> list[Alert]:
        """Return every alert on the topic."""
        return self._alerts_on(self.settings.alerts_topic)

    def overflow(self) -> list[Alert]:
        """Return every alert that the fuse held back."""
        return self._alerts_on(self.settings.overflow_topic)

    def _alerts_on(self, topic: str) -> list[Alert]:
        decode = msgspec.json.Decoder(Alert).decode
        return [decode(message.value()) for message in self.read(topic)]

    def dead_letters(self, topic: str | None = None) -> list[tuple[Message, dict[str, str]]]:
        """Return every dead letter with its headers as text, of payments unless told otherwise."""
        return [
            (m, {name: value.decode() for name, value in m.headers() or []})
            for m in self.read(topic or self.settings.dead_letters_topic)
        ]

    def committed(self) -> list[int | None]:
        """Return the group's committed offset of each transactions partition, None without one."""
        group = self.settings.consumer_group
        consumer = Consumer(librdkafka_config(self.settings, **{"group.id": group}))
        try:
            topic = self.settings.transactions_topic
            asked = [TopicPartition(topic, p) for p in range(self.n_partitions)]
            places = coordinated(lambda: consumer.committed(asked, timeout=DEADLINE_S))
            return [None if place.offset < 0 else place.offset for place in places]
        finally:
            consumer.close()

    def ask(self, work: Callable[[Store], Awaitable[_T]]) -> _T:
        """Return what ``work`` finds in this service's part of Redis."""
        # Longer than the workers wait: a loaded machine must not fail the one who looks.
        settings = self.settings.model_copy(update={"redis_timeout_s": DEADLINE_S})

        async def run() -> _T:
            store = open_store(settings)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(run())

    def put_in_force(self, policy: Policy) -> None:
        """Put a policy in force, whichever is now; workers take it up within an interval."""

        async def work(store: Store) -> None:
            now = await store.policies.head()
            told = {"who": "a test", "why": "a test"}
            await store.policies.put_in_force(policy, now, now_ms=1_700_000_000_000, **told)

        self.ask(work)

    def offsets(self) -> list[int | None]:
        """Return each partition's offset in Redis."""
        topic = self.settings.transactions_topic
        stored = self.ask(lambda store: store.partitions())
        return [
            stored[topic, p].offset if (topic, p) in stored else None
            for p in range(self.n_partitions)
        ]

    def totals(self) -> Ledger:
        """Return the sum of the ledgers in Redis."""
        return self.ask(lambda store: store.totals())

    def wait_consumed(self, n: int | None = None) -> Ledger:
        """Return the totals once a checkpoint holds all that was sent, or ``n`` records.

        The deadline is for the next checkpoint: how long all of them take is the machine's.
        """
        wanted = sum(self.n_sent) if n is None else n
        before = self.totals()

        def went_on() -> Ledger | None:
            total = self.totals()
            return total if total != before or total.consumed >= wanted else None

        def said() -> str:
            return f"{wanted} consumed, got {self.totals()}\n" + "\n".join(
                worker.log() for worker in self.workers
            )

        while before.consumed < wanted:
            before = wait_until(went_on, said)
        return before

    def assert_exact(self) -> Ledger:
        """Assert that nothing was lost or counted, learned or alerted twice."""
        total = self.totals()
        assert total.imbalance == 0, total
        assert total.consumed == sum(self.n_sent), total
        assert self.offsets() == [n or None for n in self.n_sent]
        assert self.ask(lambda store: store.head()).sums.transactions_seen == total.scored
        alerts, overflow = self.alerts(), self.overflow()
        ids = [alert.alert_id for alert in alerts + overflow]
        assert len(ids) == len(set(ids)), "an alert came twice"
        assert len(alerts) == total.alerted, total
        assert len(overflow) == total.overflowed, total
        return total

    def stop(self) -> None:
        """Stop every worker that still runs."""
        for worker in self.workers:
            worker.child.stop(grace_s=5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
