"""Where a value lies among others, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.console.alert.positions import (
    Position,
    Ranked,
    Traffic,
    position_among,
    positions_of,
    traffic_of,
)
from streamer.contract.codes import CURRENCY_INDEX
from streamer.contract.messages import Reason
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES
from streamer.model.recent import aged, rows_of
from streamer.pages.example_alert import _version
from tests.console.conftest import alert


def words(value: float) -> str:
    return f"{value:g} km"


def test_a_value_is_told_by_the_side_on_which_more_lie() -> None:
    """Of 1 + 2 + 3 + 4 payments, 4 are above 30, 3 have it; who is not known does not count."""
    values = np.array([10.0, 20.0, 30.0, 40.0, np.nan])
    weights = np.array([1.0, 2.0, 3.0, 4.0, 90.0])
    found = position_among(Ranked.of(values, weights), 30.0, 1, words)
    assert found is not None
    assert found.sentence == "Lower than 40% of recent payments; 30% have the same."
    # From 10 to 40 over 120 pixels.
    assert (found.at, found.low, found.high) == (80.0, "10 km", "40 km")
    suspicious_below = position_among(Ranked.of(values, weights), 20.0, -1, words)
    assert suspicious_below is not None
    assert suspicious_below.sentence == "Lower than 70% of recent payments; 20% have the same."


def test_bars_are_as_high_as_their_weight_and_a_pixel_at_least() -> None:
    """Thirty bars of 4 pixels; the highest is 24 high, the lowest would be 24 / 48."""
    found = position_among(Ranked.of(np.array([0.0, 30.0]), np.array([48.0, 1.0])), 0.0, 1, words)
    assert found == Position(
        "Lower than 2% of recent payments; 98% have the same.",
        "M0 24V0h4V24" + "h4" * 28 + "V23h4V24z",
        0.0,
        "0 km",
        "30 km",
    )


def test_a_value_beyond_all_others_is_at_the_end_and_above_all() -> None:
    found = position_among(Ranked.of(np.array([1.0, 2.0]), np.ones(2)), 7.0, 1, words)
    assert found is not None
    assert (found.sentence, found.at) == ("Higher than all recent payments.", 120.0)


@pytest.mark.parametrize("value", [5.0, np.nan])
def test_where_nothing_is_known_there_is_no_position(value: float) -> None:
    nothing = np.full(3, np.nan)
    assert position_among(Ranked.of(nothing, np.ones(3)), value, 1, words) is None


def test_amounts_are_held_against_what_is_usual_in_their_currency() -> None:
    """489.90 EUR where 100 EUR is usual, among payments of half, one, and nine times the usual."""
    n = len(FEATURE_NAMES) + len(CONTEXT_NAMES)
    values, means = np.full((4, n), np.nan), np.full(len(CURRENCY_INDEX), np.nan)
    values[:, 0] = np.log([0.5, 1.0, 1.0, 9.0])
    means[CURRENCY_INDEX["EUR"]] = np.log(100.0)
    reason = Reason("amount", 1.0, 1.0, 489.9, 38.5, "currency units", "above", "It is high.")
    shown = alert(1, reasons=[reason])
    [found] = positions_of(shown, Traffic(values, np.ones(4), means))
    assert found is not None
    assert found.sentence == "Higher than 75% of recent payments."
    assert (found.low, found.high) == ("50.00 EUR", "900.00 EUR")


def test_a_fraud_share_is_among_shares_of_its_own_half_life() -> None:
    """The reason's 28% is the share of seven days: the others are known to be otherwise."""
    shown = alert(1)
    [reason] = [each for each in shown.reasons if each.feature == "merchant_fraud_share"]
    days = min(
        (1, 3, 7),
        key=lambda day: abs(
            100 / (1 + np.exp(-shown.features[f"merchant_fraud_share_{day}d"])) - reason.value
        ),
    )
    names = (*FEATURE_NAMES, *CONTEXT_NAMES)
    values = np.full((2, len(names)), np.nan)
    values[:, names.index(f"merchant_fraud_share_{days}d")] = -9.0, 9.0
    found = positions_of(shown, Traffic(values, np.ones(2), np.zeros(200)))
    [position] = [each for each in found if each is not None]
    assert position.sentence == "Higher than 50% of recent payments."


def test_traffic_is_the_versions_sample_with_amounts_relative_to_their_currency() -> None:
    """ln 100 where 3.5 is usual; the payment counts for 12 of a half-life ago, which are 6."""
    version = _version()
    X, V = np.full((1, len(FEATURE_NAMES)), 0.25), np.full((1, len(CONTEXT_NAMES)), np.nan)
    X[0, 0] = np.log(100.0)
    euro = np.array([CURRENCY_INDEX["EUR"]])
    version.sums.recent_rows = aged(rows_of(X, V, euro, np.array([12.0])), 0.5)
    traffic = traffic_of(version)
    assert traffic.values[0, 0] == pytest.approx(np.log(100.0) - 3.5, abs=1e-6)
    assert traffic.values[0, 1] == 0.25
    assert (traffic.n_sampled, traffic.n_payments) == (1, 6)
