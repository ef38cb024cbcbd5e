"""Each equation with numbers worked by hand, compiled and as its Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamer.features import equations, places
from streamer.features.equations import DAY_S, HOUR_S
from streamer.features.kinds import CARDS, MERCHANT_VERDICTS, MERCHANTS, SPENDING
from streamer.features.records import as_records

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
    rows = np.zeros((1, 1 + SPENDING.n_columns))
    rows[0, 0] = -1.0
    habit = as_records(rows, SPENDING.row)[0]
    forward = equations.bring_forward.py_func
    assert math.isnan(forward(habit, 1_000, SPENDING.half_lives_s))
    habit.small_series = 8.0
    assert forward(habit, 3_601_000, SPENDING.half_lives_s) == 3_600.0
    assert forward(habit, 500, SPENDING.half_lives_s) == 0.0
    assert (habit.time_ms, habit.small_series) == (3_601_000, 4.0)
    assert forward(habit, 7_201_000, SPENDING.half_lives_s) == 3_600.0
    assert habit.small_series == 2.0


@pytest.mark.parametrize(
    ("card", "place", "slot"), [(0, 0, 0), (1, 0, 11), (0, 1, 25), (2**32 - 1, 2**32 - 1, 23)]
)
def test_a_place_has_the_slot_that_splitmix64_gives_it(card: int, place: int, slot: int) -> None:
    """Stored visits lie there, so that no release may move them."""
    for function in (places.slot_of, places.slot_of.py_func):
        assert function(np.uint64(card), np.uint64(place), 32) == slot


def test_a_visit_of_60_days_ago_counts_half() -> None:
    """Of three payments at one place and one elsewhere, 60 days later 1.5 and 2 are left."""
    t_ms = 1_767_614_400_000
    for visit in (places.visit, places.visit.py_func):
        visits, payments = np.zeros(16), np.zeros(3)
        weight = places.weight_of(t_ms)
        slot = places.slot_of(np.uint64(7), np.uint64(9), 16)
        visits[slot], payments[places.COUNTRY] = 3 * weight, 6 * weight
        later = places.weight_of(t_ms + 60 * 86_400_000)
        share = visit(visits, payments, places.COUNTRY, np.uint64(7), 9.0, later)
        assert share == pytest.approx((1.5 + 1) / (3 + 1))
        assert payments / later == pytest.approx([0.0, 4.0, 0.0])
        assert visits[slot] / later == pytest.approx(2.5)
        assert math.isnan(visit(visits, payments, places.COUNTRY, np.uint64(7), -1.0, later))


def test_rows_lie_as_they_are_stored() -> None:
    """Time, sums, slots, latest values; another order would read what is stored as something else."""

    def places_of(row: np.dtype[np.void]) -> dict[str, int]:
        return {name: offset // 8 for name, (_, offset, *_) in (row.fields or {}).items()}

    assert places_of(CARDS.row) == {
        **{"time_ms": 0, "payments_1h": 1, "payments_1d": 2, "payments_7d": 3, "payments_30d": 4},
        **{"hours_x": 5, "hours_y": 6, "place_payments": 7, "merchant_visits": 10},
        **{"country_visits": 42, "category_visits": 58},
        **{"latitude": 74, "longitude": 75, "present_ms": 76, "decaying": 1},
    }
    assert (CARDS.row.itemsize, CARDS.n_sums, CARDS.n_columns) == (77 * 8, 73, 76)
    assert places_of(SPENDING.row) == {
        **{"time_ms": 0, "payments": 1, "logs": 2, "logs_sq": 3, "spent_1d": 4, "spent_30d": 5},
        **{"high_series": 6, "small_series": 7, "decaying": 1},
    }
    assert MERCHANTS.half_lives_s.tolist() == [HOUR_S, DAY_S, *[30 * DAY_S] * 3, 7 * DAY_S]
    assert places_of(MERCHANT_VERDICTS.row) == {
        "time_ms": 0, "frauds": 1, "verdicts": 4, "decaying": 1,
    }  # fmt: skip
