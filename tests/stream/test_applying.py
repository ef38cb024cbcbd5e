"""Verdicts reach what is learned: once, whatever crashes, with the checkpoint that holds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from streamer.settings import load_settings
from streamer.starting.wiring import model_config
from streamer.verdicts import UnjudgedBuffer
from tests.store.helpers import UNREAD
from tests.stream.harness import Record, Service, payments, wait_until

MakeService = Callable[..., Service]


def verdicts(records: list[Record], numbers: range) -> list[Record]:
    """Return a reviewer's verdict on each of the payments ``numbers``."""
    found = []
    for i in numbers:
        payment = json.loads(records[i][1] or b"")
        verdict = {
            "transaction_id": payment["transaction_id"],
            "card_id": payment["card_id"],
            "merchant_id": payment.get("merchant_id"),
            "verdict": "fraud" if i % 3 == 0 else "legitimate",
            "origin": "reviewer",
            "decided_at": datetime.now(UTC).isoformat(),
        }
        found.append((payment["card_id"].encode(), json.dumps(verdict).encode()))
    return found


def verdicts_learned(service: Service) -> int:
    return service.ask(lambda store: store.head()).sums.verdicts_learned


def told(service: Service) -> list[str]:
    """Return which payments people are told a lesson of, each as often as they are."""
    lessons = service.ask(lambda store: store.lessons(1_000))
    return sorted(each.lesson.transaction_id for each in lessons)


def named(records: list[Record], numbers: range) -> list[str]:
    return sorted(json.loads(records[i][1] or b"")["transaction_id"] for i in numbers)


def waiting(service: Service) -> int:
    """Return how many payments wait for a verdict in Redis, over all partitions."""
    topic = service.settings.transactions_topic
    return sum(
        _waiting(service.ask(lambda store, p=p: store.load_all(topic, p, "labels")))
        for p in range(service.n_partitions)
    )


def _waiting(stored: dict[str, bytes]) -> int:
    buffer = UnjudgedBuffer(model_config(load_settings({})).n_inputs, capacity=10_000)
    buffer.load(stored)
    return len(buffer)


def test_each_verdict_is_learned_once_also_when_the_worker_dies_and_reads_them_again(
    make_service: MakeService,
) -> None:
    service = make_service(checkpoint_interval_s="0.2")
    sent = payments(1_500)
    feedback = service.settings.feedback_topic
    worker = service.worker().wait_ready()
    service.produce(sent[:600])
    service.wait_consumed()
    # Those met a model without centers, and are not kept; the next are.
    service.produce(sent[600:1_200])
    service.wait_consumed()
    n_waiting = wait_until(lambda: waiting(service), worker.log)
    assert 0 < n_waiting <= 600
    worker.kill()
    worker = service.successor(checkpoint_interval_s="600")
    judged = verdicts(sent, range(1_100, 1_130))
    service.produce([*judged, *judged[:5]], feedback, partition=0)
    # Both partitions see every verdict, for the sake of the merchant; one of them has the payment.
    worker.wait_metric(lambda n: n == 60, "streamer_verdicts_applied_total", outcome="standing")
    worker.wait_metric(lambda n: n == 10, "streamer_verdicts_applied_total", outcome="ignored")
    assert worker.metric("streamer_verdicts_learned_total") == 30
    # Learned in memory only: a crash now loses nothing, since the verdicts are read again.
    assert verdicts_learned(service) == 0
    worker.kill()
    successor = service.successor()
    successor.wait_metric(lambda n: n == 60, "streamer_verdicts_applied_total", outcome="standing")
    # They make a version though no payment comes.
    wait_until(lambda: verdicts_learned(service) == 30, successor.log)
    assert told(service) == named(sent, range(1_100, 1_130))
    # And now that a checkpoint holds them, they are not learned again.
    successor.kill()
    last = service.successor()
    service.produce(verdicts(sent, range(1_130, 1_131)), feedback, partition=1)
    last.wait_metric(lambda n: n == 2, "streamer_verdicts_applied_total", outcome="standing")
    wait_until(lambda: verdicts_learned(service) == 31, last.log)
    service.produce(sent[1_200:])
    service.wait_consumed()
    assert verdicts_learned(service) == 31
    assert told(service) == named(sent, range(1_100, 1_131))
    assert last.metric("streamer_verdicts_applied_total", outcome="ignored") == 0
    service.assert_exact()


def test_a_verdict_from_the_far_future_is_a_dead_letter(make_service: MakeService) -> None:
    service = make_service()
    worker = service.worker().wait_ready()
    late = json.dumps(
        {
            "transaction_id": "t-1",
            "card_id": "card-1",
            "verdict": "fraud",
            "origin": "reviewer",
            "decided_at": "2999-01-01T00:00:00Z",
        }
    ).encode()
    service.produce([(b"card-1", late)], service.settings.feedback_topic, partition=0)
    dead_topic = service.settings.feedback_dead_letters_topic
    letters = wait_until(lambda: service.dead_letters(dead_topic), worker.log)
    [(message, headers)] = letters
    assert message.value() == late
    assert headers["streamer-reason"] == "timestamp_in_future"
    assert headers["streamer-path"] == "$.decided_at"


def test_verdicts_that_were_trimmed_unread_are_counted_by_each_partition(
    make_service: MakeService,
) -> None:
    """1,000 came while no worker read them, of which Redis keeps 100 to 200."""
    service = make_service(feedback_max_entries="100")
    topic = service.settings.feedback_topic
    [(_, verdict)] = verdicts(payments(1), range(1))
    entries = [(offset, {"feedback": (verdict or b"").decode()}) for offset in range(1_000)]
    service.produce([(None, verdict)] * 1_000, topic, partition=0)
    service.ask(lambda store: store.add_feedback(topic, 0, 1_000, entries, UNREAD))
    n_lost = service.ask(lambda store: store.read_feedback(topic, 0, 0, 1)).n_lost
    assert 800 <= n_lost <= 900
    worker = service.worker().wait_ready()
    service.produce(payments(10))
    wait_until(
        lambda: worker.metric("streamer_verdicts_lost_total") == service.n_partitions * n_lost,
        lambda: f"{worker.metric('streamer_verdicts_lost_total')} {worker.log()}",
    )
    assert "trimmed before they were learned" in worker.log()
