"""Fraud shares: decayed by hand, in any order, back to nothing when a verdict is taken back."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.durations import DAY_MS
from streamer.features import VERDICT_FEATURES, EntityTable, add_verdicts, equations, fraud_shares
from streamer.features.context import CONTEXT_ROW
from streamer.features.fraud_shares import MerchantVerdictTable, read_card_share
from streamer.features.kinds import CARD_VERDICTS
from streamer.features.records import as_records
from streamer.indexing import fingerprints
from tests.features.sums import sums_at
from tests.features.uncompiled import uncompiled

T_MS = 1_767_614_400_000


def table() -> EntityTable:
    return EntityTable(CARD_VERDICTS, 100)


def add(to: EntityTable, key: str, day: float, is_fraud: bool, sign: float = 1.0) -> None:
    at = np.array([T_MS + round(day * DAY_MS)])
    add_verdicts(to, [key], at, np.array([sign * is_fraud]), np.array([sign]))


def read(cards: EntityTable, row: int, time_ms: int, payments: float = 0.0) -> dict[str, float]:
    """Return the features of the card in ``row`` by name; it has so many payments."""
    V = np.zeros((1, CONTEXT_ROW.itemsize // 8))
    v = as_records(V, CONTEXT_ROW)[0]
    read_card_share.py_func(cards.records, row, time_ms, payments, v.card_verdicts)
    return dict(zip((f.name for f in VERDICT_FEATURES), V[0].tolist(), strict=False))


def test_two_verdicts_by_hand() -> None:
    """One fraud 30 days old weighs half; one legitimate of today weighs in full."""
    cards = table()
    add(cards, "a", 0, True)
    add(cards, "a", 30, False)
    np.testing.assert_allclose(sums_at(cards, "a", T_MS + 30 * DAY_MS), [0.5, 1.5])
    named = read(cards, 0, T_MS + 30 * DAY_MS)
    # (0.5 + 0.01) frauds against (1.0 + 0.99) legitimate ones.
    np.testing.assert_allclose(named["card_fraud_share_30d"], np.log(0.51 / 1.99))
    np.testing.assert_allclose(named["card_judgeable_30d"], np.log(2.5))


def test_a_card_without_verdicts_has_the_prior() -> None:
    """And no row: reading it makes none, also where others were judged."""
    cards = table()
    for _ in range(2):
        (row,) = cards.rows(fingerprints(["never judged"]))
        named = read(cards, row, T_MS)
        np.testing.assert_allclose(named["card_fraud_share_30d"], np.log(0.01 / 0.99))
        assert named["card_judgeable_30d"] == 0.0
        add(cards, "a", 0, True)
    assert len(cards) == 1


def test_a_payment_from_before_the_verdict_sees_it_undecayed() -> None:
    cards = table()
    add(cards, "a", 10, True)
    np.testing.assert_allclose(read(cards, 0, T_MS)["card_judgeable_30d"], np.log(2.0))


_verdicts = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 60), st.booleans()), min_size=1, max_size=20
)


@given(_verdicts, st.randoms(use_true_random=False))
def test_the_order_of_verdicts_does_not_matter(verdicts: list, random: Any) -> None:
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


def shop_of(
    payments: list[float], frauds: list[float], order: Any = None, n_partitions: int = 1
) -> list[float]:
    """Return what is told on day 20 of a merchant with payments, and known frauds, on these days."""
    events = [(day, False) for day in payments] + [(day, True) for day in frauds]
    if order is not None:
        order.shuffle(events)
    shops = MerchantVerdictTable(10)
    (row,) = shops.rows(fingerprints(["m"]), to_change=True)
    shop, told = shops.records[row], np.zeros(6)
    with uncompiled(equations, fraud_shares):
        for day, is_fraud in events:
            time_ms = T_MS + round(day * DAY_MS)
            if is_fraud:
                add(shops, "m", day, True)
            else:
                fraud_shares.mature(shop, time_ms)
                fraud_shares.count_payment(shop, time_ms)
        fraud_shares.mature(shop, T_MS + 20 * DAY_MS)
        fraud_shares.read_merchant_shares(shop, n_partitions, told)
    return told.tolist()


def test_a_share_is_of_the_payments_that_could_have_been_judged_by_hand() -> None:
    """T_MS is noon.  Of three payments the one of day 13 waits still on day 20; the other two could be
    judged from the midnights of 12.5 and 19.5 on, and one fraud is known since day 13."""
    told = shop_of([5, 12, 13], [13])
    frauds, payments = 0.5 ** (7 / 7), 0.5 ** (7.5 / 7) + 0.5 ** (0.5 / 7)
    np.testing.assert_allclose(told[2], np.log((frauds + 0.01) / (payments - frauds + 0.99)))
    np.testing.assert_allclose(told[5], np.log1p(payments))


def test_where_all_are_judged_early_a_share_is_of_the_judged_ones() -> None:
    """Two frauds known on day 20, of payments that still wait: all that was judged is fraud."""
    told = shop_of([19, 19], [20, 20])
    np.testing.assert_allclose(told[:3], np.log(2.01 / 0.99))
    np.testing.assert_allclose(told[3:], np.log(3.0))


_days = st.lists(st.floats(0, 20), max_size=12)


@given(_days, _days, st.randoms(use_true_random=False))
def test_payments_and_verdicts_count_the_same_in_any_order(
    payments: list[float], frauds: list[float], random: Any
) -> None:
    ordered = shop_of(sorted(payments), frauds)
    np.testing.assert_allclose(shop_of(payments, frauds, random), ordered, atol=1e-9)


def test_partitions_have_their_part_of_a_merchants_payments_and_all_verdicts() -> None:
    """On day 20 a payment of day 12 has weighed for half a day; all four partitions have four."""
    told = shop_of([12], [20], n_partitions=4)
    payments = 4 * 0.5 ** (0.5 / 7)
    np.testing.assert_allclose(told[2], np.log(1.01 / (payments - 1 + 0.99)))
