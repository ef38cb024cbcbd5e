"""Everything that one seed needs, and its run from the first payment to the last check."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from faust.types import TP

from streamer.errors import StreamerError
from streamer.features import FEATURE_NAMES
from streamer.pipeline import PipelineConfig
from streamer.settings import Settings
from streamer.telemetry.metrics import Metrics
from streamer.verdicts import VerdictConfig
from tests.builders import pipeline_config
from tests.simulation.accounts import Books
from tests.simulation.broker import Broker
from tests.simulation.checker import Checker
from tests.simulation.counters import Unmeasured
from tests.simulation.faults import inflict
from tests.simulation.group import Group
from tests.simulation.input_logs import InputLog
from tests.simulation.loop import Process, SimulationLoop, StalledError
from tests.simulation.operator import Operator
from tests.simulation.payments import REPEAT_WINDOW, TOPIC
from tests.simulation.scenario import Fault, Scenario
from tests.simulation.simulated_redis import SimulatedRedis
from tests.simulation.worker import Worker

__all__ = ["Result", "World"]

SESSION_S: Final = 6.0
# How long a supervisor takes to start a process again; longer than a dead one's messages travel.
_RESTART_S: Final = (1.5, 4.0)
_HELD_BACK: Final = 2
# After the faults: time for sessions to end, claims to be retried, and everything to be read.
_HEALED_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one seed."""

    scenario: Scenario
    failure: str | None
    events: list[str]
    n_steps: int
    cause: BaseException | None = None
    cpu_s: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    """How often what has happened, where a world counts it."""


@cache
def _pipeline(is_small: bool, is_mute: bool) -> PipelineConfig:
    warmup = 1_000 if is_mute else 6 if is_small else 20
    config = pipeline_config(n_clusters=2, warmup=warmup, alert_budget=0.2)
    return replace(config, verdicts=VerdictConfig(capacity=0), repeat_window=REPEAT_WINDOW)


@cache
def _metrics(is_small: bool) -> Any:
    return Unmeasured() if is_small else Metrics("simulation", (), FEATURE_NAMES)


@cache
def _settings(batch_max_records: int, checkpoint_max_transactions: int) -> Settings:
    return Settings(
        namespace="simulation",
        checkpoint_interval_s=1.0,
        batch_max_records=batch_max_records,
        checkpoint_max_transactions=checkpoint_max_transactions,
        kafka_session_timeout_s=SESSION_S,
        cards_capacity=5 * checkpoint_max_transactions,
        merchants_capacity=5 * checkpoint_max_transactions,
    )


