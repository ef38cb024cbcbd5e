"""A service under load on servers of its own, with a supervisor, and what a fault needs to disturb it.

The supervisor does what a deployment does: a worker that ended is started again, under the same name,
after half a second.  Nothing here knows how the service keeps its promises.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka.admin import AdminClient

from streamer.errors import UnavailableError
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from tests.faults.appended import complete
from tests.faults.checker import Report, check
from tests.faults.noting import noted, noting
from tests.faults.traffic import Mix, Traffic
from tests.faults.wire import INTAKE
from tests.rig.topics import set_topic
from tests.rig.waiting import DEADLINE_S, rest
from tests.stream.harness import ROOT, Service, Worker, child_env

__all__ = ["FIRST", "RATE", "WORKER", "Slot", "Stand"]

RATE: Final = 1_000.0
# Enough for a model: the first thresholds come after the warm-up of 300.
FIRST: Final = 3_000
WORKER: Final = ("-m", "streamer", "worker")
_RESTART_AFTER_S: Final = 0.5
_SETTLE_S: Final = DEADLINE_S
_READY_S: Final = DEADLINE_S
_SCORED: Final = re.compile(r"^streamer_transactions_scored_total\{[^}]*\} (\S+)$", re.MULTILINE)


class Slot:
    """A place in the deployment: a worker, and after its end the next one."""

    def __init__(
        self,
        service: Service,
        first: Sequence[str] | None,
        changes: dict[str, str],
        ordinary: Sequence[str],
    ) -> None:
        self._service, self.changes, self._ordinary = service, changes, ordinary
        self.next_argv = first
        self.worker: Worker | None = None
        self.is_wanted = True
        self.n_starts = 0
        self.codes: list[int] = []
        self.last_words = ""

    def start(self) -> None:
        """Start a worker: the one that was ordered, afterwards an ordinary one."""
        argv, self.next_argv = self.next_argv or self._ordinary, None
        self.worker = self._service.worker(argv, **self.changes)
        self.n_starts += 1

    @property
    def running(self) -> Worker:
        """The worker that was started last."""
        assert self.worker is not None, "the slot must be started first"
        return self.worker

    @property
    def has_ended(self) -> bool:
        return self.worker is not None and not self.worker.child.is_running()


class Stand:
    """Broker, Redis, service, workers and traffic; everything ends with the block."""

    def __init__(
        self,
        bootstrap: str,
        redis_url: str,
        *,
        seed: int = 1,
        n_partitions: int = 4,
        n_replicas: int = 1,
        min_insync: int | None = None,
        mix: Mix | None = None,
        are_named: bool = True,
        are_noting: bool = False,
        **settings: str,
    ) -> None:
        """``are_named`` gives each slot a name in the group, which outlives its workers; with
        ``are_noting`` it is known which payments met a habit that Redis could not tell."""
        self._ends = ExitStack()
        self._folder = Path(self._ends.enter_context(TemporaryDirectory()))
        self._ordinary: Sequence[str] = noting(self._folder) if are_noting else WORKER
        intake = self._folder / "intake.toml"
        intake.write_text(INTAKE, "utf-8")
        # The timeout is the product's own: the shorter one of other tests is for quick outages.
        defaults = {"scores_enabled": "true", "alert_budget": "0.02", "redis_timeout_s": "5"}
        defaults["intake"] = str(intake)
        self.service = Service(
            bootstrap, redis_url, n_partitions=n_partitions, **(defaults | settings)
        )
        self._seed, self._mix, self._are_named = seed, mix, are_named
        self._n_replicas, self._min_insync = n_replicas, min_insync
        self.n_forced = 0
        self.slots: list[Slot] = []
        self.recovered_s: float | None = None
        self.notes: list[str] = []
        self._is_over = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._ends.enter_context(self.service)
        self._create_topics()
        settings = self.service.settings
        self.traffic = Traffic(
            librdkafka_config(settings),
            settings.transactions_topic,
            self.service.n_partitions,
            self._seed,
            self._mix,
            settings.feedback_topic,
        )
        supervisor = threading.Thread(target=self._supervise, daemon=True)
        supervisor.start()
        self._ends.callback(self._end, supervisor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.close()

    def add_worker(self, argv: Sequence[str] | None = None, **changes: str) -> Slot:
        """Start one more worker; ``argv`` is for the first one in its slot."""
        named = {}
        if self._are_named:
            named["kafka_group_instance_id"] = f"worker-{len(self.slots)}"
        slot = Slot(self.service, argv, named | changes, self._ordinary)
        with self._lock:
            slot.start()
            self.slots.append(slot)
        return slot

    def _create_topics(self) -> None:
        settings, n_partitions = self.service.settings, self.service.n_partitions
        admin = AdminClient(librdkafka_config(settings))
        mirrored = [*topic_names(settings), settings.scores_topic]
        names = dict.fromkeys([*mirrored, settings.audit_topic], n_partitions)
        create_topics(admin, names, self._n_replicas)
        if self._min_insync is not None:
            for name in names:
                set_topic(admin, name, min_insync_replicas=self._min_insync)

    def output_topics(self) -> list[str]:
        """Return the topics whose partitions have the numbers of their source."""
        settings = self.service.settings
        names = {*topic_names(settings), settings.scores_topic}
        return sorted(names - {settings.transactions_topic, settings.feedback_topic})

    def asks_for_reset(self) -> bool:
        """Whether a worker says that an operator has to set a partition back."""
        said = [slot.last_words + slot.running.get("/readyz")[1] for slot in self.slots]
        return any("partition reset" in text for text in said)

    def reset(
        self, partitions: Iterable[int], to: str = "beginning", topic: str | None = None
    ) -> None:
        """Do what the service asks an operator for: say where to go on, with payments by default."""
        if not self.until(self.asks_for_reset, "the service asks for `streamer partition reset`"):
            return
        topic = topic or self.service.settings.transactions_topic
        for partition in partitions:
            command = ["partition", "reset", str(partition), "--topic", topic, "--to", to]
            command += ["--reason", "the log is another one", "--yes"]
            done = subprocess.run(
                [sys.executable, "-m", "streamer", *command],
                env=child_env(self.service.env),
                cwd=ROOT,
                capture_output=True,
                check=False,
                text=True,
            )
            self.notes.append(
                f"exit {done.returncode}: {(done.stdout + done.stderr)[-300:].strip()}"
            )

    def remove_worker(self, slot: Slot, within_s: float = _READY_S) -> float:
        """Stop a worker in good order and return how long that took."""
        slot.is_wanted = False
        started = time.monotonic()
        slot.running.child.send_signal(signal.SIGTERM)
        code = slot.running.child.wait(within_s)
        took_s = time.monotonic() - started
        self.notes.append(f"SIGTERM: exit {code} after {took_s:.1f} s")
        return took_s

    def load(self, n_workers: int = 1, rate: float = RATE, first: int = FIRST) -> Self:
        """Bring the service into the middle of its work: a model, then traffic at a rate."""
        while len(self.slots) < n_workers:
            self.add_worker()
        for slot in self.slots:
            self.wait_ready(slot)
        self.traffic.send(first)
        assert self.settle(), "the first payments must be scored"
        self.traffic.start(rate)
        time.sleep(1.0)
        return self

    def wait_ready(self, slot: Slot, within_s: float = _READY_S) -> bool:
        """Wait until a worker says that it is ready."""
        return self.until(lambda: slot.running.get("/readyz")[0] == 200, "ready", within_s)

    def wait_restart(self, slot: Slot, n_starts: int, within_s: float = _READY_S) -> bool:
        """Wait until a slot has been started so many times."""
        return self.until(lambda: slot.n_starts >= n_starts, f"{n_starts} starts", within_s)

    def until(self, condition: Callable[[], Any], what: str, within_s: float = _READY_S) -> bool:
        """Wait for a condition; note and return False when it does not come true."""
        deadline = time.monotonic() + within_s
        while (asked := time.monotonic()) < deadline:
            if condition():
                return True
            rest(time.monotonic() - asked)
        self.notes.append(f"not within {within_s:g} s: {what}")
        return False

    def n_scored(self) -> dict[int, float]:
        """Return how many payments each living worker has scored, by its process id."""
        found = {}
        for slot in self.slots:
            worker = slot.running
            if worker.child.is_running():
                counts = _SCORED.findall(worker.get("/metrics")[1])
                found[worker.child.pid] = sum(map(float, counts))
        return found

    def fault_is_over(self, within_s: float = DEADLINE_S) -> None:
        """Measure from now until the first payment is scored."""
        before, started = self.n_scored(), time.monotonic()

        def scores() -> bool:
            return any(n > before.get(pid, 0) for pid, n in self.n_scored().items())

        if self.until(scores, "a payment scored after the fault", within_s):
            self.recovered_s = time.monotonic() - started

    def finish(self, run_on_s: float = 2.0, settle_s: float = _SETTLE_S, **options: Any) -> Report:
        """Send a little more, let the service come to rest, and count."""
        time.sleep(run_on_s)
        self.traffic.stop()
        self.notes += complete(self.service, self.traffic)
        if not self.settle(settle_s):
            self.notes.append("did not come to rest: " + self._waits_for())
        report = check(self.service, self.traffic, noted=noted(self._folder), **options)
        if self.n_forced:
            report.findings.append(f"{self.n_forced} workers had to be killed after SIGTERM")
            report.figures = replace(report.figures, others=report.figures.others + self.n_forced)
        n_restarts = sum(slot.n_starts - 1 for slot in self.slots)
        if n_restarts:
            self.notes.append(f"{n_restarts} restarts, exit codes {self._codes()}")
        return report

    def settle(self, within_s: float = _SETTLE_S) -> bool:
        """Wait until checkpoints hold everything that was sent; False when none comes for so long.

        A backlog is none of the service's faults, however long the machine takes for it.
        """
        left, deadline = None, time.monotonic() + within_s
        while (asked := time.monotonic()) < deadline:
            with suppress(UnavailableError):
                if not (missing := self.missing()):
                    return True
                if missing != left:
                    left, deadline = missing, time.monotonic() + within_s
            rest(time.monotonic() - asked)
        return False

    def missing(self) -> dict[int, tuple[int | None, int]]:
        """Return ``{partition: (stored offset, wanted one)}`` where they differ."""
        ends: dict[int, int] = {}
        for record in self.traffic.sent:
            if record.log == self.traffic.logs[record.partition] and record.kind != "aborted":
                ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)
        stored = self.service.ask(lambda store: store.partitions())
        topic = self.service.settings.transactions_topic
        offsets = {p: record.offset for (name, p), record in stored.items() if name == topic}
        return {
            partition: (offsets.get(partition), end)
            for partition, end in ends.items()
            if (offsets.get(partition) or 0) < end
        }

    def _waits_for(self) -> str:
        with suppress(UnavailableError):
            states = [slot.running.get("/readyz") for slot in self.slots]
            return f"{self.missing()}, /readyz {states}"
        return "Redis is away"

    def last_words(self) -> list[str]:
        """Return the end of what the workers wrote, where something is to be explained."""
        texts = [slot.last_words or slot.running.log() for slot in self.slots]
        return [line[:400] for text in texts for line in text.splitlines()[-4:]]

    def _codes(self) -> list[int]:
        return [code for slot in self.slots for code in slot.codes]

    def _supervise(self) -> None:
        while not self._is_over.wait(_RESTART_AFTER_S):
            with self._lock:
                for slot in self.slots:
                    if slot.is_wanted and slot.has_ended and not self._is_over.is_set():
                        slot.codes.append(int(slot.running.child.returncode or 0))
                        slot.last_words = slot.running.log()
                        slot.start()

    def stop(self) -> None:
        """Stop the workers for good."""
        self._is_over.set()
        self.service.stop()

    def _end(self, supervisor: threading.Thread) -> None:
        self._is_over.set()
        supervisor.join()
        with suppress(AssertionError):
            self.traffic.stop()
