"""Each equation with numbers worked by hand, compiled and as its Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.durations import DAY_S, HOUR_S
from streamer.features import equations, places
from streamer.features.kinds import CARDS, MERCHANT_VERDICTS, MERCHANTS
from streamer.features.records import Records
from tests.features.uncompiled import uncompiled

NAN = math.nan
# One payment of 20 and one of 80: Σ ln and Σ ln².
LOGS = math.log(20) + math.log(80)
LOGS_SQ = math.log(20) ** 2 + math.log(80) ** 2

EXAMPLES: list[tuple[str, tuple[float, ...], Any]] = [
    # A quarter is left after two half-lives, nothing is lost without a gap.
    ("decay", (20.0, 10.0), 0.25),
    ("decay", (0.0, 10.0), 1.0),
    # Ten years of an hour's half-life underflow to nothing.
    ("decay", (10 * 365 * DAY_S, HOUR_S), 0.0),
    ("log_amount", (math.e,), 1.0),
    ("log_amount", (1e-30,), math.log(1e-3)),
    ("log_amount", (0.0,), NAN),
    # The usual amount is √(20·80) = 40, the variance (ln 2)² = 0.480453, mixed with three payments of
    # 0.64: (2·0.480453 + 1.92)/5 = 0.576181, times 1 + 1/2: 0.864272.  ln 2/√0.864272 = 0.745590.
    ("from_habit", (math.log(80), 2.0, LOGS, LOGS_SQ), (math.log(2), 0.745590)),
    ("from_habit", (NAN, 2.0, LOGS, LOGS_SQ), (NAN, NAN)),
    ("from_habit", (math.log(80), 0.49, 1.0, 1.0), (NAN, NAN)),
    ("from_habit", (math.log(80), NAN, NAN, NAN), (NAN, NAN)),
    ("surprise", (1.5,), 0.0),
    ("surprise", (2.25,), 0.75),
    ("surprise", (9.0,), 3.0),
    ("surprise", (-9.0,), 0.0),
    ("surprise", (NAN,), 0.0),
    # 30 of today and 50 now; a usual day of 600/30 and a usual payment of 40: ln(80/60).
    ("spend_today", (50.0, 2.0, LOGS, 30.0, 600.0), math.log(80 / 60)),
    ("spend_today", (0.0, 2.0, LOGS, 30.0, 600.0), NAN),
    ("spend_today", (50.0, 0.49, LOGS, 30.0, 600.0), NAN),
    # Three payments within an hour and this one, where 24 of the day make one an hour: (3+1)/(1+1).
    ("pace", (3.0, 24.0, 24.0), math.log(2)),
    ("pace", (0.4, 0.49, 24.0), NAN),
    ("angle_of", (6.0,), math.pi / 2),
    # Four payments at six in the morning; now at six, at noon and at six in the evening.
    ("hour_familiarity", (math.pi / 2, 4.0, 0.0, 4.0), 0.8),
    ("hour_familiarity", (math.pi, 4.0, 0.0, 4.0), 0.0),
    ("hour_familiarity", (3 * math.pi / 2, 4.0, 0.0, 4.0), -0.8),
    ("hour_familiarity", (0.0, 2.94, 0.0, 2.94), NAN),
    ("familiarity", (3.0, 4.0), 0.8),
    ("familiarity", (0.0, 2.94), NAN),
    # A degree of a meridian is 6371·π/180 km, the way around half the earth 6371·π.
    ("great_circle_km", (53.0, 13.0, 52.0, 13.0), 111.19493),
    ("great_circle_km", (0.0, 0.0, 0.0, 180.0), 6371 * math.pi),
    ("great_circle_km", (52.5, 13.4, 52.5, 13.4), 0.0),
    ("speed_kmh", (100.0, 1800.0), 200.0),
    # Within a minute, and before it: as in a minute.
    ("speed_kmh", (1.0, 1.0), 60.0),
    ("speed_kmh", (1.0, -99.0), 60.0),
    # Of three verdicts one is fraud: 1.01 against 2.99.  None: 0.01 against 0.99.
    ("log_odds_of_share", (1.0, 3.0), math.log(1.01 / 2.99)),
    ("log_odds_of_share", (0.0, 0.0), math.log(0.01 / 0.99)),
    ("log_odds_of_share", (-1e-17, -1e-17), math.log(0.01 / 0.99)),
]


@pytest.mark.parametrize(("name", "given", "expected"), EXAMPLES)
def test_worked_by_hand(name: str, given: tuple[float, ...], expected: Any) -> None:
    kernel = getattr(equations, name)
    for function in (kernel, kernel.py_func):
        assert function(*given) == pytest.approx(expected, rel=1e-6, abs=1e-12, nan_ok=True)


def test_sums_fade_each_by_its_own_half_life() -> None:
    """After two hours: a quarter of the hour's, 2^(-2/24) of the day's."""
    for fade in (equations.fade, equations.fade.py_func):
        sums = np.array([8.0, 4.0, 1.0])
        fade(sums, 2 * HOUR_S, np.array([HOUR_S, HOUR_S, DAY_S]))
        assert sums == pytest.approx([2.0, 1.0, 2 ** (-1 / 12)])


def test_an_entity_is_brought_forward_and_never_back() -> None:
    """First event, one half-life later, late, again: gaps in seconds, and what is left of 8."""
    habit = np.zeros(1, CARDS.row)[0]
    habit.time_ms = -1.0
    forward = equations.bring_forward.py_func
    assert math.isnan(forward(habit, 1_000, CARDS.half_lives_s))
    habit.small_series = 8.0
    assert forward(habit, 3_601_000, CARDS.half_lives_s) == 3_600.0
    assert forward(habit, 500, CARDS.half_lives_s) == 0.0
    assert (habit.time_ms, habit.small_series) == (3_601_000, 4.0)
    assert forward(habit, 7_201_000, CARDS.half_lives_s) == 3_600.0
    assert habit.small_series == 2.0


@pytest.mark.parametrize(
    ("card", "place", "slot"), [(0, 0, 0), (1, 0, 11), (0, 1, 25), (2**32 - 1, 2**32 - 1, 23)]
)
def test_a_place_has_the_slot_that_splitmix64_gives_it(card: int, place: int, slot: int) -> None:
    """Stored visits lie there, so that no release may move them."""
    for function in (places.slot_of, places.slot_of.py_func):
        assert function(np.uint64(card), np.uint64(place), 32) == slot


@compiled
def forget_all(cards: Records, time_ms: float, salt: np.uint64) -> None:
    for i in range(len(cards)):
        places.forget(cards[i], time_ms, salt)


@compiled
def visit_all(cards: Records, salt: np.uint64, place: float, shares: Floats) -> None:
    for i in range(len(cards)):
        shares[i] = places.visit(cards[i], places.COUNTRY, salt, place)


@compiled
def add_all(cards: Records, stored: Records) -> None:
    for i in range(len(cards)):
        places.add_visits(cards[i], stored[i])


def as_python(kernel: Any) -> Any:
    def run(*args: Any) -> None:
        with uncompiled(places):
            kernel.py_func(*args)

    return run


def known(salt: int, n_here: int, n_elsewhere: int) -> tuple[Records, int]:
    """Return a card that was in country 9 and in others so often, and the slot of the former."""
    card = np.zeros(1, CARDS.row)
    _, first, end = places.COUNTRY
    slot = first + places.slot_of(np.uint64(salt), np.uint64(9), end - first)
    card["visits"][0, slot] = 2 * n_here
    card["place_payments"][0, places.COUNTRY[0]] = 2 * (n_here + n_elsewhere)
    return card, slot


@pytest.mark.parametrize("salt", [0, 2**31, 2**32 - 1])
def test_visits_are_halved_once_in_any_60_days(salt: int) -> None:
    """Of six payments at one place and two elsewhere, 60 days later 3 and 1 are left."""
    day_ms, t_ms = 86_400_000, 1_767_614_400_000
    for how in (lambda kernel: kernel, as_python):
        forget, visit = how(forget_all), how(visit_all)
        (card, slot), shares = known(salt, 6, 2), np.zeros(1)
        days = set()
        for day in range(60):
            card["time_ms"] = t_ms + (day - 1) * day_ms
            forget(card, t_ms + day * day_ms, np.uint64(salt))
            days.add(int(card["visits"][0, slot]))
        assert days <= {12, 6}
        assert card["visits"][0, slot] == 6
        visit(card, np.uint64(salt), 9.0, shares)
        assert shares == pytest.approx((3 + 1) / (4 + 1))
        assert (card["visits"][0, slot], card["place_payments"].tolist()) == (8, [[0, 10, 0]])
        visit(card, np.uint64(salt), -1.0, shares)
        assert np.isnan(shares).all()
        # Fifty years later nothing is left, nor after as many halvings as fit no word.
        forget(card, t_ms + 50 * 365 * day_ms, np.uint64(salt))
        assert (card["visits"].sum(), card["place_payments"].sum()) == (0, 0)


def test_the_shares_of_places_stay_when_one_has_more_visits_than_can_be_counted() -> None:
    """The 128th visit of a place halves those of its kind before it is counted; no other kind's."""
    for visit in (visit_all, as_python(visit_all)):
        (card, slot), shares = known(7, 127, 127), np.zeros(1)
        card["visits"][0, 0] = 100
        visit(card, np.uint64(7), 9.0, shares)
        assert shares == pytest.approx(128 / 255)
        assert (card["visits"][0, slot], card["visits"][0, 0]) == (127 + 2, 100)
        assert card["place_payments"].tolist() == [[0, 254 + 2, 0]]