class World:
    """Broker, Redis, clock and workers of one seed."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        # The scenario was drawn from the seed; what is drawn on the way must be something else.
        self.rng = random.Random(f"{scenario.seed} on the way")
        self.loop = SimulationLoop(lambda: self.rng.uniform(0.001, 0.3))
        self.pipeline = _pipeline(scenario.is_small, scenario.is_mute)
        self.metrics = _metrics(scenario.is_small)
        self.settings = _settings(scenario.max_batch, scenario.checkpoint_max_transactions)
        self.broker = Broker(self.loop, self.rng)
        self.redis = SimulatedRedis(self.loop, self.rng)
        self.group = Group(
            self.loop,
            self.rng,
            scenario.n_partitions,
            SESSION_S,
            lambda: self.broker.is_away,
        )
        self.logs = {TP(TOPIC, p): InputLog("first") for p in range(scenario.n_partitions)}
        if scenario.has_verdicts:
            self.logs[TP(self.settings.feedback_topic, 0)] = InputLog("first of verdicts")
        self.n_at_first = scenario.length - _HELD_BACK
        """Records of a partition that come before the faults are over."""
        self.checker = Checker(self)
        self.workers: list[Worker] = []
        self.events: list[str] = []
        self.failure: str | None = None
        self.cause: BaseException | None = None
        self.is_flooded = False
        """Whether every payment is to alert."""
        self.is_healed = False
        self._n_lives = 0
        self.kill_at_checkpoint = math.inf
        self.away_at_claim_s: float | None = None
        self.snapshots: list[tuple[dict[str, Any], Books]] = []
        self.operator = Operator(self, random.Random(f"{scenario.seed} decides"))
        self.broker.on_appended = self.checker.appended
        self.broker.on_request = self.redis.on_request = self._strike
        self.redis.on_written = self.checker.written

    def run(self) -> Result:
        """Run the seed."""
        for i in range(self.scenario.n_workers):
            self._start(f"worker-{i}")
        self.operator.start()
        self._schedule()
        try:
            self.loop.run(self.scenario.horizon_s + _HEALED_WITHIN_S)
            if self.failure is None:
                self.checker.finish()
        except StalledError as error:
            self.failure = self.failure or f"{error}: {self._progress()}"
        finally:
            self.loop.close()
        return Result(self.scenario, self.failure, self.events, self.loop.n_steps, self.cause)

    def note(self, text: str) -> None:
        """Put a line into the trace."""
        self.events.append(f"{self.loop.time():9.3f}  {text}")

    def next_name(self) -> str:
        """Return a name that nothing else has: a store's id."""
        return f"{self.rng.getrandbits(64):016x}"

    def fail(self, text: str, cause: BaseException | None = None) -> None:
        """End the seed: the product did not do what it must."""
        if self.failure is None:
            self.note(f"FAILED: {text}")
            self.failure, self.cause = text, cause
        self.loop.is_over = True

    def fenced(self, worker: Worker, error: StreamerError) -> None:
        """End a worker that has found out that its partition is another's, or its store another one."""
        self.note(f"{worker.process.name} ends itself: {error}")
        self.checker.fenced(worker, error)
        self.kill(worker)

    def claimed(self) -> None:
        """Take Redis away where it is to go after the next claim."""
        for_s, self.away_at_claim_s = self.away_at_claim_s, None
        if for_s is not None and not self.is_healed:
            self.redis.is_away = True
            self.loop.in_world(for_s, self.redis.recover)

    def ended(self, worker: Worker) -> None:
        """Start another process after an orderly end."""
        self.kill(worker)

    def _start(self, name: str) -> None:
        self._n_lives += 1
        worker = Worker(self, name, self._n_lives)
        self.workers.append(worker)
        self.note(f"{worker.process.name} starts")
        worker.start()

    def kill(self, worker: Worker) -> None:
        if not worker.process.is_alive:
            return
        self.loop.kill(worker.process)
        self.workers.remove(worker)
        self.note(f"{worker.process.name} is gone")
        self.loop.in_world(self.rng.uniform(*_RESTART_S), self._start, worker.name)

    def freeze(self, worker: Worker, for_s: float) -> None:
        if not worker.process.is_running:
            return
        self.loop.freeze(worker.process)
        self.note(f"{worker.process.name} stands still for {for_s:.1f} s")
        self.loop.in_world(for_s, self._thaw, worker)

    def _thaw(self, worker: Worker) -> None:
        if worker.process.is_alive and worker.process.is_frozen:
            self.note(f"{worker.process.name} goes on")
            self.loop.thaw(worker.process)

    def cut_off(self, worker: Worker, fault: Fault) -> None:
        """Keep a worker that goes on from Kafka, and from Redis too where it is to be isolated."""
        process = worker.process
        if not process.is_cut_off:
            process.is_cut_off, process.is_isolated = True, fault.kind == "isolated"
            self.loop.in_world(fault.for_s, self._reconnect, worker)

    def _reconnect(self, worker: Worker) -> None:
        """Let a worker reach Kafka again, where another one may have its partitions by now."""
        worker.process.is_cut_off = worker.process.is_isolated = False
        self.look()

    def _strike(self, process: Process) -> None:
        """Kill or freeze a process in the middle of what it was doing, now and then."""
        if self.is_healed:
            return
        is_at_checkpoint = self.checker.n_checkpoints >= self.kill_at_checkpoint
        if not is_at_checkpoint and self.rng.random() >= self.scenario.sudden_share:
            return
        for worker in self.workers:
            if worker.process is process:
                if is_at_checkpoint:
                    self.kill_at_checkpoint = math.inf
                    self.kill(worker)
                elif "freeze" in self.scenario.kinds and self.rng.random() < 0.3:
                    self.freeze(worker, self.rng.choice((1.0, 12.0)))
                else:
                    self.kill(worker)
                return

    def _schedule(self) -> None:
        scenario = self.scenario
        for tp in self.logs:
            self._produce(tp, self.rng.randrange(scenario.length))
        for fault in scenario.faults:
            self.loop.in_world(fault.at_s, inflict, self, fault)
        if "redis restored" in scenario.kinds:
            self.loop.in_world(scenario.horizon_s / 5, self._take_snapshot)
        self.loop.in_world(scenario.horizon_s, self._heal)

    def _produce(self, tp: TP, n: int) -> None:
        """Let the log of a partition grow by ``n``, and again later."""
        if self.is_healed:
            return
        self.grow(tp, min(self.logs[tp].end + n, self.n_at_first))
        pause_s = self.rng.uniform(0.1, self.scenario.horizon_s / 5)
        self.loop.in_world(pause_s, self._produce, tp, self.rng.randint(1, 15))

    def grow(self, tp: TP, end: int) -> None:
        """Let a log grow to ``end``, or as far as it can be told from what it was."""
        log = self.logs[tp]
        if not self.scenario.is_mute:
            former = [worker.reading_former(tp) for worker in self.workers]
            end = min([end, *(position for position in former if position is not None)])
        if log.was_cut and self._reached(tp) > log.end:
            return
        if end > log.end:
            log.end = end
            self.look()

    def look(self) -> None:
        """Let everybody see what is there now, as those do who ask again and again."""
        self.group.changed()
        for worker in self.workers:
            worker.look()

    def broker_returns(self) -> None:
        """Let the broker answer again."""
        self.broker.is_away = False
        self.look()

    def _reached(self, tp: TP) -> int:
        """Return the offset of a log that somebody has come to."""
        stored, committed = self.checker.stored(tp).offset, self.group.committed.get(tp)
        if stored is None:
            stored = 0 if committed is None else committed.offset
        return max([stored, *(worker.farthest(tp) for worker in self.workers)])

    def recreate(self, topic: str) -> None:
        """Delete a topic and create it again; Kafka forgets what groups have committed of it."""
        name = self.next_name()
        for tp, log in self.logs.items():
            if tp.topic == topic:
                log.recreate(name)
                self.group.committed.pop(tp, None)
        self.look()
        self.note(f"topic {topic} is created again as {name}")

    def _take_snapshot(self) -> None:
        self.snapshots.append((self.redis.snapshot(), self.checker.books.copy()))
        self.loop.in_world(self.scenario.horizon_s / 5, self._take_snapshot)

    def _heal(self) -> None:
        self.note("no more faults")
        self.is_healed = True
        self.redis.broken_share = 0.0
        self.redis.recover()
        self.broker_returns()
        for worker in self.workers:
            self._reconnect(worker)
            self._thaw(worker)
        self._finish_when_done()

    def _finish_when_done(self) -> None:
        # A worker finds out that its Redis is another one when it has something to save there.
        for tp in self.logs:
            self.grow(tp, self.scenario.length)
        if all(self._is_done(tp) for tp in self.logs):
            self.loop.is_over = True
        else:
            self.loop.in_world(0.25, self._finish_when_done)

    def _is_done(self, tp: TP) -> bool:
        is_whole = self.logs[tp].end == self.scenario.length
        return is_whole and self.checker.is_done(tp)

    def _progress(self) -> str:
        return ", ".join(
            f"{tp.topic}/{tp.partition} {'done' if self._is_done(tp) else 'not done'}"
            for tp in self.logs
        )
