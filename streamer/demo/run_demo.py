"""Runs the demo: starts the servers and the worker, feeds payments, follows alerts, sums up.

The worker is the real one, in a process of its own.  It is supervised as an operator would do it: when
it dies (`kill -9` it and see), it is started again, and the summary must balance all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import aiohttp
from confluent_kafka.admin import AdminClient

from streamer.contract.messages import Alert
from streamer.datafiles import FileReport
from streamer.demo.payment_source import PaymentBatch, from_file, from_simulator
from streamer.display.demo_display import Display
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.errors import ConfigurationError, StreamerError, UnavailableError
from streamer.reports.census_report import census_in
from streamer.reports.summary import Summary, Tally, alerts_per_hour, percentiles_ms
from streamer.settings import Settings, child_environment, load_settings
from streamer.starting.wiring import model_config, open_store, pipeline_config
from streamer.store import Store
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from streamer.stream.publishing.alert_reader import AlertReader

__all__ = ["DemoOptions", "run_demo"]

_N_PARTITIONS: Final = 4
_TICK_S: Final = 0.25
_READY_WITHIN_S: Final = 60.0
_READ_WITHIN_S: Final = 20.0
# Without any progress for this long the demo gives up, with the worker's last words.
_STALLED_AFTER_S: Final = 90.0
_MAX_RESTARTS: Final = 10
_EXIT_MISCONFIGURED: Final = 2


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to run.  ``rate`` is payments per second, None as fast as they are taken."""

    duration_s: float
    rate: float | None
    seed: int
    report: FileReport | None = None
    """Of the file to take payments from, which it has; None for the simulator."""

    @property
    def n_payments(self) -> int:
        """How many payments will be sent."""
        if self.report is not None:
            return self.report.file.n_rows
        return int(self.duration_s * (self.rate or 0))

    def payments(self, settings: Settings) -> Iterator[PaymentBatch]:
        """Return the payments to send."""
        if self.report is not None:
            config = pipeline_config(settings)
            return from_file(self.report, config.believable, _now_ms, config.cards)
        return from_simulator(self.seed, self.n_payments)


def run_demo(options: DemoOptions, display: Display) -> Summary:
    """Run the demo to its end and return the summary; blocks.

    Leaves no process and no file behind, also when interrupted.
    """
    with EmbeddedServers() as servers:
        overrides = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis.url,
            "STREAMER_NAMESPACE": "demo",
            "STREAMER_WEB_HOST": "127.0.0.1",
            "STREAMER_WEB_PORT": str(free_port()),
            "STREAMER_ADMIN_PORT": "0",
            "STREAMER_TOPIC_PARTITIONS": str(_N_PARTITIONS),
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_CHECKPOINT_INTERVAL_S": "1",
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), _N_PARTITIONS), 1, settings)
        return asyncio.run(_run(options, settings, child_environment(overrides), display))


async def _run(
    options: DemoOptions, settings: Settings, environment: dict[str, str], display: Display
) -> Summary:
    tally, latencies_ms = Tally(), []
    lock = threading.Lock()

    def on_alert(alert: Alert, latency_ms: float) -> None:
        with lock:
            is_new = tally.add_alert(
                alert.alert_id, alert.transaction.transaction_id, alert.sample_weight
            )
        latencies_ms.append(latency_ms)
        if is_new:
            display.alert(alert)

    config = librdkafka_config(settings)
    feeder = Feeder(config, settings.transactions_topic)
    reader = AlertReader(config, settings.alerts_topic, _N_PARTITIONS, on_alert)
    store = open_store(settings)
    display.status("starting the worker")
    try:
        async with _supervised(settings, environment, display) as supervisor:
            await supervisor.wait_ready()
            reader.start()
            started = time.monotonic()
            feeding = asyncio.create_task(
                asyncio.to_thread(_feed, options, settings, feeder, tally, lock)
            )
            await _follow(store, feeder, feeding, supervisor, display, tally, options.n_payments)
            elapsed_s = time.monotonic() - started
            ledger = await store.totals()
            await _until_read(reader, ledger.alerted)
        head = await store.head()
        return Summary(
            ledger=ledger,
            tally=tally,
            model_versions=sum("version" in each for each in await store.lineage(1_000_000)),
            transactions_seen=head.sums.transactions_seen,
            alert_budget=settings.alert_budget,
            alerts_per_hour=alerts_per_hour(head.sums, model_config(settings)),
            verdicts=census_in(head.sums),
            elapsed_s=elapsed_s,
            latencies_ms=percentiles_ms(latencies_ms),
            worker_restarts=supervisor.n_restarts,
        )
    finally:
        feeder.is_stopped.set()
        if reader.is_alive():
            reader.stop()
        await store.close()


