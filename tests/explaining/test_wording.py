"""Sentences as reviewers read them: one written by hand for each feature, and what holds for all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.explaining.wording import said
from streamer.features import CONTEXT_FEATURES, FEATURES, VERDICT_FEATURES, Feature

NAMED = {feature.name: feature for feature in (*FEATURES, *CONTEXT_FEATURES)}
# What verdicts say is told by counts too (test_context_sentences).
TOLD = (*FEATURES, *CONTEXT_FEATURES[len(VERDICT_FEATURES) :])


@pytest.mark.parametrize(
    ("name", "value", "expected", "sentence"),
    [
        ("amount", 412.0, 38.512,
         "The amount of 412.00 EUR is high (similar payments: 38.51 EUR)."),
        ("amount", 50.0, 38.512,
         "The amount of 50.00 EUR is above the usual (similar payments: 38.51 EUR)."),
        ("amount_ratio_to_card", 3.21, 1.02,
         "The amount is 3.2 times what this card usually pays (similar payments: 1.0 times)."),
        ("amount_deviation_from_card", 5.69, 0.9,
         "The amount is high for this card, 5.7 standard deviations above its habit "
         "(similar payments: 0.9 standard deviations above)."),
        ("amount_deviation_from_card", -0.21, -1.3,
         "The amount is 0.2 standard deviations below this card's habit "
         "(similar payments: 1.3 standard deviations below)."),
        ("spend_today_ratio", 40.2, 0.4,
         "The card has spent 40 times its usual day within about a day "
         "(similar payments: 0.40 times)."),
        ("card_payments_1h", 7.26, 1.3,
         "7 payments with this card within about an hour (similar payments: 1 payment)."),
        ("card_payments_1d", 1.4, 1.2,
         "1 payment with this card within about a day (similar payments: about the same)."),
        ("card_pace_ratio", 4.0, 1.0,
         "The card is used 4.0 times as often as in its usual week (similar payments: 1.0 times)."),
        ("card_gap", 240.0, 11_400.0,
         "Only 4 min since this card's last payment (similar payments: 3 h 10 min)."),
        ("card_gap", 0.0, 11_400.0,
         "Less than 1 s since this card's last payment (similar payments: 3 h 10 min)."),
        ("card_hour_familiarity", 12.0, 90.0,
         "Far from the hours at which this card usually pays, 12% like them "
         "(similar payments: 90%)."),
        ("card_hour_familiarity", 91.0, 95.0,
         "Not quite the hours at which this card usually pays, 91% like them "
         "(similar payments: 95%)."),
        ("travel_speed", 25_025.0, 3.69,
         "The card would have travelled at 25,025 km/h since it was last present "
         "(similar payments: 3.7 km/h)."),
        ("travel_distance", 17_211.0, 0.0,
         "The card is 17,211 km from where it was last present (similar payments: 0 km)."),
        ("merchant_pace_ratio", 9.4, 1.1,
         "The merchant takes payments 9.4 times as fast as on its usual day "
         "(similar payments: 1.1 times)."),
        ("amount_deviation_from_merchant", 1.77, 0.67,
         "The amount is high for this merchant, 1.8 standard deviations above its usual ones "
         "(similar payments: 0.7 standard deviations above)."),
        ("card_high_series", 2.9, 0.01,
         "This card's payments of the last days went 2.9 standard deviations beyond its habit, "
         "taken together (similar payments: less than 0.1 standard deviations)."),
        ("card_small_series", 5.6, 0.0,
         "This card's payments of the last hour went 5.6 standard deviations below its habit, "
         "taken together (similar payments: 0 standard deviations)."),
        ("card_country_familiarity", 4.3, 97.0,
         "4.3% of this card's payments are from this country (similar payments: 97%)."),
        ("card_category_familiarity", 0.01, 33.0,
         "Less than 0.1% of this card's payments are for this category (similar payments: 33%)."),
        ("merchant_high_series", 3.0, 1.0,
         "This merchant's payments of the last days went 3.0 standard deviations beyond their "
         "cards' habits, taken together (similar payments: 1.0 standard deviations)."),
        ("card_merchant_familiarity", 9.7, 23.0,
         "9.7% of this card's payments are at this merchant (similar payments: 23%)."),
    ],
)  # fmt: skip
def test_what_is_suspicious_reads_like_this(
    name: str, value: float, expected: float, sentence: str
) -> None:
    assert said(NAMED[name], value, expected, "EUR", 1.0, by_odds=False) == sentence


@pytest.mark.parametrize(
    ("added", "by_odds", "opening"),
    [
        (1.0, True, "As in earlier frauds: "),
        (1.0, False, "Unusual: "),
        (0.0, True, "Adds nothing: "),
        (-1.0, True, "As in payments judged legitimate: "),
    ],
)
def test_what_is_not_suspicious_in_itself_is_introduced_by_what_it_is_like(
    added: float, by_odds: bool, opening: str
) -> None:
    """A country in which the card always pays, and an amount of which half is usual."""
    country, amount = NAMED["card_country_familiarity"], NAMED["amount_ratio_to_card"]
    assert said(country, 99.0, 60.0, "EUR", added, by_odds=by_odds) == (
        f"{opening}99% of this card's payments from this country (similar payments: 60%)."
    )
    assert said(amount, 0.5, 1.0, "EUR", added, by_odds=by_odds) == (
        f"{opening}an amount 0.50 times what this card usually pays (similar payments: 1.0 times)."
    )


on_the_models_scale = st.one_of(st.floats(-40.0, 40.0), st.floats(-1e6, 1e6))


@given(
    feature=st.sampled_from(TOLD),
    x=on_the_models_scale,
    usual=on_the_models_scale,
    added=st.sampled_from([-1.0, 0.0, 1.0]),
    by_odds=st.booleans(),
)
def test_every_sentence_has_units_on_both_sides_and_calls_nothing_high_that_is_not(
    feature: Feature, x: float, usual: float, added: float, by_odds: bool
) -> None:
    value, expected = feature.to_unit(x), feature.to_unit(usual)
    text = said(feature, value, expected, "EUR", added, by_odds=by_odds)
    statement, _, comparison = text.partition(" (similar payments: ")
    assert statement[0].isupper() or statement[0].isdigit()
    assert comparison.endswith(").")
    if comparison != "about the same).":
        assert comparison == f"{feature.quantity(expected, 'EUR')})."
        assert re.search(r"\d( EUR| times| payments?| km| standard|%| d| h| min| s)", comparison)
    assert not re.search(r"-\d|\d[eE][+-]|\{|%%|inf|nan", text), text
    assert not re.search(r"\b(not|un\w+)\b.*\b(not|un\w+)\b", text.lower()), text
    if " is high" in text:
        assert value > expected
        assert value >= 1.5 if "deviation" in text else value >= 2 * expected
    if "payments with" in text:
        assert "." not in statement