def test_visits_of_two_rows_add_up_and_are_halved_where_the_sum_is_too_large() -> None:
    """100 and 100 visits of the one country, 20 and 10 of others."""
    for add in (add_all, as_python(add_all)):
        (card, slot), (stored, _) = known(7, 100, 20), known(7, 100, 10)
        add(card, stored)
        assert card["visits"][0, slot] == 200
        assert card["place_payments"].tolist() == [[0, 230, 0]]


def test_where_a_card_was_is_known_to_6_millimetres() -> None:
    """Half of 1e-7 degrees of a meridian of 40,030 km; the ends of the earth have their place."""
    for there in (-180.0, -90.0, -1e-9, 0.123456789, 52.51627, 179.99999994):
        units = equations.in_units(there)
        assert -(2**31) <= units < 2**31
        assert abs(equations.in_degrees(units) - there) * 40_030_000 / 360 <= 0.006


def test_rows_lie_as_they_are_stored() -> None:
    """Time, sums, the rest; another order would read what is stored as something else."""

    def places_of(row: np.dtype[np.void]) -> dict[str, int]:
        return {name: offset for name, (_, offset, *_) in (row.fields or {}).items()}

    assert places_of(CARDS.row) == {
        **{"time_ms": 0, "payments_1h": 8, "small_series": 16, "payments_1d": 24, "spent_1d": 32},
        **{"high_series": 40, "payments_7d": 48, "payments_30d": 56, "hours_x": 64},
        **{"hours_y": 72, "spent_30d": 80, "payments": 88, "logs": 96, "logs_sq": 104},
        **{"present_ms": 112, "latitude": 120, "longitude": 124, "currency": 128},
        **{"place_payments": 130, "visits": 136, "sums": 8},
    }
    assert CARDS.row.itemsize == 188
    assert MERCHANTS.half_lives_s.tolist() == [HOUR_S, DAY_S, *[30 * DAY_S] * 3, 7 * DAY_S]
    assert places_of(MERCHANT_VERDICTS.row) == {
        "time_ms": 0, "frauds": 8, "verdicts": 32, "payments": 56, "waiting": 80, "sums": 8,
    }  # fmt: skip
