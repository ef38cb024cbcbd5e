"""Redis away: scoring and alerting go on and say so; checkpoints and commits wait."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from streamer.policies import changed_policy, policy_of
from tests.faults.crashing import crashing
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Record, Service, Worker, payments, wait_until

N_BEFORE = 4_000
UP = "streamer_dependency_up"


class Outage:
    """A worker with a model, and a Redis of its own that a test may stop."""

    def __init__(self, kafka: EmbeddedKafka, **settings: str) -> None:
        # It comes back where it was; meanwhile nobody else may be given its port.
        self.redis = EmbeddedRedis(port=stable_port()).start()
        # Calls that hang are given up after the usual 5 s: after less, a worker of a loaded machine
        # would say of a Redis that is well that it is away.
        self.service = Service(kafka.bootstrap_servers, self.redis.url, **settings)
        self._records = iter(payments(40_000))

    def start(self) -> Worker:
        worker = self.service.create_topics().worker().wait_ready()
        self.send(N_BEFORE)
        self.service.wait_consumed()
        wait_until(lambda: self.service.committed() == self.service.n_sent, worker.log)
        return worker

    def send(self, n: int) -> None:
        records: list[Record] = [next(self._records) for _ in range(n)]
        self.service.produce(records)

    def send_until_noticed(self, worker: Worker) -> None:
        """Go on sending until alerts say that Redis is away."""
        self.send(100)
        worker.wait_metric(lambda n: n == 0, UP, name="redis")
        self.send(2_000)
        wait_until(lambda: "redis-unavailable" in {a.mode for a in self.service.alerts()}, "mode")

    def stop(self) -> None:
        self.redis.process.send_signal(signal.SIGCONT)
        self.service.stop()
        self.redis.stop()


@pytest.fixture
def outage(kafka: EmbeddedKafka) -> Iterator[Outage]:
    outage = Outage(kafka)
    yield outage
    outage.stop()


def test_a_redis_that_hangs_and_recovers_leaves_the_ledger_exact(outage: Outage) -> None:
    """Alerts go on with their mode, nothing is committed, and afterwards all is as it should be."""
    worker, service = outage.start(), outage.service
    outage.redis.process.send_signal(signal.SIGSTOP)
    outage.send_until_noticed(worker)
    assert service.committed() == [N_BEFORE // 2] * 2
    failures = "streamer_checkpoint_failures_total"
    worker.wait_metric(lambda n: n >= 1, failures, cause="redis")
    assert worker.get("/readyz")[0] == 200
    outage.redis.process.send_signal(signal.SIGCONT)
    worker.wait_metric(lambda n: n == 1, UP, name="redis")
    first_after = list(service.n_sent)
    outage.send(3_000)
    service.wait_consumed()
    service.assert_exact()
    late = [a for a in service.alerts() if a.source.offset >= first_after[a.source.partition]]
    assert {alert.mode for alert in late} == {"normal"}
    wait_until(lambda: service.committed() == service.n_sent, worker.log)


def test_verdicts_wait_for_redis_without_holding_up_payments(outage: Outage) -> None:
    """More batches of them than the worker holds; afterwards each counts once.

    The worker is ready all the while, until their partitions have been claimed again too.
    """
    worker, service = outage.start(), outage.service
    topic, known = service.settings.feedback_topic, service.alerts()[:30]
    outage.redis.process.send_signal(signal.SIGSTOP)
    n_scored = sum(worker.n_scored().values())
    for i, alert in enumerate(known):
        verdict = json.dumps({"alert_id": alert.alert_id, "is_fraud": True}).encode()
        service.produce([(None, verdict)], topic=topic, partition=i % service.n_partitions)
        outage.send(20)
        n_scored += 20
        worker.wait_scored(n_scored)
    worker.wait_metric(lambda n: n == 0, UP, name="redis")
    status, told = worker.get("/readyz")
    assert status == 200, told
    outage.redis.process.send_signal(signal.SIGCONT)
    received, answers = "streamer_verdicts_received_total", set[tuple[int, str]]()

    def all_received() -> bool:
        answers.add(worker.get("/readyz"))
        return worker.metric(received, verdict="fraud") >= len(known)

    wait_until(all_received, worker.log)
    assert {status for status, _ in answers} == {200}, answers
    service.wait_consumed()
    service.assert_exact()
    assert worker.metric(received, verdict="fraud") == len(known)
    assert service.dead_letters(service.settings.feedback_dead_letters_topic) == []


def test_a_redis_that_comes_back_empty_ends_the_worker_and_its_successor_declares_the_loss(
    outage: Outage,
) -> None:
    """4,000 payments were committed: they are lost in ledger and lineage, and no alert comes twice."""
    worker, service = outage.start(), outage.service
    port = outage.redis.port
    outage.redis.process.send_signal(signal.SIGKILL)
    outage.redis.stop()
    outage.send_until_noticed(worker)
    assert service.committed() == [N_BEFORE // 2] * 2
    outage.redis = EmbeddedRedis(port=port).start()
    assert worker.child.wait(DEADLINE_S) == 1
    assert "which this worker saw first, got none" in worker.log()
    successor = service.worker().wait_ready()
    total = service.wait_consumed()
    assert (total.consumed, total.lost, total.imbalance) == (sum(service.n_sent), N_BEFORE, 0)
    assert total.scored == sum(service.n_sent) - N_BEFORE
    assert service.ask(lambda store: store.head()).sums.transactions_seen == total.scored
    assert service.offsets() == service.n_sent
    losses = [e for e in service.ask(lambda store: store.lineage(1_000)) if e["reason"] == "loss"]
    half = str(N_BEFORE // 2)
    assert {(e["cause"], e["first_offset"], e["next_offset"]) for e in losses} == {
        ("store", "0", half)
    }
    assert len(losses) == 2
    assert len(successor.json("/readyz")["warnings"]) == 2
    for p in range(2):
        lost = successor.metric("streamer_records_lost_total", partition=str(p), cause="store")
        assert lost == N_BEFORE // 2
    ids = [alert.alert_id for alert in service.alerts()]
    assert len(ids) == len(set(ids))


@pytest.fixture
def alarming(kafka: EmbeddedKafka) -> Iterator[Outage]:
    """A service that alerts on a twentieth of all payments."""
    outage = Outage(kafka, alert_budget="0.05")
    yield outage
    outage.stop()


def test_a_worker_killed_in_an_outage_and_again_in_its_replay_sends_no_alert_twice(
    alarming: Outage,
) -> None:
    """The replay's checkpoints must not pass the alerts that the outage left on the topic.

    It has four times the budget and begins with the model version that scored in the outage: of its
    first 1,000 payments it alerts on what the first life did, and on some 150 more.  Then a checkpoint
    falls due, and the second of them is the last thing that happens in this life.
    """
    outage = alarming
    worker, service = outage.start(), outage.service
    outage.redis.process.send_signal(signal.SIGSTOP)
    outage.send_until_noticed(worker)
    outage.send(10_000)
    worker.wait_scored(sum(service.n_sent))
    worker.kill()
    outage.redis.process.send_signal(signal.SIGCONT)
    n_before = len(service.alerts())
    service.put_in_force(changed_policy(policy_of(service.settings), {"alert_budget": "0.2"}))
    group = f"{service.settings.consumer_group}-again"
    by_number = {"consumer_group": group, "checkpoint_interval_s": "3600"}
    again = service.worker(crashing("before-commit", 2), **by_number)
    assert again.child.wait(DEADLINE_S) == -signal.SIGKILL, again.log()
    assert N_BEFORE < service.totals().consumed < sum(service.n_sent)
    # A checkpoint behind an alert of its own is what used to pass those of the first life.
    assert len(service.alerts()) > n_before + 50
    service.successor()
    service.wait_consumed()
    total = service.assert_exact()
    assert total.alerted > 100
