"""Labels arrive late, in order, never before their delay and less than an hour after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.messages import Feedback, Transaction
from streamer.datafiles import FileBatch
from streamer.durations import HOUR_MS
from streamer.evaluation import LabelFeed, PassConfig, run_pass
from streamer.evaluation.label_plan import NO_LABELS, LabelPlan
from streamer.evaluation.late_labels import MAX_LAG_MS, cuts
from streamer.evaluation.rows import NEVER, NO_LABEL
from streamer.intake.payment_columns import PaymentColumns
from streamer.offline.offline_partition import OfflinePartition
from streamer.offline.replay import replay
from tests.builders import ARRIVAL_MS, T0_MS, payment, pipeline_config


def transaction(number: int, time_ms: int) -> Transaction:
    fields = payment(number, (time_ms - T0_MS) / 1000, merchant_id=f"m-{number}")
    return msgspec.json.decode(json.dumps(fields).encode(), type=Transaction)


def fed(feed: LabelFeed, times_ms: list[int]) -> None:
    transactions = [transaction(i, time_ms) for i, time_ms in enumerate(times_ms)]
    names, n = PaymentColumns.of(transactions, np.array(times_ms)).names, len(times_ms)
    feed.add(names, times_ms, [0 if i % 2 == 1 else -1 for i in range(n)], [False] * n)


def test_a_verdict_is_due_exactly_its_delay_after_the_payment() -> None:
    feed = LabelFeed(LabelPlan(delay_ms=HOUR_MS))
    fed(feed, [T0_MS, T0_MS + 1])
    assert feed.due(T0_MS + HOUR_MS - 1) == []
    (verdict,) = feed.due(T0_MS + HOUR_MS)
    assert verdict == Feedback(
        transaction_id="t-0",
        card_id="card-1",
        verdict="legitimate",
        origin="chargeback",
        decided_at=transaction(0, T0_MS + HOUR_MS).timestamp,
        merchant_id="m-0",
    )
    assert [v.verdict for v in feed.due(T0_MS + HOUR_MS + 1)] == ["fraud"]
    assert feed.due(T0_MS + 10 * HOUR_MS) == []


def test_verdicts_of_payments_that_came_out_of_order_come_in_order() -> None:
    feed = LabelFeed(LabelPlan(delay_ms=HOUR_MS))
    fed(feed, [T0_MS + 5, T0_MS + 9, T0_MS, T0_MS + 5])
    ids = [v.transaction_id for v in feed.due(T0_MS + 2 * HOUR_MS)]
    assert ids == ["t-2", "t-0", "t-3", "t-1"]


def test_an_unlabelled_payment_is_never_judged() -> None:
    feed = LabelFeed(LabelPlan(delay_ms=HOUR_MS))
    names = PaymentColumns.of([transaction(0, T0_MS)], np.array([T0_MS])).names
    assert feed.add(names, [T0_MS], [NO_LABEL], [False]) == [NEVER]
    assert feed.due(10 * T0_MS) == []


def test_withheld_labels_never_come_and_are_not_kept() -> None:
    feed = LabelFeed(NO_LABELS)
    fed(feed, [T0_MS, T0_MS + 1])
    assert len(feed) == 0
    assert feed.due(10 * T0_MS) == []


@given(st.lists(st.integers(0, 500), max_size=60), st.integers(0, 300))
def test_pieces_cover_every_event_once_and_the_clock_moves_less_than_allowed_in_each(
    times_ms: list[int], clock_ms: int
) -> None:
    pieces = list(cuts(times_ms, clock_ms, 100))
    assert [first for first, _, _ in pieces] + [len(times_ms)] == [
        0,
        *(end for _, end, _ in pieces),
    ]
    for first, end, clock in pieces:
        assert clock == max(clock_ms, *times_ms[: first + 1])
        assert max(times_ms[first:end]) < clock + 100


class Recorder:
    """A teacher that notes how many payments had been scored when each verdict came."""

    def __init__(self) -> None:
        self.came: list[tuple[Feedback, int]] = []

    def __call__(self, partition: OfflinePartition, verdicts: Sequence[Feedback]) -> None:
        self.came += [(verdict, partition.state.ledger.consumed) for verdict in verdicts]


def file_batches(times_ms: list[int], size: int, bad: frozenset[int]) -> list[FileBatch]:
    values = [msgspec.json.encode(transaction(i, time)) for i, time in enumerate(times_ms)]
    values = [b"bad" if i in bad else value for i, value in enumerate(values)]
    return [
        FileBatch(
            values=values[first : first + size],
            keys=[b"card-1"] * len(values[first : first + size]),
            labels=["x" if i % 3 == 0 else None for i in range(first, first + size)][
                : len(values[first : first + size])
            ],
            transaction_ids=[""] * len(values[first : first + size]),
        )
        for first in range(0, len(values), size)
    ]


def config(delay_ms: int | None, teach: Any) -> PassConfig:
    return PassConfig(
        pipeline=pipeline_config(warmup=100),
        cards_capacity=1_000,
        merchants_capacity=1_000,
        checkpoint_max_transactions=500,
        labels=NO_LABELS if delay_ms is None else LabelPlan(delay_ms=delay_ms),
        apply=teach,
    )


@pytest.mark.parametrize("size", [37, 1_000])
def test_every_verdict_reaches_the_teacher_in_time_and_not_early(size: int) -> None:
    """Payments every ten minutes or so, some late, some refused; the delay is seven hours."""
    rng = np.random.default_rng(1)
    steps = rng.exponential(600_000, 600).astype(int)
    times_ms = (T0_MS + np.cumsum(steps) - (rng.random(600) < 0.1) * HOUR_MS).tolist()
    bad = frozenset(rng.integers(1, 600, 20).tolist()) | {599}
    delay_ms, teacher = 7 * HOUR_MS, Recorder()
    passed = run_pass(
        file_batches(times_ms, size, bad),
        600,
        config(delay_ms, teacher),
        now_ms=ARRIVAL_MS,
        on_progress=lambda n: None,
    )
    good = [i for i in range(600) if i not in bad]
    clock = np.maximum.accumulate([times_ms[i] if i in set(good) else 0 for i in range(600)])
    assert passed.n_verdicts == len(teacher.came) > 400
    ids = [int(verdict.transaction_id[2:]) for verdict, _ in teacher.came]
    due = [times_ms[i] + delay_ms for i in ids]
    assert len(set(ids)) == len(ids)
    for i, (verdict, n_before), due_ms in zip(ids, teacher.came, due, strict=True):
        assert verdict.verdict == ("fraud" if i % 3 == 0 else "legitimate")
        next_good = min(j for j in good if j >= n_before)
        assert due_ms <= clock[next_good], "a label came early"
        # Everything scored before the verdict came met a clock of less than an hour past due.
        assert clock[n_before - 1] < due_ms + MAX_LAG_MS, "a label came late"
    # Within one delivery by time, and deliveries follow each other.
    assert all(
        a <= b
        for (a, (_, m)), (b, (_, n)) in pairwise(zip(due, teacher.came, strict=True))
        if m == n
    )


def test_a_pass_scores_and_alerts_as_a_replay_does() -> None:
    """The same ledger and the same last version, labels or not, in pieces or not."""
    times_ms = [T0_MS + i * 300_000 for i in range(800)]
    batches = file_batches(times_ms, 300, frozenset({5}))
    results = [
        run_pass(
            batches,
            800,
            config(delay_ms, Recorder()),
            now_ms=ARRIVAL_MS,
            on_progress=lambda n: None,
        )
        for delay_ms in (None, HOUR_MS)
    ]
    summary = replay(
        batches,
        OfflinePartition(pipeline_config(warmup=100), 1_000, 1_000, 500),
        now_ms=lambda: ARRIVAL_MS,
        monotonic=lambda: 0.0,
        on_alert=lambda alert: None,
        on_progress=lambda n: None,
    )
    for passed in results:
        rows = passed.rows
        assert int(rows.is_valid.sum()) == summary.ledger.scored == 799
        assert int(rows.alerted.sum()) == summary.ledger.alerted
        assert int((rows.is_valid & ~rows.is_scored).sum()) == summary.ledger.warming
        assert np.isnan(rows.X[5]).all()
    unlabelled, labelled = (p.rows.scores[p.rows.is_scored] for p in results)
    assert len(unlabelled) == len(labelled) == summary.ledger.scored - summary.ledger.warming
    # With labels the scale is that of log-odds; the recorder learned nothing, so the alerts agree.
    np.testing.assert_array_equal(results[0].rows.alerted, results[1].rows.alerted)
