"""One worker under an open load: broker, Redis, collector, generator and reader around it.

Each is a process of its own.  The worker is watched as in service: checkpoints on, a hundredth of its
batches traced to a collector that forgets them, ``/metrics`` scraped as Prometheus does.  It may run
from another tree than what measures it, so that two commits are measured by one program.

Invariant: what was offered counts only when the checkpoints account for each message of it, dead
letters where it was bad, and when no alert came twice.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from confluent_kafka.admin import AdminClient

from load.alert_reading import READY, rows_in
from load.contestants import consumed, scrape, total
from load.figures import Sample, Window, busy_rate
from load.machine import cpu_seconds, without_openblas
from load.mailbox import Mailbox
from load.offering import Offered, Order, Plan
from load.open_loop import Profile
from load.runs import ledger_of, skipped
from load.scenario_file import Scenario
from streamer.arrays import Floats, Integers
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["OpenRun", "Stage", "staged"]

PROJECT: Final = Path(__file__).parent.parent

_SCRAPED_EVERY_S: Final = 5.0
# How far reading alerts is, asked while nothing is measured.
_ASKED_EVERY_S: Final = 0.2
_DRAIN_SAMPLED_S: Final = 0.25
_RAISED: Final = "streamer_alerts_total"
_TRACED_SHARE: Final = "0.01"
_PATIENCE_S: Final = 240.0
_READ_WITHIN_S: Final = 20.0
_SLACK_S: Final = 120.0
_GRACE_S: Final = 60.0
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class OpenRun:
    """What was offered and what came of it.

    ``times`` (n, 3) are of all payments, in nanoseconds since the epoch: due, sent, stored (-1: not
    asked).  ``alerts`` (m, 8) are of those that alerted, as `load.alert_reading.COLUMNS`.  ``samples``
    say how many messages the worker was done with, its processor time beside them, by the monotonic
    clock; ``began_at`` is when the first payment was due by it.  ``worker_busy`` is the worker's share
    of a processor while payments came.
    """

    offered: Offered
    times: Integers
    alerts: Floats
    samples: list[Sample]
    began_at: float
    worker_busy: float


@dataclass(slots=True)
class _Scraper:
    """Asks for ``/metrics`` at an interval, in a thread, and keeps what it was told."""

    settings: Settings
    pid: int
    every_s: float
    samples: list[Sample] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self.samples.append(sampled(self.settings, self.pid))
            if self._is_over.wait(self.every_s):
                return


class Stage:
    """A worker that has scored its warm-up, and what it takes to load it."""

    def __init__(
        self,
        settings: Settings,
        worker: ChildProcess,
        generator: ChildProcess,
        mailbox: Mailbox,
        rows: Path,
    ) -> None:
        self.settings = settings
        self.worker = worker
        self.n_sent = 0
        self.n_bad = 0
        self._generator = generator
        self._mailbox = mailbox
        self._rows = rows

    def fill(self, n_payments: int) -> None:
        """Put a backlog into the topic."""
        self._count(self._ask(Order(n_backlog=n_payments), _SLACK_S + n_payments / 1_000)[0])

    def drain(self) -> list[Sample]:
        """Wait until the worker is done with all that was sent, and tell how it went; blocks."""
        samples = [sampled(self.settings, self.worker.pid)]
        moved_at = time.monotonic()
        while samples[-1].n_done < self.n_sent:
            time.sleep(_DRAIN_SAMPLED_S)
            samples.append(sampled(self.settings, self.worker.pid))
            if samples[-1].n_done > samples[-2].n_done:
                moved_at = samples[-1].at_s
            if time.monotonic() - moved_at > _PATIENCE_S or not self.worker.is_running():
                raise UnavailableError(
                    f"the worker must get through {self.n_sent} messages, got "
                    f"{samples[-1].n_done}; its last words:\n{self.worker.log_tail()}"
                )
        return samples

    def capacity(self, n_payments: int) -> Window:
        """Return how fast the worker gets through a backlog, which `fill` has put there before."""
        return busy_rate(
            self.drain(), skipped(n_payments, self.settings.warmup_transactions), n_payments
        )

    def offer(self, profile: Profile, scraped_every_s: float = _SCRAPED_EVERY_S) -> OpenRun:
        """Offer payments by a profile, and return when all of it is through; blocks."""
        order = Order(profile=tuple(profile))
        seconds = sum(step.seconds for step in profile)
        n_most = sum(step.rate * step.seconds for step in profile)
        within_s = _SLACK_S + seconds + n_most / 5_000
        with _Scraper(self.settings, self.worker.pid, scraped_every_s) as scraper:
            offered, times = self._ask(order, within_s)
        self._count(offered)
        left = self.drain()
        rows = self._all_read()
        began_at = time.monotonic() - time.time() + offered.started_ns / 1e9
        samples = [each for each in (*scraper.samples, *left) if each.at_s >= began_at]
        own = rows[(rows[:, 0] >= offered.first) & (rows[:, 0] < offered.next)]
        busy = _busy([*scraper.samples, left[0]], began_at, began_at + seconds)
        return OpenRun(offered, times, own, samples, began_at, busy)

    def _all_read(self) -> Floats:
        """Return the alerts read so far, once those are all that the worker has raised; blocks."""
        n_raised = total(scrape(self.settings), _RAISED)
        deadline = time.monotonic() + _READ_WITHIN_S
        while len(rows := rows_in(self._rows)) < n_raised:
            if time.monotonic() > deadline:
                raise UnavailableError(f"{n_raised} alerts must be read, got {len(rows)}")
            time.sleep(_ASKED_EVERY_S)
        return rows

    def end(self) -> Ledger:
        """Stop the worker and return what its checkpoints account for; InvariantError if not all."""
        self.worker.stop(grace_s=_GRACE_S)
        ledger = asyncio.run(ledger_of(self.settings))
        if (ledger.consumed, ledger.dead_lettered, ledger.imbalance) != (
            self.n_sent,
            self.n_bad,
            0,
        ):
            raise InvariantError(
                f"the checkpoints must account for {self.n_sent} messages, {self.n_bad} of them dead "
                f"letters, got {ledger}; the worker's last words:\n{self.worker.log_tail()}"
            )
        rows = rows_in(self._rows)
        n_twice = len(rows) - len({(row[1], row[2]) for row in rows.tolist()})
        if n_twice:
            raise InvariantError(f"no alert must come twice, got {n_twice} that did")
        return ledger

    def _ask(self, order: Order, within_s: float) -> tuple[Offered, Integers]:
        try:
            return self._mailbox.ask(order, Offered, within_s, self._generator.is_running)
        except UnavailableError as error:
            raise UnavailableError(f"{error}:\n{self._generator.log_tail()}") from None

    def _count(self, offered: Offered) -> None:
        self.n_sent += offered.next - offered.first
        self.n_bad += offered.n_bad


def _busy(samples: list[Sample], since: float, until: float) -> float:
    """Return the worker's share of a processor over the samples nearest to a span of time."""
    inside = [each for each in samples if since <= each.at_s <= until + 1.0]
    if len(inside) < 2:
        return 0.0
    return (inside[-1].cpu_s - inside[0].cpu_s) / (inside[-1].at_s - inside[0].at_s)


