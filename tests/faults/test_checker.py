"""The checker finds what it is told to find: each fault is planted, one by one, into a clean run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from redis import Redis

from streamer.embedded import EmbeddedKafka
from tests.faults.appended import complete, unknown
from tests.faults.checker import check, declared
from tests.faults.reading import messages_of
from tests.faults.stand import Stand
from tests.faults.traffic import Kind, Mix, Sent
from tests.faults.verdict_check import are_read
from tests.rig.waiting import wait_until

N = 3_000


@pytest.fixture(scope="module")
def stand(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Stand]:
    """A service that nothing has disturbed, at rest."""
    with Stand(kafka.bootstrap_servers, redis_url, n_partitions=2, mix=Mix(repeats=0.0)) as stand:
        stand.wait_ready(stand.add_worker())
        stand.traffic.send(N)
        assert stand.settle()
        stand.traffic.send(N)
        assert stand.settle()
        # Verdicts come by another topic, and need not be read as soon as the payments are.
        wait_until(lambda: are_read(stand.service, stand.traffic.verdicts), "verdicts are read")
        stand.stop()
        yield stand


def _partition(stand: Stand, number: int = 0) -> str:
    settings = stand.service.settings
    return f"streamer:{{{settings.namespace}}}:partition:{settings.transactions_topic}:{number}"


def test_a_run_that_nothing_disturbed_is_clean(stand: Stand) -> None:
    """All figures that must be 0 are, and the others add up by hand."""
    report = check(stand.service, stand.traffic)
    assert report.figures.is_clean, report
    assert report.findings == []
    assert report.figures.sent == report.figures.consumed == 2 * N
    kinds = Counter(record.kind for record in stand.traffic.sent)
    assert report.figures.scored == 2 * N - kinds["bad"] - kinds["passed over"]
    assert kinds["passed over"] > 0
    assert {record.kind for record in stand.traffic.verdicts} == {"verdict", "bad verdict"}
    assert report.figures.alerted > 0


def test_a_payment_that_was_never_scored_is_lost(stand: Stand) -> None:
    """One more is believed sent than the service has seen."""
    ghost = Sent(0, 0, 10**6, "payment", "ghost", b"card", _some_value(stand))
    stand.traffic.sent.append(ghost)
    try:
        report = check(stand.service, stand.traffic)
    finally:
        stand.traffic.sent.remove(ghost)
    assert report.figures.lost == 1
    assert any("without a score: 0/1000000" in line for line in report.findings), report


def _some_value(stand: Stand) -> bytes | None:
    return next(record.value for record in stand.traffic.sent if record.kind == "payment")


def test_a_payment_learned_twice_is_found_in_ledger_and_model(stand: Stand) -> None:
    """One payment fewer is believed sent: the service has learned one too many."""
    index = next(i for i, record in enumerate(stand.traffic.sent) if record.kind == "payment")
    taken = stand.traffic.sent.pop(index)
    try:
        figures = check(stand.service, stand.traffic).figures
    finally:
        stand.traffic.sent.insert(index, taken)
    assert (figures.learned_twice, figures.lost) == (1, 0)
    # Its card and its spending have it in them; merchants hold how unusual it was for the card.
    assert figures.states_differing >= 2


def test_a_state_that_differs_in_one_field_is_found(stand: Stand, redis_url: str) -> None:
    """The eighth byte of the second number: a sum that is a little larger."""
    settings = stand.service.settings
    key = f"streamer:{{{settings.namespace}}}:cards:{settings.transactions_topic}:0"
    with Redis.from_url(redis_url) as client:
        card, state = next(iter(client.hgetall(key).items()))
        other = bytearray(state)
        other[14] ^= 1
        client.hset(key, card, bytes(other))
        try:
            report = check(stand.service, stand.traffic)
        finally:
            client.hset(key, card, state)
    assert report.figures.states_differing == 1
    assert card.decode() in report.findings[0]


def test_a_ledger_that_counts_a_record_too_many_is_found(stand: Stand, redis_url: str) -> None:
    """A dead letter that was none, and the balance kept."""
    with Redis.from_url(redis_url) as client:
        for name in ("dead_lettered", "consumed"):
            client.hincrby(_partition(stand), name, 1)
        try:
            report = check(stand.service, stand.traffic)
        finally:
            for name in ("dead_lettered", "consumed"):
                client.hincrby(_partition(stand), name, -1)
    assert report.figures.others == 1
    assert "dead_lettered must be" in report.findings[0]


def test_a_refund_that_was_taken_for_something_else_is_found(stand: Stand) -> None:
    """One that was passed over is believed to be a message that cannot be scored."""
    with _believed(stand.traffic.sent, "passed over", "bad"):
        report = check(stand.service, stand.traffic)
    assert any("skipped must be" in line for line in report.findings), report
    assert any("no dead letter for partition" in line for line in report.findings), report


def test_a_verdict_that_should_be_a_dead_letter_or_should_not_is_found(stand: Stand) -> None:
    """Two are believed to be the other kind."""
    with (
        _believed(stand.traffic.verdicts, "verdict", "bad verdict"),
        _believed(stand.traffic.verdicts, "bad verdict", "verdict", at=-1),
    ):
        report = check(stand.service, stand.traffic)
    assert report.figures.others == 2
    assert any("no dead letter for the verdict" in line for line in report.findings), report


@contextmanager
def _believed(sent: list[Sent], kind: Kind, other: Kind, at: int = 0) -> Iterator[None]:
    index = [i for i, record in enumerate(sent) if record.kind == kind][at]
    before = sent[index]
    sent[index] = replace(before, kind=other)
    try:
        yield
    finally:
        sent[index] = before


def test_an_alert_on_an_aborted_payment_is_found(stand: Stand) -> None:
    """A payment that has alerted is believed aborted."""
    alert = stand.service.alerts()[0]
    payment_id = alert.transaction.transaction_id
    index = next(i for i, r in enumerate(stand.traffic.sent) if r.payment_id == payment_id)
    before = stand.traffic.sent[index]
    stand.traffic.sent[index] = replace(before, kind="aborted")
    try:
        report = check(stand.service, stand.traffic)
    finally:
        stand.traffic.sent[index] = before
    assert any("never happened" in line for line in report.findings), report
    assert report.figures.learned_twice == 1


def test_what_the_log_holds_and_nobody_acknowledged_is_known_by_its_content(stand: Stand) -> None:
    """A payment whose acknowledgement did not say where it is, and the whole log to look in."""
    traffic, topic = stand.traffic, stand.service.settings.transactions_topic
    assert complete(stand.service, traffic) == []
    index = next(i for i, record in enumerate(traffic.sent) if record.kind == "payment")
    taken = traffic.sent.pop(index)
    try:
        found = unknown(traffic, traffic.sent, messages_of(stand.service, topic))
    finally:
        traffic.sent.insert(index, taken)
    assert [(r.partition, r.offset, r.payment_id) for r in found] == [
        (taken.partition, taken.offset, taken.payment_id)
    ]


def test_an_alert_that_comes_again_is_found(stand: Stand) -> None:
    """The very message once more; the last of these tests, since it stays on the topic."""
    settings = stand.service.settings
    message = stand.service.read(settings.alerts_topic)[0]
    stand.service.produce([(message.key(), message.value())], settings.alerts_topic, partition=0)
    figures = check(stand.service, stand.traffic).figures
    assert (figures.alerted_twice, figures.others) == (1, 0)


def _loss(cause: str, epoch: int, first: int, beyond: int) -> dict[str, str]:
    return {
        "cause": cause,
        "epoch": str(epoch),
        "partition": "transactions/0",
        "first_offset": str(first),
        "next_offset": str(beyond),
    }


def _record(offset: int, log: int = 0, partition: int = 0) -> Sent:
    return Sent(log, partition, offset, "payment", f"p-{log}-{offset}", b"k", b"v")


def test_what_is_declared_lost_is_a_range_of_offsets_of_one_log() -> None:
    """The epoch of a loss says whether it is of the log there is or of the one before it."""
    old, new = [_record(n) for n in range(4)], [_record(n, log=1) for n in range(4)]
    elsewhere = _record(1, log=1, partition=1)
    sent, logs = [*old, *new, elsewhere], {0: 1, 1: 1}
    retention, store = _loss("retention", 3, 1, 3), _loss("store", 2, 0, 2)
    epochs = {0: 3, 1: 3}
    assert declared(sent, [retention], "transactions", logs, epochs) == {new[1], new[2]}
    assert declared(sent, [store], "transactions", logs, epochs) == {old[0], old[1]}
    assert declared(sent, [retention], "another", logs, epochs) == set()
