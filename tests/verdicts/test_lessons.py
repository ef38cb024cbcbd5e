"""Verdicts late, repeated, contradictory, unknown and in any order: the same is learned."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.messages import Feedback
from streamer.contract.pseudonyms import pseudonym
from streamer.contract.record_columns import Spans
from streamer.durations import DAY_MS
from streamer.indexing import fingerprints
from streamer.model import ALERTED, OTHERS, Scorer, Sums
from streamer.model.delays import AGES_DAYS
from streamer.model.sums import COUNTERS
from streamer.pipeline import PartitionState
from streamer.verdicts import VerdictState, Waiting, apply_verdicts
from streamer.verdicts.buffer import UNJUDGED
from streamer.verdicts.lessons import Applied
from tests.builders import T0_MS, batch, payment, pipeline_config
from tests.features.sums import sums_at
from tests.pipeline.helpers import ordinary, run, state_of, trained
from tests.verdicts.test_rulings import verdict

_DEFAULT = pipeline_config()
# All that is presumed teaches: which of it does by default is a matter of its own (`test_presuming`).
CONFIG = replace(_DEFAULT, verdicts=replace(_DEFAULT.verdicts, presumed_least=1.0))


def scored(n: int = 60, **changes: Any) -> PartitionState:
    """Return a partition that has scored ``n`` ordinary payments, t-0 to t-59."""
    config = replace(CONFIG, verdicts=replace(CONFIG.verdicts, **changes))
    return run([batch(ordinary(n))], config, trained(), state_of(config)).state


_once_scored = cache(scored)


def apply(state: PartitionState, verdicts: list[Feedback], version: Scorer | None = None):
    """Apply verdicts by a version that knows the inputs' scale."""
    return apply_verdicts(
        verdicts, state.verdicts, state.tables, state.delta, version or with_odds()
    )


@cache
def with_odds() -> Scorer:
    """Return the trained version with odds, so that labels move its coefficients."""
    state = scored()
    apply(state, [verdict("fraud", number=i) for i in range(9)], trained())
    return Scorer.of("", trained().sums.merged(state.delta), CONFIG.model)


def learned(state: PartitionState) -> dict[str, Any]:
    """Return everything that verdicts can have changed."""
    found: dict[str, Any] = {f.name: getattr(state.delta, f.name) for f in fields(Sums)}
    for table in (state.tables.card_verdicts, state.tables.merchant_verdicts):
        for key in ("card-1", "shop-1"):
            found[f"{table.kind.name} {key}"] = sums_at(table, key, T0_MS + 9 * DAY_MS)
    return found


def assert_same(one: PartitionState, other: PartitionState) -> None:
    mine, theirs = learned(one), learned(other)
    for name in mine:
        if name in COUNTERS:
            continue
        np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-9, atol=1e-9, err_msg=name)


def test_a_verdict_on_a_waiting_payment_is_learned_and_one_on_an_unknown_counts_in_shares() -> None:
    state = scored()
    taught = apply(state, [verdict("fraud", number=3), verdict("fraud", number=10_000)])
    assert taught == Applied(n_standing=2, n_ignored=0, n_learned=1)
    assert state.delta.verdicts_learned == 1
    shops = state.tables.merchant_verdicts
    (row,) = shops.rows(fingerprints(["shop-1"]))
    assert shops.records["frauds"][row].tolist() == [2.0] * 3
    assert shops.records["verdicts"][row].tolist() == [2.0] * 3


def test_the_first_verdict_on_an_alert_says_whether_the_alert_was_right() -> None:
    """Of an ordinary payment and two alerts, one judged twice: fraud and legitimate, in that order."""
    state = scored()
    values = [payment(i, amount=1e6, card_id=f"card-{i}") for i in (60, 61)]
    run([batch(values, 60)], CONFIG, trained(), state)
    buffer = state.verdicts.buffer
    alerted = [buffer.is_alerted(buffer.slots([f"t-{i}"])[0] or 0) for i in (3, 60, 61)]
    assert alerted == [False, True, True]
    given = [verdict("fraud", number=61), verdict("fraud", number=3)]
    assert apply(state, given).alerts_judged == (True,)
    later = verdict("fraud", number=61, origin="chargeback")
    assert apply(state, [verdict("legitimate", number=60), later]).alerts_judged == (False,)


