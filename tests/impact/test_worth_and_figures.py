"""Amounts in one currency or none, and what is told of a file's alerts in money."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.impact.gains import PARTS, Priced, daily_parts
from streamer.impact.impact_figures import FilePayments, impact_figures, told_lines
from streamer.impact.impact_of_file import payments_of_rows
from streamer.impact.prices import Prices
from streamer.impact.worth import REFERENCE, Worth, worth_of
from tests.backtesting.test_comparison import run_with

TEN = np.full(2, 10.0)


def test_currencies_are_never_mixed_without_a_value() -> None:
    assert worth_of(TEN, ["EUR", "EUR"], {}) == (pytest.approx([10.0, 10.0]), "EUR", {})
    with pytest.raises(
        ConfigurationError, match=r"STREAMER_CURRENCY_VALUES must say .* for EUR, USD"
    ):
        worth_of(TEN, ["USD", "EUR"], {})
    amounts, currency, left_out = worth_of(TEN, ["USD", "EUR"], {"USD": 0.9})
    assert (amounts[0], np.isnan(amounts[1]), currency, left_out) == (
        9.0,
        True,
        REFERENCE,
        {"EUR": 1},
    )


def payments(n_days: int = 1, per_day: int = 40) -> FilePayments:
    """Each day's first place is a fraud of 100 that alerts, its second a false alarm on 10, its third a
    fraud of 50 that does not; its last was drawn, for 40 payments."""
    n = n_days * per_day
    place = np.arange(n) % per_day
    frauds = (place == 0) | (place == 2)
    drawn = np.where(place == per_day - 1, 40.0, 0.0)
    priced = Priced(
        days=np.arange(n) // per_day,
        places=place + 1.0,
        weights=np.ones(n),
        amounts=np.select([place == 0, place == 2], [100.0, 50.0], 10.0),
        frauds=frauds,
        alerted=(place < 2) | (drawn > 0),
    )
    return FilePayments(priced, drawn, n_days, Worth(priced.amounts, "EUR", {}))


PRICES = Prices(5.0, 1.0, 0.0, 1.0)


def test_what_is_told_of_a_day_by_hand() -> None:
    """Three alerts, one of them drawn: 15 for reviews, two false alarms, 100 saved."""
    found = impact_figures(payments(), PRICES, 0)
    assert {name: found["per_day"][name]["value"] for name in PARTS} == {
        "review_cost": 15.0,
        "loss_caught": 100.0,
        "loss_missed": 50.0,
        "saved": 100.0,
        "friction": 2.0,
        "net": 83.0,
    }
    # Of 40 a day up to two are tried: the best is the fraud alone.
    assert [each["value"] for each in found["budgets"]] == [0.0, 95.0, 89.0]
    assert (found["best"]["alerts_per_day"], found["best"]["interval"]) == (1.0, None)
    # Nothing that was drawn is a fraud: one more would have counted 40 times 100.
    assert found["missed_by_sample"]["value"] == 0.0
    assert found["missed_by_sample"]["interval"] == [0.0, pytest.approx(3.7 * 4_000, rel=0.01)]
    text = "\n".join(told_lines(found))
    assert "Most is worth a budget of 1 alerts a day: 95.00 EUR a day." in text
    assert "fewer than 28 days" in text


def test_days_that_are_alike_have_no_interval_to_speak_of_and_blocks_are_told() -> None:
    found = impact_figures(payments(28), PRICES, 0)
    assert found["per_day"]["net"] == {"value": 83.0, "interval": [83.0, 83.0]}
    assert found["best"]["as_good"] == [1.0, 1.0]
    assert found["resampled"] == "weeks of days"
    assert "may be as good; 95.00" in "\n".join(told_lines(found))


def test_no_budget_is_the_best_where_alerts_cost_nothing() -> None:
    found = impact_figures(payments(), Prices(0.0, 0.0, 0.0, 1.0), 0)
    assert found["best"] is None
    assert any(
        line.startswith("Reviews and false alarms have no price") for line in told_lines(found)
    )


def test_a_currency_without_a_value_is_left_out_and_counted() -> None:
    found = impact_figures(payments(), PRICES, 0)
    assert found["unpriced"] == {}
    left = replace(payments(), worth=Worth(np.zeros(0), "EUR", {"JPY": 3}))
    assert told_lines(impact_figures(left, PRICES, 0))[-3] == (
        "Left out, without a value in STREAMER_CURRENCY_VALUES: 3 in JPY."
    )


def test_of_a_file_whole_days_count_and_only_those_in_the_middle() -> None:
    """Eight payments on days 0, 0, 1, 1, 2, 2, 3, 3: after the first quarter day 2 is whole."""
    rows = run_with({1, 4, 6})
    rows = replace(rows, times_ms=np.repeat(np.arange(4), 2) * DAY_MS)
    found = payments_of_rows(rows, ["EUR"] * 8, {})
    assert (found.n_days, found.priced.days.tolist()) == (1, [0, 0])
    assert found.priced.alerted.tolist() == [True, False]
    with pytest.raises(ConfigurationError, match="must name a currency of the payments"):
        payments_of_rows(rows, ["EUR"] * 8, {"JPY": 1.0})
    with pytest.raises(ConfigurationError, match="must have labelled payments"):
        payments_of_rows(replace(rows, scores=np.full(8, np.nan)), ["EUR"] * 8, {})


amounts = st.lists(st.floats(0, 1e4), min_size=6, max_size=6)


@given(amounts, st.integers(0, 63), st.integers(0, 63), st.floats(0, 50), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_net_is_what_gains_of_alerts_sum_to_and_caught_and_missed_are_all_losses(
    values: list[float], frauds: int, alerted: int, review: float, share: float
) -> None:
    bits = np.arange(6)
    priced = Priced(
        bits % 2,
        bits + 1.0,
        np.ones(6),
        np.array(values),
        (frauds >> bits & 1).astype(bool),
        (alerted >> bits & 1).astype(bool),
    )
    prices = Prices(review, 1.0, 1 - share, share)
    parts = daily_parts(priced, prices, 2)
    gains = prices.gains(priced.amounts, priced.frauds)
    assert parts["net"].sum() == pytest.approx(gains[priced.alerted].sum(), abs=1e-6)
    losses = priced.amounts[priced.frauds].sum()
    assert (parts["loss_caught"] + parts["loss_missed"]).sum() == pytest.approx(losses)
