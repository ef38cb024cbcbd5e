"""A version's way into service, and a bad one's way out, on a broker, a Redis and two workers.

Fit, challenger, gate, canary, all partitions; then a version whose features lie in another order is
forced in, as one of another release would have them, and workers go back by themselves.  Payments come
all the while.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from click.testing import CliRunner
from confluent_kafka import Producer

from streamer.cli import main
from streamer.datafiles import write_rows
from streamer.model import Sums
from streamer.model.codec import decode_version, encode_version, state_id
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.stream.harness import Record, Service, wait_until

__all__ = ["SETTINGS", "Drill", "Length", "findings"]

N_CLUSTERS: Final = "4"
BUDGET: Final = 0.02
SETTINGS: Final = {
    "n_clusters": N_CLUSTERS,
    "warmup_transactions": "500",
    "alert_budget": str(BUDGET),
    "checkpoint_interval_s": "0.5",
}
# A week of 600 customers: what is measured on it varies more than on a bank's, and the head learns on.
_POLICY: Final = """\
min_transactions = 2_000
min_payments = 1_000
max_budget_ratio = 2.0
max_worst_5000 = 3.0
max_precision_drop = 0.2
max_recall_drop = 0.2
max_psi = 10.0
max_group_ratio = 20.0
"""
_TICK_S: Final = 0.2
_COMPARED: Final = 1_000
_WINDOW: Final = 5_000


@dataclass(frozen=True, slots=True)
class Length:
    """How many payments a week has, how many come a second, and how long a canary is watched."""

    n_week: int = 16_000
    per_s: int = 500
    canary: str = "15s"


class _Traffic(threading.Thread):
    """Sends a simulator's next payments, each to the partition of its card."""

    def __init__(self, service: Service, simulator: Simulator, per_s: int) -> None:
        super().__init__(name="traffic of the drill")
        self._service, self._simulator = service, simulator
        self._n = round(per_s * _TICK_S)
        self._ended = threading.Event()

    def run(self) -> None:
        service = self._service
        producer = Producer(librdkafka_config(service.settings, **{"enable.idempotence": True}))
        while not self._ended.wait(_TICK_S):
            for record in self._simulator.generate(self._n).records():
                self._send(producer, record)
            producer.poll(0)
        producer.flush()

    def _send(self, producer: Producer, record: Record) -> None:
        key, value = record
        partition = crc32(key or b"") % self._service.n_partitions
        producer.produce(self._service.settings.transactions_topic, value, key, partition)
        self._service.n_sent[partition] += 1

    def stop(self) -> None:
        self._ended.set()
        self.join()


