"""Answers of a real service against the scores of a real worker: equal, moved on, or unexplained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from streamer.contract.decision_message import Decision
from streamer.embedded import EmbeddedKafka
from streamer.serving import decision_log
from streamer.skew.skew_outcomes import OUTCOMES, UNSCORED
from streamer.skew.skew_process import once
from streamer.skew.skew_tally import Tally
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.rig.topics import create_topic
from tests.rig.waiting import wait_until
from tests.serving.stored_service import by_murmur2
from tests.serving.test_native_door import Door, served
from tests.stream.harness import Record, Service, Worker, payments

N_PARTITIONS = 2
N_LEARNED = 2_000
PAYMENTS = payments(N_LEARNED + 400, seed=5)


@pytest.fixture(scope="module")
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    made = Service(
        kafka.bootstrap_servers,
        redis_url,
        n_partitions=N_PARTITIONS,
        scores_enabled="true",
        features_enabled="true",
        duplicate_window_offsets="0",
    )
    topic = f"decisions-{made.id}"
    made.env["STREAMER_SERVE_DECISIONS_TOPIC"] = topic
    made.create_topics()
    create_topic(AdminClient(librdkafka_config(made.settings)), topic, N_PARTITIONS)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def worker(service: Service) -> Worker:
    made = service.worker().wait_ready()
    publish(service, PAYMENTS[:N_LEARNED])
    return made


def publish(service: Service, records: list[Record]) -> None:
    """Publish payments as Java does, by card, and wait until they are in a checkpoint.

    The client of the decisions' log would choose other partitions by itself.
    """
    by_partition: dict[int, list[Record]] = {}
    for record in records:
        by_partition.setdefault(by_murmur2(record[0] or b"", N_PARTITIONS), []).append(record)
    for partition, own in by_partition.items():
        service.produce(own, partition=partition)
    service.wait_consumed(sum(service.n_sent))


def head_of(service: Service) -> str:
    async def work(store):  # type: ignore[no-untyped-def]
        return (await store.head()).id

    return str(service.ask(work))


def ask(service: Service, door: Door, record: Record) -> None:
    """Ask about a payment once the server answers with the worker's version."""
    head = head_of(service)
    wait_until(lambda: door.ask("/readyz")[1].get("model_version") == head, "the head is taken up")
    assert door.ask("/v1/score", record[1])[0] == 200


def fields(record: Record) -> dict[str, str]:
    found: dict[str, str] = json.loads(record[1] or b"")
    return found


def outcomes(service: Service, n: int) -> Tally:
    """Return what came of the answers once all of them have been compared."""

    def compared() -> Tally | None:
        tally, n_waiting = once(service.settings, 0, 600)
        return tally if not n_waiting and sum(tally.counts.values()) >= n else None

    found: Tally = wait_until(compared, f"{n} answers have met their scores")
    return found


def test_answers_are_equal_or_say_what_came_between_or_are_unexplained(
    service: Service, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = PAYMENTS[N_LEARNED:]
    cards = [fields(record)["card_id"] for record in following]
    alone = following[0]
    # The first two payments of one card that is not the first one's.
    second = next(i for i in range(1, 400) if cards[i] in cards[1:i] and cards[i] != cards[0])
    first = cards.index(cards[second])
    later = next(i for i in range(second + 1, 400) if cards[i] not in (cards[0], cards[second]))
    with served(service.settings) as door:
        ask(service, door, alone)
        publish(service, [alone])
        tally = outcomes(service, 1)
        assert tally.counts["equal"] + tally.counts["other_line"] == 1, tally.words(0)

        ask(service, door, following[second])
        publish(service, [following[first], following[second]])
        tally = outcomes(service, 2)
        assert tally.counts["state_moved"] == 1, tally.words(0)
        assert not tally.unexplained

        def altered(*told: Any) -> Decision:
            made = decision_of(*told)
            amount = (made.features["amount"] or 0.0) * (1 + 2**-52)
            return replace(made, features=made.features | {"amount": amount})

        decision_of = decision_log.decision_of
        monkeypatch.setattr(decision_log, "decision_of", altered)
        ask(service, door, following[later])
        publish(service, [following[later]])
        tally = outcomes(service, 3)
        assert tally.counts["unexplained"] == 1, tally.words(0)
        [sides] = tally.unexplained
        assert list(sides["features"]) == ["amount"]
        assert sides["score"][0] is not None
        assert cards[later] not in tally.words(0)
    messages = service.read(service.settings.serve_decisions_topic or "")
    decisions = [msgspec.json.decode(m.value() or b"", type=Decision) for m in messages]
    assert [m.partition() for m in messages] == [d.answer.partition for d in decisions]
    assert {(d.door, d.client) for d in decisions} == {("native", "127.0.0.1")}


def test_an_answer_that_waited_through_a_restart_is_compared(
    service: Service, worker: Worker
) -> None:
    waiting, last = PAYMENTS[-2:]
    follower = following(service)
    with served(service.settings) as door:
        ask(service, door, waiting)
        follower.wait_metric(lambda n: n == 1, "streamer_serve_skew_waiting")
        assert follower.terminate() == 0
        publish(service, [waiting])
        again = following(service)
        wait_until(lambda: n_compared(again) == 1, again.log)
        ask(service, door, last)
        publish(service, [last])
        wait_until(lambda: n_compared(again) == 2, again.log)
        assert again.metric("streamer_serve_skew_total", outcome="unexplained") == 0
    assert again.terminate() == 0
    assert "Traceback" not in again.log()


def following(service: Service) -> Worker:
    """Return a process that compares what comes from now on."""
    made = service.worker(("-m", "streamer", "skew", "--follow"))
    wait_until(lambda: made.wrote("answers are held against scores"), made.log)
    return made


def n_compared(follower: Worker) -> float:
    return sum(
        follower.metric("streamer_serve_skew_total", outcome=outcome)
        for outcome in OUTCOMES.keys() - UNSCORED
    )
