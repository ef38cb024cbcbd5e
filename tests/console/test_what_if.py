"""Sliders of an alert, what they ask, and the answers in words."""

from __future__ import annotations

import pytest

from streamer.console.alert.what_if import alone, change_of, sliders_of
from streamer.errors import ConfigurationError
from streamer.explaining.asked_again import Change
from streamer.pages.example_alert import _version
from tests.console.conftest import alert


def test_sliders_stand_where_the_payment_is_and_then_ask_for_nothing() -> None:
    """489.90 EUR at 02:12, 877 km from Berlin: twice that is the end."""
    shown = alert(1)
    sliders = sliders_of(shown, {})
    assert [(each.name, each.low, each.high, each.value) for each in sliders] == [
        ("amount", 1, 200, 100),
        ("hour", 0, 23, 2),
        ("distance", 0, 1754, 877),
    ]
    assert change_of(shown, sliders) == Change()


def test_sliders_ask_for_an_amount_in_the_currencys_smallest_unit() -> None:
    """A third of 489.90 EUR is 161.67 EUR."""
    shown = alert(1)
    asked = {"amount": "33", "hour": "14", "distance": "0"}
    found = change_of(shown, sliders_of(shown, asked))
    assert found == Change(amount=161.67, hour=14, distance_km=0)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"amount": "0"}, "amount must be from 1 to 200, got 0"),
        ({"amount": "nan"}, "amount must be from 1 to 200, got nan"),
        ({"hour": "24"}, "hour must be from 0 to 23, got 24"),
        ({"distance": "<b>"}, "distance must be from 0 to 1754, got <b>"),
        ({"amount": "1" * 400}, "amount must be from 1 to 200, got 111111111111"),
    ],
)
def test_what_no_slider_can_say_is_refused_in_words(asked: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        sliders_of(alert(1), asked)
    assert str(refused.value) == complaint


def test_each_thing_alone_is_told_with_what_was_asked() -> None:
    """By amount the alert's own sentence; 13 amounts, 23 other hours, ten distances below 877 km."""
    found = alone(alert(1), _version())
    assert [(each.what, len(each.asked)) for each in found] == [
        ("amount", 13),
        ("hour", 23),
        ("distance", 10),
    ]
    assert found[0].sentence == "No alert at an amount of 39.12 EUR or less."
    assert found[1].sentence.startswith("At any other hour of the day it would have been an alert")
    quiet = [each.change.amount for each in found[0].asked if not each.is_alert]
    assert quiet == [4.9, 9.8, 24.5]
