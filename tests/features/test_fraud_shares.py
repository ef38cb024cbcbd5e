"""Fraud shares: decayed by hand, in any order, back to nothing when a verdict is taken back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.durations import DAY_MS
from streamer.features import VERDICT_FEATURES, EntityTable, add_verdicts
from streamer.features.context import CONTEXT_ROW
from streamer.features.fraud_shares import read_verdicts
from streamer.features.kinds import CARD_VERDICTS
from streamer.features.records import as_records
from streamer.indexing import fingerprints
from tests.features.sums import sums_at

T_MS = 1_767_614_400_000


def table() -> EntityTable:
    return EntityTable(CARD_VERDICTS, 100)


def add(to: EntityTable, key: str, day: float, is_fraud: bool, sign: float = 1.0) -> None:
    at = np.array([T_MS + round(day * DAY_MS)])
    add_verdicts(to, [key], at, np.array([sign * is_fraud]), np.array([sign]))


def read(cards: EntityTable, row: int, time_ms: int) -> dict[str, float]:
    """Return the features of the card in ``row`` by name."""
    V = np.zeros((1, CONTEXT_ROW.itemsize // 8))
    v = as_records(V, CONTEXT_ROW)[0]
    half_lives_s = CARD_VERDICTS.half_lives_s
    read_verdicts.py_func(cards.records, row, time_ms, half_lives_s, v.card_verdicts)
    return dict(zip((f.name for f in VERDICT_FEATURES), V[0].tolist(), strict=False))


def test_two_verdicts_by_hand() -> None:
    """One fraud 28 days old weighs half; one legitimate of today weighs in full."""
    cards = table()
    add(cards, "a", 0, True)
    add(cards, "a", 28, False)
    np.testing.assert_allclose(sums_at(cards, "a", T_MS + 28 * DAY_MS), [0.5, 1.5])
    named = read(cards, 0, T_MS + 28 * DAY_MS)
    # (0.5 + 0.01) frauds against (1.0 + 0.99) legitimate ones.
    np.testing.assert_allclose(named["card_fraud_share_28d"], np.log(0.51 / 1.99))
    np.testing.assert_allclose(named["card_verdicts_28d"], np.log(2.5))


def test_a_card_without_verdicts_has_the_prior() -> None:
    """And no row: reading it makes none, also where others were judged."""
    cards = table()
    for _ in range(2):
        (row,) = cards.rows(fingerprints(["never judged"]))
        named = read(cards, row, T_MS)
        np.testing.assert_allclose(named["card_fraud_share_28d"], np.log(0.01 / 0.99))
        assert named["card_verdicts_28d"] == 0.0
        add(cards, "a", 0, True)
    assert len(cards) == 1


def test_a_payment_from_before_the_verdict_sees_it_undecayed() -> None:
    cards = table()
    add(cards, "a", 10, True)
    np.testing.assert_allclose(read(cards, 0, T_MS)["card_verdicts_28d"], np.log(2.0))


_verdicts = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 60), st.booleans()), min_size=1, max_size=20
)


@given(_verdicts, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_does_not_matter(verdicts: list, random: object) -> None:
    one, other = table(), table()
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    for key, day, is_fraud in verdicts:
        add(one, key, day, is_fraud)
    # All at once, several of one entity among them.
    add_verdicts(
        other,
        [key for key, _, _ in shuffled],
        np.array([T_MS + round(day * DAY_MS) for _, day, _ in shuffled]),
        np.array([float(is_fraud) for _, _, is_fraud in shuffled]),
        np.ones(len(shuffled)),
    )
    at = T_MS + 60 * DAY_MS
    for key in "abc":
        np.testing.assert_allclose(sums_at(one, key, at), sums_at(other, key, at), atol=1e-9)


@given(_verdicts)
def test_a_verdict_taken_back_leaves_nothing(verdicts: list) -> None:
    cards = table()
    for sign in (1.0, -1.0):
        for key, day, is_fraud in verdicts:
            add(cards, key, day, is_fraud, sign)
    for key in "abc":
        np.testing.assert_allclose(sums_at(cards, key, T_MS + 60 * DAY_MS), 0.0, atol=1e-9)