def _feed(
    options: DemoOptions, settings: Settings, feeder: Feeder, tally: Tally, lock: threading.Lock
) -> None:
    for batch in options.payments(settings):
        if feeder.is_stopped.is_set():
            return
        with lock:
            tally.add_sent(batch.transaction_ids, batch.labels)
        if options.rate is None:
            feeder.send(batch.records)
        else:
            feeder.send_at_rate(batch.records, options.rate)
    feeder.finish()


async def _follow(
    store: Store,
    feeder: Feeder,
    feeding: asyncio.Task[None],
    supervisor: _Supervisor,
    display: Display,
    tally: Tally,
    n_payments: int,
) -> None:
    """Show progress until everything that was sent has been accounted for in a checkpoint."""
    consumed, moved_at = -1, time.monotonic()
    while True:
        await supervisor.restart_if_dead()
        ledger = await store.totals()
        if ledger.consumed != consumed:
            consumed, moved_at = ledger.consumed, time.monotonic()
        display.progress(n_payments, feeder.n_sent, ledger, tally.alerts)
        if feeding.done():
            feeding.result()
            if consumed >= feeder.n_sent:
                return
        if time.monotonic() - moved_at > _STALLED_AFTER_S:
            raise UnavailableError(
                f"the worker must make progress, got none for {_STALLED_AFTER_S:g} s; "
                f"its last words:\n{supervisor.log_tail()}"
            )
        await asyncio.sleep(_TICK_S)


async def _until_read(reader: AlertReader, n_alerted: int) -> None:
    """Wait until as many alerts have been read as the ledger says there are.

    When there are fewer, the summary shows the difference.  The broker is not asked how many there
    are: the embedded one does not know to the record.
    """
    deadline = time.monotonic() + _READ_WITHIN_S
    while reader.n_read < n_alerted and time.monotonic() < deadline:  # noqa: ASYNC110 - a thread reads
        await asyncio.sleep(_TICK_S)


class _Supervisor:
    """Keeps one worker running."""

    def __init__(self, settings: Settings, environment: dict[str, str], display: Display) -> None:
        self._settings = settings
        self._environment = environment
        self._display = display
        self.n_restarts = 0
        self._worker = self._start()

    def _start(self) -> ChildProcess:
        command = [sys.executable, "-m", "streamer", "worker"]
        return ChildProcess(command, name="the worker", env=self._environment).start()

    async def restart_if_dead(self) -> None:
        """Start the worker again if it has died."""
        code = self._worker.returncode
        if code is None:
            return
        if code == _EXIT_MISCONFIGURED:
            raise ConfigurationError(f"the worker must start, got:\n{self.log_tail()}")
        if self.n_restarts >= _MAX_RESTARTS:
            raise StreamerError(
                f"the worker must stay up, got {_MAX_RESTARTS} deaths; its last words:\n"
                f"{self.log_tail()}"
            )
        self.n_restarts += 1
        self._display.note(f"worker died (exit code {code}); started again")
        self._worker.stop()
        self._worker = self._start()

    async def wait_ready(self) -> None:
        """Wait until /readyz says so."""
        url = f"http://127.0.0.1:{self._settings.web_port}/readyz"
        deadline = time.monotonic() + _READY_WITHIN_S
        answer = "no answer"
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                await self.restart_if_dead()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, timeout=aiohttp.ClientTimeout(2)) as response:
                        answer = await response.text()
                        if response.status == 200:
                            return
                await asyncio.sleep(_TICK_S)
        raise UnavailableError(
            f"the worker must be ready within {_READY_WITHIN_S:g} s, got {answer}; "
            f"its last words:\n{self.log_tail()}"
        )

    def log_tail(self) -> str:
        """Return the worker's last lines."""
        return self._worker.log_tail()

    def stop(self) -> None:
        """End the worker, gracefully first."""
        self._worker.stop()


@contextlib.asynccontextmanager
async def _supervised(
    settings: Settings, environment: dict[str, str], display: Display
) -> AsyncIterator[_Supervisor]:
    supervisor = _Supervisor(settings, environment, display)
    try:
        yield supervisor
    finally:
        await asyncio.to_thread(supervisor.stop)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