def test_the_same_verdict_again_changes_nothing() -> None:
    once, thrice = scored(), scored()
    apply(once, [verdict("fraud", number=3)])
    first = apply(thrice, [verdict("fraud", number=3)] * 2)
    again = apply(thrice, [verdict("fraud", number=3)])
    assert (first.n_ignored, again.n_ignored, again.n_learned) == (1, 1, 0)
    assert_same(once, thrice)


def test_a_reviewer_overruled_by_a_chargeback_leaves_what_the_chargeback_alone_would() -> None:
    mended, right = scored(), scored()
    chargeback = verdict("fraud", "chargeback", hour=20, number=3)
    apply(mended, [verdict("legitimate", number=3)])
    apply(mended, [chargeback])
    apply(right, [chargeback])
    assert_same(mended, right)


_verdicts = st.lists(
    st.builds(
        verdict,
        st.sampled_from(["fraud", "legitimate"]),
        st.sampled_from(["reviewer", "chargeback"]),
        st.integers(0, 23),
        st.integers(55, 64),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(_verdicts, st.randoms(use_true_random=False), st.integers(1, 12))
def test_the_order_of_verdicts_does_not_matter(
    verdicts: list[Feedback], random: Any, step: int
) -> None:
    """In any order and in any pieces, within the horizon and under one version."""
    version = with_odds()
    one, other = deepcopy(_once_scored()), deepcopy(_once_scored())
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    apply(one, verdicts, version)
    for first in range(0, len(shuffled), step):
        apply(other, shuffled[first : first + step], version)
    assert_same(one, other)


@pytest.mark.parametrize(("counts", "n_learned"), [(True, 60), (False, 0)])
def test_what_nobody_judged_within_the_horizon_counts_as_legitimate_if_so_configured(
    counts: bool, n_learned: int
) -> None:
    limits = {"horizon_ms": 10 * DAY_MS, "unlabelled_is_legitimate": counts}
    config = replace(CONFIG, verdicts=replace(CONFIG.verdicts, **limits))
    state = run([batch(ordinary(60))], config, trained(), state_of(config)).state
    later = payment(99, after_s=11 * 86_400, card_id="card-9")
    run([batch([later], first_offset=60)], config, trained(), state)
    assert state.verdicts.clock_ms == T0_MS + 11 * DAY_MS
    assert len(state.verdicts.buffer) == 1
    assert state.delta.verdicts_learned == n_learned
    assert state.delta.verdict_weights.tolist() == [n_learned, 0]


def later(state: PartitionState, day: int, version: Scorer | None = None) -> None:
    """Let a payment come in ``day`` days after the first."""
    values = [payment(1_000 + day, after_s=day * 86_400, card_id="card-9")]
    first = state.next_offset or 0
    run([batch(values, first_offset=first)], CONFIG, version or trained(), state)


def test_what_nobody_judged_in_eight_days_is_presumed_legitimate_once_and_waits_on() -> None:
    state = scored()
    later(state, 7)
    assert state.delta.verdict_weights.tolist() == [0, 0]
    for day in (9, 10):
        later(state, day)
        assert state.delta.verdict_weights.tolist() == [60, 0]
    assert len(state.verdicts.buffer) == 63


def test_a_chargeback_after_five_months_teaches_for_all_payments_like_its_own() -> None:
    """After 30 days one in twenty of the usual payments waits on, and counts for twenty."""
    state = scored()
    before = state.delta.verdict_weights.copy()
    later(state, 31)
    names = [f"t-{i}" for i in range(60)]
    left = [i for i, at in enumerate(state.verdicts.buffer.slots(names)) if at is not None]
    assert 0 < len(left) < 60
    later(state, 150)
    taught = apply(state, [verdict("fraud", "chargeback", number=left[0])])
    assert taught.n_learned == 1
    later(state, 181)
    assert state.verdicts.buffer.slots(names) == [None] * 60
    (slot,) = state.verdicts.buffer.slots(["t-1150"])
    assert slot is not None
    assert before.tolist() == [0, 0]


def test_a_verdict_of_fraud_takes_back_what_was_presumed_and_one_of_legitimate_adds_nothing() -> (
    None
):
    """The slope of the likelihood is then as if the verdict had been there first, moment less gram
    times coefficients; and what overrules it leaves what was presumed."""
    version, late, early, silent = with_odds(), scored(), scored(), scored()
    said = [verdict("fraud", number=3), verdict("legitimate", number=4)]
    apply(early, said, version)
    for state in (late, early, silent):
        later(state, 9, version)
    assert apply(late, said, version).n_learned == 2
    assert late.delta.verdict_weights.tolist() == [59, 1]
    np.testing.assert_allclose(slope(late, version), slope(early, version), atol=1e-6)
    assert not np.allclose(slope(late, version), slope(silent, version), atol=1e-2)
    apply(late, [verdict("legitimate", "chargeback", number=3)], version)
    for name in ("odds_gram", "odds_moment", "verdict_weights", "trial"):
        mine, theirs = getattr(late.delta, name), getattr(silent.delta, name)
        np.testing.assert_allclose(mine, theirs, atol=1e-9, err_msg=name)


def slope(state: PartitionState, version: Scorer) -> Any:
    """Return the residuals times the bases of all that was learned, summed up."""
    odds = version.odds
    assert odds is not None
    n = len(odds.coefficients)
    gram = np.zeros((n, n))
    gram[np.tril_indices(n)] = state.delta.odds_gram
    gram += np.tril(gram, -1).T
    return state.delta.odds_moment - gram @ odds.coefficients


def delays(state: PartitionState) -> list[list[float]]:
    """Return what is counted of delays: alerted, bin and weight of each place that holds anything."""
    counts = state.delta.fraud_delays.sum(axis=1)
    return [[*place, float(counts[tuple(place)])] for place in np.argwhere(counts).tolist()]


def test_how_late_a_fraud_was_found_is_counted_as_long_as_its_verdict_stands() -> None:
    """Payments of 2026-01-05, 12:00; judged at noon of the next day, and the chargeback 8 hours later.

    One day is in the bin that ends at 1.4 days, and 1.33 days too.  A legitimate one is not counted,
    nor one whose payment nobody knows.
    """
    state = scored()
    apply(state, [verdict("fraud", number=n) for n in (3, 10_000)] + [verdict("legitimate")])
    after_a_day = int(np.searchsorted(AGES_DAYS, 1.0))
    assert delays(state) == [[OTHERS, after_a_day, 1.0]]
    apply(state, [verdict("fraud", "chargeback", hour=20, number=3)])
    assert delays(state) == [[OTHERS, after_a_day, 1.0]]
    later = verdict("fraud", "chargeback", hour=21, number=3)
    apply(state, [msgspec.structs.replace(later, decided_at=later.decided_at + timedelta(days=9))])
    assert delays(state) == [[OTHERS, int(np.searchsorted(AGES_DAYS, 10.4)), 1.0]]
    again = verdict("legitimate", "chargeback", hour=22, number=3)
    apply(state, [msgspec.structs.replace(again, decided_at=again.decided_at + timedelta(days=9))])
    assert delays(state) == []


def test_how_late_an_alert_was_found_is_counted_apart() -> None:
    state = scored()
    run([batch([payment(60, amount=1e6, card_id="card-60")], 60)], CONFIG, trained(), state)
    apply(state, [verdict("fraud", number=60)])
    ((which, _, weight),) = delays(state)
    assert (which, weight) == (ALERTED, 1.0)


def test_what_was_presumed_is_known_after_a_crash() -> None:
    state, again = scored(), state_of(CONFIG)
    later(state, 9)
    again.verdicts.buffer.load(state.verdicts.buffer.take_changed())
    (slot,) = again.verdicts.buffer.slots(["t-3"])
    (fresh,) = again.verdicts.buffer.slots(["t-1009"])
    assert slot is not None
    assert fresh is not None
    assert again.verdicts.buffer.learned(slot) == 0
    assert not again.verdicts.buffer.is_judged(slot)
    assert again.verdicts.buffer.learned(fresh) == UNJUDGED
    # One that is older than what was presumed up to is asked for no second time.
    assert len(again.verdicts.buffer.presume(T0_MS + DAY_MS)) == 0


def test_shares_are_in_what_the_next_payment_is_scored_by() -> None:
    state = scored()
    shop = {"merchant_id": "shop-1", "card_id": "card-1"}
    apply(state, [verdict("fraud", number=n) for n in range(100, 110)])
    run([batch([payment(70, after_s=90_000, **shop)], 60)], CONFIG, trained(), state)
    slot = state.verdicts.buffer.slots(["t-70"])[0]
    inputs = state.verdicts.buffer.vectors[slot, : CONFIG.model.n_inputs]
    names = [*CONFIG.model.feature_names, *CONFIG.model.context_names]
    share = dict(zip(names, inputs[:-1], strict=True))
    assert share["merchant_fraud_share_7d"] > 2
    assert share["card_fraud_share_30d"] > 2


CARD_KEY = b"k" * 16


def _judged(table: Any, key: str) -> float:
    """Return what verdicts on ``key`` a partition has counted."""
    return float(np.sum(sums_at(table, key, T0_MS + 9 * DAY_MS)))


@pytest.mark.parametrize("named", ["nothing", "card", "pseudonym"])
def test_a_verdict_counts_for_the_payments_card_and_merchant(named: str) -> None:
    """With the card's pseudonym, as it is in an alert, or without a card; and overruled as well."""
    state, plain = scored(), scored()
    card, merchant = state.verdicts.buffer.parties(state.verdicts.buffer.slots(["t-3"])[0])
    alias = pseudonym(card, CARD_KEY)
    card_id = {"nothing": None, "card": card, "pseudonym": alias}[named]
    for said in (
        verdict("fraud", number=3),
        verdict("legitimate", "chargeback", 20, number=3),
    ):
        apply(plain, [replace_verdict(said, card, merchant)])
        sent = [replace_verdict(said, card_id, None)]
        apply_verdicts(sent, state.verdicts, state.tables, state.delta, with_odds(), CARD_KEY)
        for key in (card, alias):
            theirs = _judged(plain.tables.card_verdicts, key)
            assert _judged(state.tables.card_verdicts, key) == pytest.approx(theirs)
            assert (theirs > 0.5) == (key == card)
        theirs = _judged(plain.tables.merchant_verdicts, merchant)
        assert _judged(state.tables.merchant_verdicts, merchant) == pytest.approx(theirs)
        assert theirs > 0.5


def replace_verdict(verdict: Feedback, card_id: str | None, merchant_id: str | None) -> Feedback:
    return msgspec.structs.replace(verdict, card_id=card_id, merchant_id=merchant_id)


def test_without_its_payment_a_pseudonym_counts_as_it_is_and_a_missing_card_for_nobody() -> None:
    state, alias = scored(), pseudonym("card-1", CARD_KEY)
    unknown = [
        replace_verdict(verdict("fraud", number=10_000), alias, None),
        replace_verdict(verdict("fraud", number=10_001), None, None),
    ]
    taught = apply_verdicts(
        unknown, state.verdicts, state.tables, state.delta, with_odds(), CARD_KEY
    )
    assert taught == Applied(n_standing=2, n_ignored=0, n_learned=0)
    assert _judged(state.tables.card_verdicts, "card-1") == 0


def test_verdicts_on_alerts_are_counted_by_lane_once_and_an_overruled_one_is_taken_back() -> None:
    """Two of the main lane, one drawn for 400 payments; one that did not alert is not counted."""
    state, delta = VerdictState.empty(CONFIG.model.n_inputs, 100), Sums.zero(CONFIG.model)
    n, stakes = 4, np.array([1.0, 1.0, 400.0, 0.0])
    inputs = np.zeros((n, CONFIG.model.n_inputs))
    ids = fingerprints([f"t-{i}" for i in range(n)])
    parties = Spans.of(["card-1"] * n, ["shop-1"] * n)
    beside = np.column_stack([np.full((n, 2), 0.5), stakes])
    waiting = Waiting(np.full(n, T0_MS), stakes > 0, inputs, beside, ids, parties)
    state.buffer.add(np.zeros(n), waiting)
    tables, version = state_of(CONFIG).tables, trained()

    def judge(*verdicts: Feedback) -> None:
        apply_verdicts(verdicts, state, tables, delta, version)

    judge(*(verdict("fraud", number=i) for i in range(n)))
    judge(*(verdict("fraud", number=i) for i in range(n)))
    assert delta.lane_verdicts.tolist() == [[0, 2], [0, 0], [0, 1]]
    assert delta.census.tolist() == [[0, 2], [0, 1], [0, 400]]
    assert delta.census_sq == 160_000
    judge(verdict("legitimate", "chargeback", number=2), verdict("fraud", "chargeback", number=0))
    assert delta.lane_verdicts.tolist() == [[0, 2], [0, 0], [1, 0]]
    assert delta.census.tolist() == [[0, 2], [1, 0], [400, 0]]
    assert delta.census_sq == 0