def sampled(settings: Settings, pid: int) -> Sample:
    """Return how far a worker is, asked as Prometheus asks it."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.web_port}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
    )
    n_done = 0
    with suppress(OSError), urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        n_done = consumed(answer.read().decode())
    return Sample(time.monotonic(), n_done, cpu_seconds(pid))


@contextmanager
def staged(
    bootstrap_servers: str,
    scenario: Scenario,
    name: str,
    n_backlog: int,
    tree: Path = PROJECT,
    further: Mapping[str, str] | None = None,
) -> Iterator[tuple[Stage, Window]]:
    """Run a worker of ``tree`` within the block, once it has drained a backlog; that comes with it.

    ``name`` tells its topics from those of others on the broker; ``further`` are settings of its own.
    """
    sink_port = free_port()
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        overrides = _overrides(bootstrap_servers, scenario, name) | {
            "STREAMER_REDIS_URL": redis.url,
            **(further or {}),
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), scenario.partitions), 1)
        environment = without_openblas(child_environment(overrides))
        rows = folder / "alerts"
        rows.touch()
        reading = [str(scenario.partitions), str(rows)]
        reader = stack.enter_context(_module("load.alert_reading", reading, environment))
        reader.wait_ready(lambda: READY in reader.log_tail(), READY)
        plan = msgspec.json.encode(Plan(str(folder), scenario)).decode()
        generator = stack.enter_context(_module("load.offering", [plan], environment))
        stack.enter_context(_module("load.span_sink", [str(sink_port)], environment))
        traced = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink_port}",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": _TRACED_SHARE,
        }
        command = [sys.executable, "-m", "streamer", "worker"]
        worker = ChildProcess(command, name="worker", env=environment | traced, cwd=tree)
        stage = Stage(settings, worker, generator, Mailbox(folder), rows)
        stage.fill(n_backlog)
        stack.enter_context(worker)
        yield stage, stage.capacity(n_backlog)


def _overrides(bootstrap_servers: str, scenario: Scenario, name: str) -> dict[str, str]:
    topics = {
        "TRANSACTIONS": "transactions",
        "ALERTS": "fraud-alerts",
        "OVERFLOW": "fraud-alerts-overflow",
        "DEAD_LETTERS": "transactions-dlq",
        "FEEDBACK": "fraud-feedback",
        "FEEDBACK_DEAD_LETTERS": "fraud-feedback-dlq",
    }
    return {f"STREAMER_{each}_TOPIC": f"{topic}-{name}" for each, topic in topics.items()} | {
        "STREAMER_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
        "STREAMER_TOPIC_PARTITIONS": str(scenario.partitions),
        "STREAMER_ALERT_BUDGET": str(scenario.alert_budget),
        "STREAMER_CONSUMER_GROUP": name,
        "STREAMER_NAMESPACE": name,
        "STREAMER_WEB_HOST": "127.0.0.1",
        "STREAMER_WEB_PORT": str(free_port()),
        "STREAMER_ADMIN_PORT": "0",
        "STREAMER_LOG_LEVEL": "WARNING",
    }


def _module(module: str, arguments: list[str], environment: Mapping[str, str]) -> ChildProcess:
    command = [sys.executable, "-m", module, *arguments]
    return ChildProcess(command, name=module, env=environment, cwd=PROJECT)
