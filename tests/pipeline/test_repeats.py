"""The same payment sent again: known within a window, counted, and nothing else happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.ledger import Ledger
from streamer.indexing import fingerprints
from streamer.indexing.prints import combine
from streamer.pipeline import prepare
from streamer.pipeline.repeats import Repeats, put, recognise
from tests.builders import batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import Run, cut, ordinary, run, trained

WINDOW = 100
CONFIG = replace(pipeline_config(), with_scores=True, repeat_window=WINDOW)


def payment_prints(pairs: list[tuple[str, str]]) -> list[int]:
    paid = [payment(card_id=card, transaction_id=number) for card, number in pairs]
    return prepare(batch(paid), CONFIG, state_of(CONFIG)).fingerprints.tolist()


def naive(offsets: list[int], prints: list[int], window: int) -> list[bool]:
    """Return what is repeated by the sentence of the contract, payment by payment."""
    remembered: list[tuple[int, int]] = []
    found = []
    for offset, print_ in zip(offsets, prints, strict=True):
        is_known = any(p == print_ and 0 <= offset // window - g <= 1 for g, p in remembered)
        found.append(is_known)
        if not is_known:
            remembered.append((offset // window, print_))
    return found


def known(repeats: Repeats, offsets: list[int], prints: list[int]) -> list[bool]:
    return repeats.recognise(np.array(offsets), np.array(prints)).tolist()


def add(repeats: Repeats, offsets: list[int], prints: list[int]) -> None:
    repeats.add(np.array(offsets, dtype=np.int64), np.array(prints, dtype=np.int64))


def test_a_fingerprint_is_of_card_and_id_and_of_where_one_ends() -> None:
    """Golden: it is in Redis, so it must stay."""
    pairs = [("card-1", "t-1"), ("a", "bc"), ("ab", "c"), ("a", "b"), ("1:a", "b"), ("b", "a")]
    prints = payment_prints(pairs)
    assert prints[0] == 2_573_884_506_187_522_577
    assert len(set(prints)) == len(pairs)
    assert payment_prints(pairs[3:4]) == [prints[3]]


def test_fingerprints_of_a_million_payments_with_names_alike_are_all_different() -> None:
    """1,000 cards and 1,000 ids, counted up; of good bits each is one half of the time."""
    cards = fingerprints([f"card-{n:06d}" for n in range(1_000)])
    ids = fingerprints([f"tx-1-{n:09d}" for n in range(1_000)])
    prints = np.empty(len(cards) * len(ids), dtype=np.int64)
    combine(np.repeat(cards, len(ids)), np.tile(ids, len(cards)), prints)
    assert len(np.unique(prints)) == len(prints)
    shares = [float(((prints >> bit) & 1).mean()) for bit in range(63)]
    assert shares == pytest.approx([0.5] * 63, abs=0.05)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=30))
def test_the_compiled_loops_are_their_python(payments: list[tuple[int, int]]) -> None:
    prints = np.array([print_ for print_, _ in payments])
    generations = np.sort(np.array([generation for _, generation in payments]))
    others, found, tables = prints[::-1] << 31, [], []
    for as_python in (False, True):
        table, of = np.full(64, -1), np.zeros(64, dtype=np.int64)
        known, pairs = np.zeros(len(prints), dtype=bool), np.empty_like(prints)
        calls = [k.py_func if as_python else k for k in (put, recognise, combine)]
        n = calls[0](prints[:9], generations[:9], table, of, 0)
        calls[1](prints, generations, 1, table, of, known)
        calls[2](prints << 40, others, pairs)
        found.append((n, known.tolist(), pairs.tolist()))
        tables.append((table.tolist(), of.tolist()))
    assert found[0] == found[1]
    assert tables[0] == tables[1]


def test_a_payment_is_known_in_its_own_generation_and_the_next_and_then_no_more() -> None:
    """Windows of 100: from offset 30, known at 31, 99, 130 and 199; at 200 it is new again."""
    repeats = Repeats(100)
    add(repeats, [30], [7])
    for offset, is_known in ((31, True), (99, True), (130, True), (199, True), (200, False)):
        assert known(repeats, [offset], [7]) == [is_known]
    assert known(repeats, [150], [8]) == [False]


def test_recognising_changes_nothing() -> None:
    repeats = Repeats(100)
    assert known(repeats, [1, 2], [7, 7]) == [False, True]
    assert known(repeats, [1, 2], [7, 7]) == [False, True]
    assert len(repeats) == 0


def test_a_window_of_0_knows_nothing() -> None:
    repeats = Repeats(0)
    add(repeats, [1], [7])
    assert known(repeats, [2], [7]) == [False]
    repeats.load({"2:0:100:0:0": bytes(8)})
    assert repeats.take_removed() == ["2:0:100:0:0"]


Steps = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=1, max_size=80)


@given(Steps, st.lists(st.integers(1, 79), max_size=8), st.integers(1, 40), st.integers(0, 79))
def test_neither_batches_nor_a_crash_change_what_is_known(
    steps: list[tuple[int, int]], edges: list[int], window: int, saved_at: int
) -> None:
    """Against the sentence of the contract, cut anywhere, saved and loaded at every cut."""
    offsets = np.cumsum([step for step, _ in steps]).tolist()
    prints = [print_ for _, print_ in steps]
    expected = naive(offsets, prints, window)
    stored: dict[str, bytes] = {}
    repeats, found = Repeats(window), list[bool]()
    for end in sorted({*(e for e in edges if e < len(steps)), len(steps)}):
        part = slice(len(found), end)
        now = known(repeats, offsets[part], prints[part])
        fresh = [i for i, known in enumerate(now) if not known]
        add(repeats, [offsets[part][i] for i in fresh], [prints[part][i] for i in fresh])
        found += now
        stored |= repeats.take_changed()
        for name in repeats.take_removed():
            stored.pop(name, None)
        if end > saved_at:
            repeats = Repeats(window)
            repeats.load(stored)
        assert len(repeats) <= 2 * window
        assert len(stored) <= 2 * 64 + 1
    assert found == expected


def test_what_was_kept_for_other_offsets_or_another_window_is_removed() -> None:
    """Epoch 1: offsets that the partition was set back to are other records."""
    before = Repeats(100, epoch=0)
    add(before, [5], [7])
    stored = before.take_changed()
    assert list(stored) == ["2:0:100:0:2"]
    for other in (Repeats(100, epoch=1), Repeats(50, epoch=0)):
        other.load(stored)
        assert known(other, [6], [7]) == [False]
        assert other.take_removed() == ["2:0:100:0:2"]


def test_fields_of_expired_generations_are_removed_and_unsaved_ones_never_written() -> None:
    repeats = Repeats(100)
    add(repeats, [5], [7])
    assert list(repeats.take_changed()) == ["2:0:100:0:2"]
    add(repeats, [105], [8])
    add(repeats, [205], [9])
    assert repeats.take_removed() == ["2:0:100:0:2"]
    add(repeats, [405], [9])
    assert list(repeats.take_changed()) == ["2:0:100:4:2"]
    assert repeats.take_removed() == []


def sent_again(n: int = 60) -> list[dict[str, Any]]:
    """Return ``n`` payments, each third of which is there a second time, ten places later."""
    values: list[dict[str, Any]] = []
    for i, value in enumerate(ordinary(n, seed=7)):
        values.append(value)
        if i >= 10 and i % 3 == 0:
            values.append(ordinary(n, seed=7)[i - 10])
    return values


def test_a_transaction_that_was_sent_twice_is_scored_once() -> None:
    """In one batch and in two; another card's payment of the same id is another payment."""
    twice = [payment(5), payment(5), payment(5, card_id="card-2")]
    for batches in ([batch(twice)], cut(batch(twice), [1, 2])):
        result = run(batches, CONFIG, trained())
        assert [s.source.offset for s in result.scores] == [0, 2]
        assert result.dead_letters == []
        ledger = result.state.ledger
        assert (ledger.consumed, ledger.scored, ledger.repeated) == (3, 2, 1)
        assert result.state.delta.transactions_seen == 2


