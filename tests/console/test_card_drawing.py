"""A card's alerts over time and on the map, in pixels worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from streamer.console.alert.card_drawing import MAP_HEIGHT, MAP_WIDTH, map_of, strip_of
from streamer.durations import DAY_MS
from streamer.store import CardAlert


def card_alert(name: str, day: float, amount: float, **more: object) -> CardAlert:
    made = CardAlert(name, round(day * DAY_MS), amount, "EUR")
    return CardAlert(*(more.get(f, getattr(made, f)) for f in made.__struct_fields__))  # type: ignore[arg-type]


def test_amounts_rise_in_equal_ratios_and_days_go_to_the_right() -> None:
    """1, 10 and 100 EUR within 14 to 106 pixels of height; days 0, 1 and 4 from 96 to 586."""
    alerts = [card_alert("a", 0, 1.0), card_alert("b", 1, 10.0, verdict="fraud")]
    alerts.append(card_alert("c", 4, 100.0))
    found = strip_of(alerts, "c", None)
    assert found is not None
    assert [(dot.x, dot.y) for dot in found.dots] == [(96.0, 106.0), (218.5, 60.0), (586.0, 14.0)]
    assert [(dot.verdict, dot.is_own) for dot in found.dots] == [
        ("", False),
        ("fraud", False),
        ("", True),
    ]
    assert [line.text for line in found.amounts] == ["1.00 EUR", "100.00 EUR"]
    assert (found.first_ms, found.last_ms, found.usual) == (0, 4 * DAY_MS, None)


def test_the_band_is_a_standard_deviation_to_either_side() -> None:
    """From 1 to 100 EUR, so that 10 EUR is the middle; usual is ln 10 ± ln 10 / 2."""
    alerts = [card_alert("a", 0, 1.0), card_alert("b", 1, 100.0)]
    found = strip_of(alerts, "a", (math.log(10), math.log(10) / 2))
    assert found is not None
    assert found.usual == (37.0, 46.0)


def test_other_currencies_and_verifications_are_not_in_the_strip() -> None:
    alerts = [card_alert("a", 0, 5.0), card_alert("b", 1, 0.0)]
    alerts.append(card_alert("c", 2, 7.0, currency="JPY"))
    found = strip_of(alerts, "a", None)
    assert found is not None
    assert [dot.number for dot in found.dots] == [1]
    assert strip_of(alerts, "b", None) is not None
    assert strip_of([alerts[1]], "b", None) is None


def test_a_map_has_the_shape_of_its_middle_and_all_places_on_it() -> None:
    """At 60° a degree of longitude is half one of latitude: 1° east is as far as 0.5° north."""
    alerts = [
        card_alert("a", 0, 1.0, latitude=59.75, longitude=10.0),
        card_alert("b", 1, 1.0, latitude=60.25, longitude=11.0),
        card_alert("c", 2, 1.0),
    ]
    found = map_of(alerts, "b")
    assert found is not None
    south, north = found.dots
    assert north.x - south.x == pytest.approx(south.y - north.y, abs=0.2)
    assert (south.x + north.x, south.y + north.y) == (MAP_WIDTH, MAP_HEIGHT)
    assert north.is_own
    texts = [line.text for line in found.parallels if line.text]
    assert texts
    assert all(text.endswith("° N") for text in texts)
    places = [line.at for line in found.meridians]
    assert all(b > a for a, b in pairwise(places))
    assert 2 <= len(places) <= 8


def test_one_place_has_a_map_and_none_has_none() -> None:
    found = map_of([card_alert("a", 0, 1.0, latitude=-90.0, longitude=180.0)], "a")
    assert found is not None
    assert [(dot.x, dot.y) for dot in found.dots] == [(150.0, 100.0)]
    assert map_of([card_alert("a", 0, 1.0)], "a") is None
