"""Runs the demo: starts the stack, feeds payments and verdicts, follows alerts, sums up.

The worker is the real one, in a process of its own.  It is supervised as an operator would do it: when
it dies (`kill -9` it and see), it is started again, and the summary must balance all the same.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streamer.contract.messages import Alert
from streamer.datafiles import FileReport
from streamer.demo.feeding import Feeding
from streamer.demo.keeping import keep_running
from streamer.demo.payment_source import PaymentBatch, from_file, from_simulator
from streamer.demo.verdict_sender import VerdictSender, n_stored
from streamer.dev.stack import Stack
from streamer.display.demo_display import Display
from streamer.display.demo_stages import Figures
from streamer.errors import UnavailableError
from streamer.reports.census_report import census_in
from streamer.reports.over_time import OverTime
from streamer.reports.summary import (
    Summary,
    Tally,
    VerdictCount,
    alerts_per_hour,
    percentiles_ms,
)
from streamer.settings import Settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config, open_store, pipeline_config
from streamer.store import Store
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.publishing.alert_reader import AlertReader

__all__ = ["DemoOptions", "run_demo"]

# A bank so small that the run's 180,000 payments are two months: verdicts need days to come and weeks
# to tell, by the payments' time, however fast that passes.
_N_CUSTOMERS: Final = 1_000
_N_MERCHANTS: Final = 300
_TICK_S: Final = 0.25
_READ_WITHIN_S: Final = 20.0
_ALL: Final = 1_000_000
# Without any progress for this long the demo gives up, with the worker's last words.
_STALLED_AFTER_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to run.  ``rate`` is payments per second, None as fast as they are taken."""

    duration_s: float
    rate: float | None
    seed: int
    report: FileReport | None = None
    """Of the file to take payments from, which it has; None for the simulator."""
    keep: bool = False
    """Whether everything goes on running after the summary."""

    @property
    def n_payments(self) -> int:
        """How many payments will be sent."""
        if self.report is not None:
            return self.report.file.n_rows
        return int(self.duration_s * (self.rate or 0))

    def payments(self, settings: Settings, simulator: Simulator) -> Iterator[PaymentBatch]:
        """Return the payments to send."""
        if self.report is not None:
            config = pipeline_config(settings)
            return from_file(self.report, config.believable, _now_ms, config.cards)
        return from_simulator(simulator, self.n_payments)


def run_demo(
    options: DemoOptions,
    display: Display,
    on_alert: Callable[[Alert], None],
    on_summary: Callable[[Summary], None],
) -> Summary:
    """Run the demo to its end and return the summary; blocks.

    ``on_alert`` is called with each alert, once, by the thread that reads them; ``on_summary`` with the
    summary, after which everything goes on until KeyboardInterrupt where that was asked for.  Leaves no
    process and no file behind, also when interrupted.
    """
    display.status("starting a broker, a Redis and the worker")
    with Stack(1, None, display.note, namespace="demo", has_console=False) as stack:
        run = _Run(options, stack, display, on_alert)
        summary = asyncio.run(run.run())
        display.stop()
        on_summary(summary)
        if options.keep:
            keep_running(stack, run.more_payments(), display.say)
        return summary


