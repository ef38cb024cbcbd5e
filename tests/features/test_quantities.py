"""Values in words: texts written by hand at the extremes, and what holds for every other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.features import CONTEXT_FEATURES, FEATURES, Feature
from streamer.features.quantities import (
    Quantity,
    counted,
    deviations,
    duration,
    measured,
    money,
    percent,
    times,
)

PAYMENTS = counted("payment", "payments")
# A unit stands behind every number, and is no number itself.
UNIT = {
    money: r" [A-Z]{3}",
    times: " times",
    percent: "%",
    deviations: " standard deviations (above|below)",
    duration: "( d| h| min| s)( \\d+ (h|min|s))?",
}


@pytest.mark.parametrize(
    ("quantity", "value", "currency", "told"),
    [
        (money, 0.0, "EUR", "0.00 EUR"),
        (money, -0.0, "EUR", "0.00 EUR"),
        (money, 5e-324, "EUR", "less than 0.01 EUR"),
        (money, 0.01, "EUR", "0.01 EUR"),
        (money, 0.4, "JPY", "less than 1 JPY"),
        (money, 1e12, "KWD", "1,000,000,000,000.000 KWD"),
        (times, 0.0, "", "less than 0.01 times"),
        (times, 0.43, "", "0.43 times"),
        (times, 9.99, "", "10.0 times"),
        (times, 1e304, "", "more than 1,000,000 times"),
        (percent, 1e-9, "", "less than 0.1%"),
        (percent, 9.74, "", "9.7%"),
        (percent, 50.0, "", "50%"),
        (percent, 99.94, "", "99.9%"),
        (percent, 99.99999, "", "more than 99.9%"),
        (percent, 100.0, "", "100%"),
        (percent, -1e-17, "", "0%"),
        (deviations, -0.21, "", "0.2 standard deviations below"),
        (deviations, -0.0, "", "less than 0.1 standard deviations above"),
        (deviations, 27.3, "", "27 standard deviations above"),
        (duration, 0.0, "", "less than 1 s"),
        (duration, 1.0, "", "1 s"),
        (duration, 59.7, "", "1 min"),
        (duration, 599.6, "", "10 min"),
        (duration, 252.0, "", "4 min 12 s"),
        (duration, 11_400.0, "", "3 h 10 min"),
        (duration, 86_399.0, "", "1 d"),
        (duration, 86_400.0, "", "1 d"),
        (duration, 172_800.0 + 3 * 3600, "", "2 d 3 h"),
        (duration, 1e15, "", "more than 1,000,000 d"),
        (PAYMENTS, 7.26, "", "7 payments"),
        (PAYMENTS, 1.49, "", "1 payment"),
        (PAYMENTS, 0.0, "", "0 payments"),
        (PAYMENTS, 1e300, "", "more than 1,000,000 payments"),
        (measured("km/h"), 25_025.3, "", "25,025 km/h"),
        (measured("km"), 0.0, "", "0 km"),
        (measured("km"), 1e-9, "", "less than 0.1 km"),
    ],
)
def test_a_value_reads_as_a_person_would_write_it(
    quantity: Quantity, value: float, currency: str, told: str
) -> None:
    assert quantity(value, currency) == told


on_the_models_scale = st.one_of(
    st.floats(-1e6, 1e6), st.floats(-3.0, 20.0), st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308])
)


@given(
    feature=st.sampled_from([*FEATURES, *CONTEXT_FEATURES]),
    x=on_the_models_scale,
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_every_value_has_a_unit_and_neither_an_exponent_nor_a_minus(
    feature: Feature, x: float, currency: str
) -> None:
    told = feature.quantity(feature.to_unit(x), currency)
    assert not re.search(r"-|\d[eE]|inf|nan", told), told
    number = r"(less than |more than )?[\d,]+(\.\d+)?"
    unit = UNIT.get(feature.quantity, r" (km/h|km|standard deviations|payments?|verdicts?)")
    assert re.fullmatch(number + unit, told), told
    if "payment" in told or "verdict" in told:
        assert "." not in told
        assert told.startswith("1 ") == told.endswith(("payment", "verdict"))


@given(st.sampled_from([times, percent, duration, PAYMENTS, measured("km")]), st.floats(0.06, 99.0))
def test_what_is_told_is_near_the_value(quantity: Quantity, value: float) -> None:
    sizes = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    told = quantity(value, "")
    parts = re.findall(r"([\d.]+)(?: (d|h|min|s)\b)?", told)
    total = sum(float(number) * sizes.get(unit, 1) for number, unit in parts)
    is_whole = quantity in (duration, PAYMENTS)
    assert total == pytest.approx(value, rel=0.051, abs=1.0 if is_whole else 0.05)


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_of_two_gaps_the_longer_never_reads_shorter(a: float, b: float) -> None:
    sizes = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}

    def read(text: str) -> int:
        if text == "less than 1 s":
            return 0
        return sum(
            int(n.replace(",", "")) * sizes[u] for n, u in re.findall(r"([\d,]+) (\w+)", text)
        )

    short, long = sorted((a, b))
    assert read(duration(short, "")) <= read(duration(long, ""))