def assert_as_if_sent_once(result: Run, values: list[dict[str, Any]]) -> None:
    """Everything but the offsets is what a stream without repetitions brings about."""
    seen: set[str] = set()
    once = [v for v in values if not (v["transaction_id"] in seen or seen.add(v["transaction_id"]))]  # type: ignore[func-returns-value]
    plain = run([batch(once)], replace(CONFIG, repeat_window=0), trained())
    assert [s.transaction_id for s in result.scores] == [s.transaction_id for s in plain.scores]
    assert [s.distance for s in result.scores] == pytest.approx(
        [s.distance for s in plain.scores], rel=1e-9
    )
    assert [a.transaction.transaction_id for a in result.alerts] == [
        a.transaction.transaction_id for a in plain.alerts
    ]
    n_repeated = len(values) - len(once)
    assert result.state.ledger == plain.state.ledger + Ledger(
        consumed=n_repeated, repeated=n_repeated
    )
    assert len(result.state.verdicts.buffer) == len(plain.state.verdicts.buffer)
    for mine, theirs in zip(result.state.tables.all(), plain.state.tables.all(), strict=True):
        assert len(mine) == len(theirs)
        kept, expected = mine.take_changed(), theirs.take_changed()
        assert kept.keys() == expected.keys()
        for key, packed in kept.items():
            found, wanted = (
                np.frombuffer(state, mine.kind.row)[0] for state in (packed, expected[key])
            )
            for name in mine.kind.row.names or ():
                np.testing.assert_allclose(found[name], wanted[name], rtol=1e-9, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 76), max_size=8))
def test_what_comes_again_leaves_no_trace_wherever_batches_end(edges: list[int]) -> None:
    """Scores, alerts, histories, labels and lessons are those of a stream without repetitions."""
    values = sent_again()
    assert_as_if_sent_once(run(cut(batch(values), edges), CONFIG, trained()), values)


def test_a_payment_that_was_not_finished_is_not_taken_for_a_repetition() -> None:
    """`prepare` only looks: a batch whose scoring failed is scored when it comes once more."""
    from streamer.pipeline import prepare

    state = state_of(CONFIG)
    assert prepare(batch([payment(1)]), CONFIG, state).n_repeated == 0
    result = run([batch([payment(1)])], CONFIG, trained(), state)
    assert result.state.ledger.scored == 1


def test_a_bad_record_that_comes_again_is_a_dead_letter_again() -> None:
    result = run([batch([b"bad", b"bad"])], CONFIG, trained())
    assert len(result.dead_letters) == 2
    assert result.state.ledger.repeated == 0
