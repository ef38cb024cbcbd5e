"""Payments of the demo with what their labels say, and what of the verdicts has arrived."""

from __future__ import annotations

from streamer.contract.ledger import Ledger
from streamer.demo.payment_source import PaymentBatch, from_simulator
from streamer.demo.verdict_sender import n_stored
from streamer.simulator import Simulator, SimulatorConfig
from streamer.store import PartitionRecord


def test_the_frauds_of_a_batch_are_those_that_are_labelled_and_can_be_scored() -> None:
    """A genuine one, one without a label, one that the worker will refuse, and one that counts."""
    batch = PaymentBatch(
        [(b"card", b"{}")] * 4,
        ["a", "b", "c", "d"],
        [None, "unlabelled", "card_testing", "card_testing"],
        [1, 2, None, 4],
        ["m"] * 4,
    )
    assert list(batch.frauds()) == [("d", "card", "m", 4)]
    unlabelled = PaymentBatch([(b"card", b"{}")], ["a"], None, [1])
    assert list(unlabelled.frauds()) == []


def test_simulated_payments_go_on_where_they_were() -> None:
    simulator = Simulator(SimulatorConfig(seed=7))
    first = [i for batch in from_simulator(simulator, 2_500) for i in batch.transaction_ids]
    (second,) = from_simulator(simulator, 10)
    assert len(first) == 2_500
    assert not set(first) & set(second.transaction_ids)


def test_what_is_stored_of_the_feedback_is_the_sum_of_its_partitions() -> None:
    def record(n_stored: int | None) -> PartitionRecord:
        return PartitionRecord(9, Ledger(), 1, None, n_stored=n_stored)

    records = {
        ("feedback", 0): record(5),
        ("feedback", 1): record(2),
        ("feedback", 2): record(None),
        ("paid", 0): record(None),
    }
    assert n_stored(records, "feedback") == 7
    assert n_stored({}, "feedback") == 0