@dataclass
class Drill:
    """One run; ``folder`` takes its files, ``say`` each step as it is done."""

    service: Service
    folder: Path
    length: Length = field(default_factory=Length)
    say: Callable[[str], object] = print
    rolled_back_after_s: float = -1.0
    good: str = ""
    challenged: bool = False

    def run(self) -> None:
        """Do all of it and leave the service at rest."""
        simulator = Simulator(SimulatorConfig(seed=5, n_customers=600, n_merchants=200))
        week = simulator.generate(self.length.n_week).rows()
        first, good, bad = self._fitted(week)
        self._model("import", str(first), "--promote")
        for _ in range(2):
            self.service.worker()
        for worker in self.service.workers:
            worker.wait_ready()
        traffic = _Traffic(self.service, simulator, self.length.per_s)
        traffic.start()
        try:
            self._until_all_count()
            self._challenge(good)
            self._take_over(good)
            self._go_wrong(bad)
        finally:
            traffic.stop()
        self.service.wait_consumed()

    def _fitted(self, week: list[dict[str, Any]]) -> tuple[Path, Path, Path]:
        """Return the version in use, a better one, and that with its features in another order."""
        for name, part in (("first", week[: len(week) // 2]), ("good", week)):
            path = self.folder / f"{name}.parquet"
            write_rows(path, [part])
            self._streamer("fit", str(path), "--out", str(self._file(name)), "--k", N_CLUSTERS)
            self.say(f"fitted {name} to {len(part):,} payments")
        good = self._file("good")
        config = model_config(self.service.settings)
        sums, header = decode_version(good.read_bytes(), config)
        self._file("bad").write_bytes(
            encode_version(_disordered(sums), header, config.feature_names)
        )
        return self._file("first"), good, self._file("bad")

    def _challenge(self, good: Path) -> None:
        """Have a version score beside the one in use, and tell how many of their alerts they share."""
        self._streamer("challenger", "start", "good", "--version", str(good))
        wait_until(lambda: self._compared()["payments_compared"] >= _COMPARED, "it is compared")
        found, self.challenged = self._compared(), True
        told = ", ".join(f"{n} of {who}" for who, n in found["alerts"].items())
        self.say(f"challenged on {found['payments_compared']:,} payments; alerts: {told}")
        self._streamer("challenger", "stop", "good")

    def _take_over(self, good: Path) -> None:
        """Have a version pass the gate, score one partition, and be promoted by a worker."""
        policy = self.folder / "gate.toml"
        policy.write_text(_POLICY)
        self._model("import", str(good))
        payments = "--payments", str(self.folder / "good.parquet"), "--labels", "none"
        canary = "--canary", "1", "--for", self.length.canary
        said = self._model("promote", self._id(good), *payments, "--policy", str(policy), *canary)
        self.say(said.strip().splitlines()[-1])
        wait_until(lambda: self._last("promotion"), "the canary is promoted")
        self.say(f"promoted by {self._last('promotion')['who']}")

    def _go_wrong(self, bad: Path) -> None:
        """Force a bad version in and wait until workers have left it."""
        self._model("import", str(bad))
        wait_until(lambda: self._watch()["facts"]["payments"] >= 600, "the good one is known")
        self.good = self.service.ask(lambda store: store.head()).id
        self._model("promote", self._id(bad), "--force", "a drill")
        wait_until(lambda: self._last("rollback"), lambda: f"a rollback, got {self._watch()}")
        gone_back, forced = self._last("rollback"), self._last("promotion")
        self.rolled_back_after_s = _seconds(gone_back["at"]) - _seconds(forced["at"])
        self.say(f"rolled back after {self.rolled_back_after_s:.0f} s: {gone_back['why']}")
        n = sum(self.service.n_sent)
        wait_until(lambda: self.service.totals().consumed > n, "payments go on")

    def _until_all_count(self) -> None:
        n = self.service.n_partitions
        wait_until(
            lambda: len(self.service.ask(lambda store: store.partitions())) == n,
            "every partition is read",
        )

    def _compared(self) -> Any:
        [found] = json.loads(self._streamer("challenger", "compare", "--json"))
        return found

    def _watch(self) -> Any:
        return json.loads(self._model("canary", "--json"))

    def _last(self, reason: str) -> dict[str, str]:
        entries = self.service.ask(lambda store: store.lineage(100_000))
        return next((entry for entry in entries if entry["reason"] == reason), {})

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def _id(self, path: Path) -> str:
        sums, _ = decode_version(path.read_bytes(), model_config(self.service.settings))
        return state_id(sums)

    def _model(self, *arguments: str) -> str:
        return self._streamer("model", *arguments)

    def _streamer(self, *arguments: str) -> str:
        result = CliRunner(env=self.service.env).invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout or result.stderr


def findings(drill: Drill) -> list[str]:
    """Return what is wrong of a drill that is over, one line each."""
    service = drill.service
    total = service.totals()
    entries = service.ask(lambda store: store.lineage(100_000))
    learned = sum(int(entry["transactions_new"]) for entry in entries if entry["reason"] == "merge")
    alerts, overflow = service.alerts(), service.overflow()
    ids = [alert.alert_id for alert in (*alerts, *overflow)]
    told = service.ask(lambda store: store.version(drill.good))[1]
    places: dict[int, list[int]] = defaultdict(list)
    for alert in alerts:
        places[alert.source.partition].append(alert.source.offset)
    most = max((_fullest(sorted(each)) for each in places.values()), default=0)
    back = next(entry for entry in entries if entry["reason"] == "rollback")
    wrong = {
        f"the ledger must balance, got {total}": total.imbalance != 0,
        f"{sum(service.n_sent):,} payments must be consumed, got {total.consumed:,}": (
            total.consumed != sum(service.n_sent)
        ),
        f"branches must have learned {total.scored:,} payments, got {learned:,}": (
            learned != total.scored
        ),
        "an alert must come once": len(ids) != len(set(ids)),
        f"{total.alerted:,} alerts must be on the topic, got {len(alerts):,}": (
            len(alerts) != total.alerted
        ),
        f"a partition must alert at most twice its budget, got {most} of {_WINDOW:,}": (
            most > 2 * BUDGET * _WINDOW
        ),
        f"a rollback must come within 60 s, got {drill.rolled_back_after_s:.0f} s": not (
            0 <= drill.rolled_back_after_s <= 60
        ),
        "the head must be of the good version's branch": (
            int(_head_merge(entries)) < told.sums.transactions_seen
            or back["replaced"] == drill.good
        ),
    }
    return [line for line, is_wrong in wrong.items() if is_wrong]


def _disordered(sums: Sums) -> Sums:
    """Return sums over the same payments, each feature in the place of another."""
    names = (
        "cluster_known",
        "cluster_sums",
        "cluster_sums_sq",
        "anchor_centers",
        "anchor_variances",
        "feature_weights",
        "feature_sums",
        "feature_sums_sq",
        "feature_addends",
    )
    return replace(sums, **{name: getattr(sums, name)[..., ::-1].copy() for name in names})


def _head_merge(entries: Sequence[dict[str, str]]) -> str:
    """Return how many payments the head has seen, by the newest entry that moved it."""
    return next(e for e in entries if e.get("branch") != "canary")["transactions_seen"]


def _fullest(places: list[int]) -> int:
    """Return how many of sorted places lie in the window that has most of them."""
    first, most = 0, 0
    for last, place in enumerate(places):
        while place - places[first] >= _WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
