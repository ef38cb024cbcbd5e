"""What a reviewer gets: exact reasons, a counterfactual that holds, and no card number."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.card_rule import ALLOWED
from streamer.contract.messages import Alert, Source
from streamer.contract.pseudonyms import pseudonym
from streamer.explaining.alerts import _severity as severity
from streamer.explaining.alerts import alert_id
from streamer.explaining.explanation import explain
from streamer.features import FEATURE_NAMES, FEATURES
from streamer.model import Scorer, Sums, advance, learn, learn_warming, uniform_hash
from streamer.model.odds import N_STEPS, LogOdds, basis_size
from tests.builders import ARRIVAL_MS, batch, payment, pipeline_config, state_of
from tests.model.helpers import euros, next_version, small_config, two_clouds
from tests.pipeline.helpers import CARD_KEY, ordinary, run, trained

CONFIG = pipeline_config()
# A past of 60 payments, so that cards and merchants have habits, before the one in question.
PAST = ordinary(60, seed=3)


def alerts_on(amount: float, **fields: object) -> list[Alert]:
    """Return the alert, if any, on a payment of a known card an hour after the past."""
    last = payment(99, after_s=7_200, card_id="card-1", merchant_id="shop-1", amount=amount)
    found = run([batch([*PAST, last | fields])], CONFIG, trained()).alerts
    return [alert for alert in found if alert.source.offset == len(PAST)]


def test_reasons_and_the_rest_sum_to_the_squared_distance() -> None:
    (alert,) = alerts_on(5_000.0)
    total = sum(reason.contribution for reason in alert.reasons) + alert.other_contribution
    assert total == pytest.approx(alert.distance_sq, rel=1e-9)
    assert alert.distance == pytest.approx(math.sqrt(alert.distance_sq), rel=1e-12)
    assert alert.other_contribution >= -1e-9
    assert alert.distance > alert.threshold
    for reason in alert.reasons:
        assert reason.share == pytest.approx(reason.contribution / alert.distance_sq, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    amount=st.floats(0.01, 1e9),
    merchant=st.none() | st.sampled_from(["shop-1", "new"]),
    place=st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    currency=st.sampled_from(["EUR", "JPY"]),
    card=st.sampled_from(["card-1", "card-2", "never seen"]),
)
def test_every_alert_keeps_its_promises(
    amount: float,
    merchant: str | None,
    place: tuple[float, float] | None,
    currency: str,
    card: str,
) -> None:
    fields: dict[str, object] = {"merchant_id": merchant, "currency": currency, "card_id": card}
    if place is not None:
        fields |= {"latitude": place[0], "longitude": place[1], "channel": "pos"}
    for alert in alerts_on(amount, **fields):
        reasons = alert.reasons
        total = sum(reason.contribution for reason in reasons) + alert.other_contribution
        assert total == pytest.approx(alert.distance_sq, rel=1e-9)
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert 1 <= len(reasons) <= 5
        assert len({reason.feature for reason in reasons}) == len(reasons)
        unknown = set()
        if merchant is None:
            unknown |= {name for name in FEATURE_NAMES if "merchant" in name}
        if place is None:
            unknown |= {name for name in FEATURE_NAMES if name.startswith("travel")}
        if currency == "JPY":
            # Neither the card nor all traffic has a usual amount in yen.
            unknown |= {"amount", "amount_ratio_to_card", "spend_today_ratio"}
        assert not unknown & {reason.feature for reason in reasons}
        for reason in reasons:
            feature = FEATURES[FEATURE_NAMES.index(reason.feature)]
            assert reason.direction == feature.suspect
            assert reason.sentence.lower().startswith(feature.sentence.split("{")[0].lower())
            assert reason.unit == feature.unit
            if reason.feature == "amount":
                assert reason.value == pytest.approx(amount)
        assert json.loads(msgspec.json.encode(alert))["alert_id"] == alert.alert_id


def test_a_high_amount_is_a_reason_and_a_low_one_is_none() -> None:
    (high,) = alerts_on(5_000.0)
    of_high = next(r for r in high.reasons if r.feature == "amount")
    assert alerts_on(0.01) == []
    assert of_high.direction == "above"
    assert of_high.value == pytest.approx(5_000.0)
    # Ordinary amounts have the median e³ = 20.09.
    assert 10 < of_high.expected < 40
    assert of_high.sentence.startswith("The amount of 5,000.00 EUR is high (similar payments: ")


def test_an_amount_beyond_what_the_model_tells_apart_is_still_told_as_it_is() -> None:
    (alert,) = alerts_on(1e12)
    (reason,) = [r for r in alert.reasons if r.feature == "amount"]
    assert reason.value == pytest.approx(1e12)
    assert "1,000,000,000,000.00 EUR" in reason.sentence


def test_extreme_amounts_are_told_in_numbers_that_json_has() -> None:
    """A card that paid 5e-324 and now pays 1e12: the ratio would be infinite, and JSON null."""
    values = [
        *PAST,
        *(payment(70 + i, after_s=7_000, card_id="z", amount=5e-324) for i in range(3)),
    ]
    values.append(payment(99, after_s=7_200, card_id="z", amount=1e12))
    alert = run([batch(values)], CONFIG, trained()).alerts[-1]
    assert alert.source.offset == 63
    again = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
    assert again == alert
    assert all(math.isfinite(reason.value) for reason in again.reasons)


@pytest.mark.parametrize("amount", [300.0, 500.0, 1_234.56, 5_000.0])
def test_the_counterfactual_holds_when_it_is_tried(amount: float) -> None:
    """No alert at the amount named and at smaller ones; a cent above it, an alert."""
    (alert,) = alerts_on(amount)
    assert alert.counterfactual is not None
    found = alert.counterfactual.amount
    assert found < amount
    assert round(found, 2) == found
    assert alert.counterfactual.sentence == f"No alert at an amount of {found:,.2f} EUR or less."
    assert alerts_on(round(found + 0.01, 2)) != []
    for share in (1.0, 0.9, 0.7, 0.5):
        assert alerts_on(round(found * share, 2)) == []


def test_there_is_no_counterfactual_when_no_smaller_amount_would_help() -> None:
    """A hundredth of a million is still strange, and below that nobody searches."""
    (huge,) = alerts_on(1_000_000.0)
    assert huge.counterfactual is None


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        # Budget 2 %: the top twentieth begins at 1 - 0.001, the top quarter at 1 - 0.005.
        (1.0, "critical"),
        (0.9991, "critical"),
        (0.9989, "high"),
        (0.9951, "high"),
        (0.9949, "medium"),
        (0.98, "medium"),
        (0.5, "medium"),
    ],
)
def test_severity_is_the_rank_within_the_budget(score: float, expected: str) -> None:
    assert severity(score, 0.02) == expected


@pytest.mark.parametrize("ranked_by", ["distance", "log_odds"])
def test_a_twentieth_of_the_alerts_are_critical_and_a_fifth_more_high(ranked_by: str) -> None:
    """At a budget of 2 % of 60,000 ordinary payments, about 1,200 alerts; the half-width of four
    standard errors is 0.025 for the critical and 0.046 for the high ones."""
    config = small_config(half_life=200_000, score_half_life=20_000, warmup=5_000)
    rng = np.random.default_rng(0)
    version = Scorer.of("", Sums.zero(config), config)
    first = Sums.zero(config)
    X = two_clouds(rng, 5_000)
    learn_warming(first, X, euros(X))
    version = next_version(version, first)
    slopes = np.array([0.3, 0.2, 0.1, 1.0])
    beta = np.zeros(basis_size(config.n_inputs))
    beta[1:-N_STEPS:7], beta[3:-N_STEPS:7] = -slopes, slopes
    odds = LogOdds(
        np.zeros(config.n_inputs), np.ones(config.n_inputs), np.full(N_STEPS, np.inf), beta
    )
    found: Counter[str] = Counter()
    for i in range(50):
        by_odds = ranked_by == "log_odds" and i >= 20
        version = replace(version, odds=odds, ranks_by_odds=by_odds)._ranking_recent()
        scored = version.score(X := two_clouds(rng, 2_000), euros(X))
        alerted = np.flatnonzero(scored.alerted).tolist()
        if i >= 20:
            found.update(severity(scored.scores[j], scored.asked[j]) for j in alerted)
        delta = Sums.zero(config)
        draws = uniform_hash(np.arange(2_000 * i, 2_000 * (i + 1)))
        learn(delta, scored, ~scored.alerted, scored.alerted, X[:, 0], euros(X), None, draws)
        version = next_version(version, delta)
    assert found.total() == pytest.approx(1_200, rel=0.1)
    assert found["critical"] / found.total() == pytest.approx(0.05, abs=0.025)
    assert found["high"] / found.total() == pytest.approx(0.20, abs=0.046)


def test_what_exceeds_the_budget_is_alerted_and_ranked_and_no_score_is_cut_off() -> None:
    """A tenth of an hour's payments is strange at a budget of 2 %: all of them alert, in the order of
    their distance, and every score is the rank that it would have without the others."""
    strange = [
        payment(1_000 + i, after_s=7_200.0 + i, card_id=f"card-{i % 20}", amount=2_000.0 + 100 * i)
        for i in range(40)
    ]
    quiet = ordinary(400, seed=5)
    flooded = run([batch([*PAST, *quiet, *strange])], replace(CONFIG, with_scores=True), trained())
    alone = run([batch([*PAST, *quiet])], replace(CONFIG, with_scores=True), trained())
    start = len(PAST) + len(quiet)
    assert [s.score for s in flooded.scores[:start]] == [s.score for s in alone.scores]
    assert sum(s.alerted for s in flooded.scores[start:]) == len(strange)
    assert {a.source.offset for a in flooded.alerts} >= set(range(start, start + len(strange)))
    assert all(s.score is not None and s.score > 0.98 for s in flooded.scores[start:])
    by_distance = sorted(flooded.scores, key=lambda s: s.distance or 0.0)
    assert [s.score for s in by_distance] == sorted(s.score or 0.0 for s in flooded.scores)
    # For the next version they are traffic like any other; what is stranger still alerts.
    after = Scorer.of("", advance(trained().sums, flooded.state.delta, CONFIG.model), CONFIG.model)
    assert after.threshold_sq > trained().threshold_sq
    again = run([batch([*PAST, payment(99, after_s=7_200, amount=1e6)])], CONFIG, after)
    assert again.alerts[-1].source.offset == len(PAST)
    assert again.alerts[-1].score >= 0.99


def test_an_alert_tells_the_threshold_of_its_own_hour_at_the_partition_s_pace() -> None:
    """For equal load the hour from 14:00 on, which gave twice what it was asked for, is asked for half
    of 2%; 60 payments without an alert have saved 1.2 of the 100 due in 5,000, so e^0.012 of that."""
    config = replace(CONFIG, model=replace(CONFIG.model, alert_hours="equal"))
    sums = trained().sums.merged(Sums.zero(CONFIG.model))
    sums.hour_asked[:], sums.hour_alerts[:] = 1e9, 1e9
    sums.hour_alerts[14], sums.hour_alerts[13] = 2e9, 0.0
    version = Scorer.of("", sums, config.model)
    last = payment(99, after_s=7_200, card_id="card-1", amount=5_000.0)
    alerts = run([batch([*PAST, last])], config, version).alerts
    assert len(alerts) == 1
    assert alerts[0].event_time.hour == 14
    share = 0.01 * math.exp(0.012 + 20 * 0.012**3)
    (line_sq,) = version.thresholds_at(np.array([share]), np.array([False]))
    assert alerts[0].threshold == pytest.approx(line_sq**0.5)
    assert alerts[0].threshold > version.threshold_sq**0.5
    assert explain(alerts[0], version).is_reproduced


def test_an_alert_has_the_id_of_its_source_wherever_it_is_computed() -> None:
    (alert,) = alerts_on(5_000.0)
    assert alert.alert_id == alert_id(Source("transactions", 0, 60)) == "transactions-0-60"
    assert alerts_on(5_000.0) == [alert]


def test_the_pseudonym_is_stable_and_depends_on_card_and_key() -> None:
    """HMAC-SHA256, RFC 4231 test case 2: key "Jefe"."""
    assert pseudonym("what do ya want for nothing?", b"Jefe") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    made = {pseudonym(card, key) for card in ("a", "b") for key in (b"1", b"2")}
    assert len(made) == 4


def test_with_a_card_key_the_plain_card_is_nowhere_in_the_alert() -> None:
    config = replace(CONFIG, card_key=CARD_KEY, cards=ALLOWED)
    card = "4111111111111111"
    values = [*PAST, payment(99, after_s=7_200, card_id=card, amount=1e6)]
    result = run([batch(values)], config, trained())
    (alert,) = [alert for alert in result.alerts if alert.source.offset == 60]
    assert card.encode() not in msgspec.json.encode(alert)
    assert alert.transaction.card_id == pseudonym(card, CARD_KEY)
    assert alert.transaction.amount == 1e6


def test_an_alert_says_in_which_mode_and_when_it_was_made() -> None:
    values = [*PAST, payment(99, after_s=7_200, amount=1e6)]
    (normal,) = run([batch(values)], CONFIG, trained()).alerts[-1:]
    (degraded,) = run([batch(values)], CONFIG, trained(), mode="redis-unavailable").alerts[-1:]
    assert (normal.mode, degraded.mode) == ("normal", "redis-unavailable")
    assert normal.scored_at.timestamp() * 1000 == ARRIVAL_MS
    assert normal.event_time.isoformat() == "2026-01-05T14:00:00+00:00"
    assert normal.model_version == "version-1"


def test_the_nearest_center_is_told_in_payment_units() -> None:
    (alert,) = alerts_on(5_000.0)
    center = alert.nearest_center
    values = {value.feature: value for value in center.values}
    assert 5 < values["amount"].value < 80
    assert values["amount"].unit == "currency units"
    # Nobody in this traffic has a place.
    assert "travel_speed" not in values
    weights = trained().sums.cluster_weights
    assert center.share_of_traffic == pytest.approx(weights[center.index] / weights.sum())
    assert np.isfinite([value.value for value in center.values]).all()


def test_no_alert_and_no_score_is_too_large_for_its_topic() -> None:
    """Every string as long as the schema allows, of the character that takes most bytes in JSON."""
    longest = "\x01" * 128
    last = payment(
        99,
        after_s=7_200,
        card_id=longest,
        transaction_id=longest,
        merchant_id=longest,
        channel="\x01" * 32,
        amount=123_456_789_012.34,
        country="US",
        mcc="5999",
        latitude=-89.123456789012,
        longitude=-179.12345678901,
        timestamp="2026-01-05T14:00:00.123456+14:00",
    )
    first = {**last, "timestamp": PAST[0]["timestamp"], "transaction_id": "t-0", "latitude": 80.0}
    source = batch([first, *PAST, last])
    records = [r._replace(offset=2**62 + r.offset) for r in source.records]  # type: ignore[attr-defined]
    source = replace(source, topic="t" * 249, partition=99_999, records=records)
    config = replace(CONFIG, with_scores=True)
    found = run([source], config, trained(), replace(state_of(config), epoch=10**6))
    alert = next(a for a in found.alerts if a.source.offset == records[-1].offset)
    assert len(alert.reasons) >= 2
    assert len(msgspec.json.encode(alert)) < 16_000
    assert len(msgspec.json.encode(found.scores[-1])) < 4_000
    # Numbers have at most 24 characters and sentences are ours: there is nothing else to grow.
    strings = [alert.transaction.card_id, alert.transaction.transaction_id, alert.alert_id]
    assert max(len(s) for s in strings) < 300
