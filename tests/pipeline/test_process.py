"""The pipeline as a function: what may change a score, what is counted, and what is passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.batch import Batch
from streamer.contract.ledger import Ledger
from streamer.errors import InvariantError
from streamer.indexing import fingerprints
from tests.builders import batch, payment, pipeline_config, record, state_of
from tests.pipeline.helpers import cut, ordinary, run, trained

CONFIG = replace(pipeline_config(), with_scores=True)
# Ordinary payments, among them some that the model has never seen the like of, and verifications.
MIXED = [
    fields | ({"amount": 900.0 + 50 * i} if i % 9 == 4 else {"amount": 0} if i % 9 == 5 else {})
    for i, fields in enumerate(ordinary(60, seed=7))
]


def test_a_key_that_is_missing_or_not_the_card_is_counted_and_the_payment_scored() -> None:
    values = [payment(i, after_s=i) for i in range(3)]
    keys = [b"card-1", None, b"card-2"]
    records = [
        record(i, value, key) for i, (value, key) in enumerate(zip(values, keys, strict=True))
    ]
    source = batch(values)
    by_key = run([replace(source, records=records)], CONFIG, trained())
    assert by_key.outcomes[0].n_key_mismatches == 2
    plain = run([source], CONFIG, trained())
    assert plain.outcomes[0].n_key_mismatches == 0
    assert [s.distance for s in by_key.scores] == [s.distance for s in plain.scores]


def test_a_late_payment_is_scored_and_counted_and_rewinds_no_state() -> None:
    values = [payment(0), payment(1, after_s=7_200), payment(2, after_s=60)]
    result = run([batch(values)], CONFIG, trained())
    assert result.outcomes[0].n_late == 1
    assert len(result.scores) == 3
    cards = result.state.tables.cards
    card = fingerprints(["card-1"])
    reached_ms = cards.times_ms[cards.rows(card)[0]]
    on_time = run([batch(values[:2])], CONFIG, trained()).state.tables.cards
    assert reached_ms == on_time.times_ms[on_time.rows(card)[0]]


def test_old_payments_in_order_are_not_late() -> None:
    """What is late is late for its card; data of 2018 is replayed years after."""
    values = [payment(i, timestamp=f"2018-04-{i + 1:02d}T10:00:00Z") for i in range(20)]
    result = run([batch(values)], CONFIG, trained())
    assert result.outcomes[0].n_late == 0
    assert result.state.ledger.scored == 20


def test_a_transaction_that_was_sent_twice_is_scored_twice() -> None:
    result = run([batch([payment(5), payment(5)])], CONFIG, trained())
    assert [s.transaction_id for s in result.scores] == ["t-5", "t-5"]
    assert [s.source.offset for s in result.scores] == [0, 1]
    assert result.state.delta.transactions_seen == 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 59), max_size=8), st.lists(st.integers(0, 59), max_size=5))
def test_batch_boundaries_change_no_score_and_no_alert(edges: list[int], bad: list[int]) -> None:
    """Invariant 4, at a fixed version: whole, cut anywhere, or one by one."""
    values: list[Any] = list(MIXED)
    for position in bad:
        values[position] = b"bad"
    whole = run([batch(values)], CONFIG, trained())
    for batches in (cut(batch(values), edges), cut(batch(values), range(1, 60))):
        parts = run(batches, CONFIG, trained())
        for mine, theirs in zip(parts.scores, whole.scores, strict=True):
            assert mine.source == theirs.source
            assert mine.distance == pytest.approx(theirs.distance, rel=1e-9, abs=1e-9)
            assert mine.score == pytest.approx(theirs.score, abs=1e-9)
            assert mine.alerted == theirs.alerted
        for one, other in zip(parts.alerts, whole.alerts, strict=True):
            assert one.alert_id == other.alert_id
            assert one.distance_sq == pytest.approx(other.distance_sq, rel=1e-9)
            assert [r.feature for r in one.reasons] == [r.feature for r in other.reasons]
            assert one.counterfactual == other.counterfactual
        assert parts.state.ledger == whole.state.ledger
        np.testing.assert_allclose(
            parts.state.delta.cluster_sums, whole.state.delta.cluster_sums, rtol=1e-9, atol=1e-9
        )


def test_the_mixed_stream_of_these_tests_does_alert() -> None:
    result = run([batch(MIXED)], CONFIG, trained())
    assert 3 <= len(result.alerts) <= 30
    assert result.state.ledger.alerted == len(result.alerts)


def test_what_is_alerted_teaches_nothing_but_is_counted_as_seen() -> None:
    result = run([batch(MIXED)], CONFIG, trained())
    delta = result.state.delta
    assert delta.transactions_seen == 60
    assert delta.transactions_taught == 60 - len(result.alerts)
    assert delta.cluster_weights.sum() == delta.transactions_taught
    assert delta.scored_weight == 60


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=10), min_size=1, max_size=12),
)
def test_tables_never_grow_beyond_their_capacity_and_evictions_are_counted(
    batches: list[list[int]],
) -> None:
    """Invariant 8: ten entities at most, 41 cards and merchants come by."""
    state = state_of(CONFIG, capacity=10)
    first = 0
    for numbers in batches:
        values = [payment(i, card_id=f"c{i}", merchant_id=f"m{i}") for i in numbers]
        run([batch(values, first)], CONFIG, trained(), state)
        first += len(values)
        filled = [t for t in state.tables.all() if not t.kind.name.endswith("_verdicts")]
        for table in filled:
            assert len(table) <= 10
            # Rows are made a power of two at a time.
            assert len(table.times_ms) <= 16
    n_distinct = len({number for numbers in batches for number in numbers})
    for table in filled:
        assert table.n_evicted >= n_distinct - 10
        assert len(table) + table.n_evicted >= n_distinct
        assert (table.n_evicted > 0) or n_distinct <= 10


def test_an_alert_published_before_a_crash_is_held_back_but_counts_and_does_not_teach() -> None:
    first = run([batch(MIXED)], CONFIG, trained())
    out = [alert.source.offset for alert in first.alerts]
    state = state_of(CONFIG)
    state.published = dict.fromkeys(out[:2])
    again = run([batch(MIXED)], CONFIG, trained(), state)
    assert [alert.source.offset for alert in again.alerts] == out[2:]
    assert again.outcomes[0].n_suppressed == 2
    assert again.state.ledger == first.state.ledger
    assert again.state.delta.transactions_taught == first.state.delta.transactions_taught
    assert again.state.published == {}


def test_an_alert_published_before_a_crash_stays_one_when_the_new_version_lets_it_pass() -> None:
    plain = run([batch(MIXED)], CONFIG, trained())
    quiet = next(s.source.offset for s in plain.scores if not s.alerted)
    state = state_of(CONFIG)
    state.published = dict.fromkeys([quiet, 1_000])
    again = run([batch(MIXED)], CONFIG, trained(), state)
    assert quiet not in [alert.source.offset for alert in again.alerts]
    assert again.state.ledger.alerted == plain.state.ledger.alerted + 1
    assert again.scores[quiet].alerted
    assert again.state.delta.transactions_taught == plain.state.delta.transactions_taught - 1
    # Offsets that have not come yet are still waited for.
    assert again.state.published == {1_000: None}


def test_records_before_the_next_offset_are_passed_over() -> None:
    """Offsets 0-3, then a fetch from 2 on: 2 and 3 are done already, 4 and 5 are not."""
    values = [payment(i, after_s=i) for i in range(6)]
    whole = batch(values)
    overlapping = Batch("transactions", 0, whole.records[2:], whole.received_at_ms)
    done = Batch("transactions", 0, whole.records[:4], whole.received_at_ms)
    result = run([done, overlapping, done, overlapping], CONFIG, trained())
    assert [s.source.offset for s in result.scores] == [0, 1, 2, 3, 4, 5]
    assert len(result.outcomes) == 2
    assert result.state.ledger.consumed == 6
    assert result.state.next_offset == 6
    plain = run([whole], CONFIG, trained())
    assert [s.distance for s in result.scores] == pytest.approx(
        [s.distance for s in plain.scores], rel=1e-9
    )


def test_offsets_may_have_gaps() -> None:
    """A compacted topic: offsets 3, 10 and 11 are three records, and six offsets hold none."""
    records = [record(offset, payment(offset)) for offset in (3, 10, 11)]
    result = run([replace(batch([payment()]), records=records)], CONFIG, trained())
    assert result.state.ledger == Ledger(
        consumed=9, scored=3, alerted=result.state.ledger.alerted, skipped=6
    )
    assert result.state.next_offset == 12


def test_while_warming_payments_are_scored_as_such_and_none_alerts() -> None:
    result = run([batch(MIXED)], CONFIG)
    assert result.alerts == []
    assert {(s.status, s.score, s.distance, s.alerted) for s in result.scores} == {
        ("warming", None, None, False)
    }
    assert result.state.ledger == Ledger(consumed=60, scored=60, warming=60)
    assert len(result.state.delta.warmup_X) == 60


def test_no_scores_are_made_unless_asked_for() -> None:
    assert run([batch(MIXED)], pipeline_config(), trained()).scores == []


def test_scores_carry_the_pseudonym_when_there_is_a_key() -> None:
    keyed = run([batch(MIXED)], replace(CONFIG, card_key=b"k"), trained())
    plain = run([batch(MIXED)], CONFIG, trained())
    assert [s.card_id for s in plain.scores] == [fields["card_id"] for fields in MIXED]
    assert all(len(s.card_id) == 64 for s in keyed.scores)
    names = dict(
        zip((s.card_id for s in plain.scores), (s.card_id for s in keyed.scores), strict=True)
    )
    assert [names[s.card_id] for s in plain.scores] == [s.card_id for s in keyed.scores]


def test_a_batch_with_more_entities_than_a_table_holds_stops_with_what_to_do() -> None:
    values = [payment(i, card_id=f"c{i}") for i in range(11)]
    with pytest.raises(InvariantError, match=r"cards capacity .* got 10; raise it"):
        run([batch(values)], CONFIG, trained(), state_of(CONFIG, capacity=10))


def test_a_card_that_pays_all_day_teaches_with_its_share_wherever_batches_end() -> None:
    """One payment in 20 minutes: the first 20 may all teach, the last with probability 20/45."""
    values = ordinary(60, seed=7, card_id="busy")
    values = [
        v | {"timestamp": payment(after_s=1_200.0 * i)["timestamp"]} for i, v in enumerate(values)
    ]
    whole = run([batch(values)], CONFIG, trained())
    delta = whole.state.delta
    n_quiet = 60 - len(whole.alerts)
    assert 20 < delta.transactions_taught < n_quiet - 5
    assert delta.cluster_weights.sum() == delta.transactions_taught
    assert delta.scored_weight == delta.transactions_seen == 60
    assert delta.alerted_weight == len(whole.alerts)
    one_by_one = run(cut(batch(values), range(1, 60)), CONFIG, trained()).state.delta
    assert one_by_one.transactions_taught == delta.transactions_taught
    np.testing.assert_allclose(one_by_one.cluster_sums, delta.cluster_sums, rtol=1e-9, atol=1e-9)
