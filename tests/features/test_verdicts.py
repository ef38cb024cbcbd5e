"""Fraud shares: decayed by hand, in any order, back to nothing when a verdict is taken back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.features import VERDICT_FEATURES, EntityTable, add_verdicts
from streamer.features.verdicts import (
    CARD_VERDICTS,
    MERCHANT_VERDICTS,
    verdict_matrix,
    verdict_sums,
)

DAY_MS = 86_400_000
T_MS = 1_767_614_400_000


def table() -> EntityTable:
    return EntityTable(CARD_VERDICTS, 100)


def add(to: EntityTable, key: str, day: float, is_fraud: bool, sign: float = 1.0) -> None:
    at = np.array([T_MS + round(day * DAY_MS)])
    add_verdicts(to, [key], at, np.array([sign * is_fraud]), np.array([sign]))


def test_two_verdicts_by_hand() -> None:
    """One fraud 28 days old weighs half; one legitimate of today weighs in full."""
    cards = table()
    add(cards, "a", 0, True)
    add(cards, "a", 28, False)
    (sums,) = verdict_sums(cards, ["a"], np.array([T_MS + 28 * DAY_MS]))
    np.testing.assert_allclose(sums, [0.5, 1.5])
    merchants = np.zeros((1, MERCHANT_VERDICTS.n_sums))
    V = verdict_matrix(merchants, sums[None])
    named = dict(zip((f.name for f in VERDICT_FEATURES), V[0], strict=True))
    # (0.5 + 0.01) frauds against (1.0 + 0.99) legitimate ones.
    np.testing.assert_allclose(named["card_fraud_share_28d"], np.log(0.51 / 1.99))
    np.testing.assert_allclose(named["card_verdicts_28d"], np.log(2.5))
    np.testing.assert_allclose(named["merchant_fraud_share_1d"], np.log(0.01 / 0.99))


def test_an_entity_without_verdicts_has_the_prior_and_one_without_a_name_nothing() -> None:
    sums = verdict_sums(table(), ["never judged", None], np.array([T_MS, T_MS]))
    assert sums[0].tolist() == [0.0, 0.0]
    assert np.isnan(sums[1]).all()


def test_a_payment_from_before_the_verdict_sees_it_undecayed() -> None:
    cards = table()
    add(cards, "a", 10, True)
    assert verdict_sums(cards, ["a"], np.array([T_MS])).tolist() == [[1.0, 1.0]]


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
    at = np.full(3, T_MS + 60 * DAY_MS)
    np.testing.assert_allclose(
        verdict_sums(one, list("abc"), at), verdict_sums(other, list("abc"), at), atol=1e-9
    )


@given(_verdicts)
def test_a_verdict_taken_back_leaves_nothing(verdicts: list) -> None:
    cards = table()
    for sign in (1.0, -1.0):
        for key, day, is_fraud in verdicts:
            add(cards, key, day, is_fraud, sign)
    sums = verdict_sums(cards, list("abc"), np.full(3, T_MS + 60 * DAY_MS))
    np.testing.assert_allclose(sums, 0.0, atol=1e-9)