class _Run:
    """One run on a stack that is there."""

    def __init__(
        self,
        options: DemoOptions,
        stack: Stack,
        display: Display,
        on_alert: Callable[[Alert], None],
    ) -> None:
        self._options, self._stack, self._display = options, stack, display
        self._settings = settings = stack.settings
        self._on_alert = on_alert
        self._lock = threading.Lock()
        self._tally, self._over_time = Tally(), OverTime()
        self._latencies_ms: list[float] = []
        config = librdkafka_config(settings)
        self._feeder = Feeder(config, settings.transactions_topic)
        self._verdicts = VerdictSender(config, settings.feedback_topic)
        self._feeding = Feeding(self._feeder, self._verdicts, self._note_batch)
        self._reader = AlertReader(
            config, settings.alerts_topic, stack.n_partitions, self._read_alert
        )
        self._simulator = Simulator(
            SimulatorConfig(seed=options.seed, n_customers=_N_CUSTOMERS, n_merchants=_N_MERCHANTS)
        )

    async def run(self) -> Summary:
        """Send everything, wait until all of it is accounted for, and sum up."""
        store = open_store(self._settings)
        try:
            self._reader.start()
            started = time.monotonic()
            payments = self._options.payments(self._settings, self._simulator)
            feeding = asyncio.create_task(
                asyncio.to_thread(self._feeding.run, payments, self._options.rate)
            )
            await self._follow(store, feeding)
            elapsed_s = time.monotonic() - started
            return await self._sum_up(store, elapsed_s)
        finally:
            self._feeder.is_stopped.set()
            if self._reader.is_alive():
                self._reader.stop()
            await store.close()

    def more_payments(self) -> Iterator[PaymentBatch] | None:
        """Return what comes after those of the run, without an end; None where a file has ended."""
        if self._options.report is not None:
            return None
        return from_simulator(self._simulator, sys.maxsize)

    def _note_batch(self, batch: PaymentBatch) -> None:
        times_ms = [each for each in batch.times_ms if each is not None]
        with self._lock:
            self._tally.add_sent(batch.transaction_ids, batch.labels)
            if times_ms:
                self._over_time.paid(min(times_ms), max(times_ms))
            for *_, time_ms in batch.frauds():
                self._over_time.cheated(time_ms)

    def _read_alert(self, alert: Alert, latency_ms: float) -> None:
        paid = alert.transaction
        with self._lock:
            is_new = self._tally.add_alert(alert.alert_id, paid.transaction_id, alert.sample_weight)
            known = self._tally.known_of(paid.transaction_id)
            if is_new and known.is_labelled and not alert.sampled:
                self._over_time.alerted(
                    round(alert.event_time.timestamp() * 1000),
                    known.is_fraud,
                    by_odds=alert.ranked_by != "distance",
                )
        self._latencies_ms.append(latency_ms)
        if not is_new:
            return
        self._on_alert(alert)
        if known.is_labelled:
            self._feeding.judge(alert)
        self._display.alert(alert, known)

    async def _follow(self, store: Store, feeding: asyncio.Task[None]) -> None:
        """Show progress until everything that was sent has been accounted for in a checkpoint."""
        before, moved_at = (-1, -1), time.monotonic()
        while True:
            self._stack.restart_dead()
            ledger = await store.totals()
            self._feeding.n_done = ledger.consumed
            with self._lock:
                figures = Figures(
                    self._options.n_payments,
                    self._feeder.n_sent,
                    ledger,
                    self._tally.alerts,
                    self._verdicts.n_reviews,
                    self._verdicts.n_chargebacks,
                    self._over_time.latest,
                    self._over_time.n_days,
                    next(iter(self._over_time.before_and_after() or ()), None),
                )
            self._display.progress(figures)
            stored = -1
            if feeding.done():
                feeding.result()
                stored = n_stored(await store.partitions(), self._settings.feedback_topic)
                if ledger.consumed >= self._feeder.n_sent and stored >= self._verdicts.n_sent:
                    return
            now = ledger.consumed, stored
            if now != before:
                before, moved_at = now, time.monotonic()
            if time.monotonic() - moved_at > _STALLED_AFTER_S:
                raise UnavailableError(
                    f"the worker must make progress, got none for {_STALLED_AFTER_S:g} s; "
                    f"its last words:\n{self._stack.log_tail()}"
                )
            await asyncio.sleep(_TICK_S)

    async def _until_read(self, n_alerted: int) -> None:
        """Wait until as many alerts have been read as the ledger says there are.

        When there are fewer, the summary shows the difference.  The broker is not asked how many there
        are: the embedded one does not know to the record.
        """
        deadline = time.monotonic() + _READ_WITHIN_S
        while self._reader.n_read < n_alerted and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S)

    async def _until_learned(self, store: Store) -> int:
        """Return how many verdicts taught their payment's partition, when all have or no more do.

        A verdict whose payment no longer waits teaches only what is known of card and merchant.
        """
        n, moved_at = -1, time.monotonic()
        while n < self._verdicts.n_sent and time.monotonic() - moved_at < _READ_WITHIN_S:
            n_before, n = n, len(await store.lessons(_ALL))
            if n != n_before:
                moved_at = time.monotonic()
            await asyncio.sleep(_TICK_S)
        return n

    async def _sum_up(self, store: Store, elapsed_s: float) -> Summary:
        settings = self._settings
        ledger = await store.totals()
        await self._until_read(ledger.alerted)
        learned = await self._until_learned(store)
        head, records = await store.head(), await store.partitions()
        return Summary(
            ledger=ledger,
            tally=self._tally,
            model_versions=sum("version" in each for each in await store.lineage(_ALL)),
            transactions_seen=head.sums.transactions_seen,
            alert_budget=settings.alert_budget,
            alerts_per_hour=alerts_per_hour(head.sums, model_config(settings)),
            verdicts=census_in(head.sums),
            elapsed_s=elapsed_s,
            latencies_ms=percentiles_ms(self._latencies_ms),
            worker_restarts=self._stack.n_restarts,
            over_time=self._over_time,
            verdict_count=VerdictCount(
                self._verdicts.n_reviews,
                self._verdicts.n_chargebacks,
                n_stored(records, settings.feedback_topic),
                learned,
            ),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
