"""The features, with numbers worked by hand, and their independence of batch boundaries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from streamer.features import FEATURE_NAMES, Tables
from streamer.features.packed import names_of
from streamer.indexing import fingerprints
from tests.builders import payment
from tests.features.streams import DAY, NAMES, matrix_of, observed

PLACES = tuple(f"card_{kind}_familiarity" for kind in ("merchant", "country", "category"))


def feature(X: np.ndarray[Any, Any], name: str, row: int = -1) -> float:
    return float(X[row, NAMES.index(name)])


def test_a_first_payment_knows_only_its_amount_and_itself() -> None:
    X = matrix_of([payment(amount=50.0)])
    assert feature(X, "amount") == pytest.approx(math.log(50))
    assert feature(X, "card_payments_1h") == pytest.approx(math.log1p(1))
    known = {name for name, x in zip(FEATURE_NAMES, X[0], strict=False) if not math.isnan(x)}
    # No earlier payment is also no series of unusual ones.
    assert known == {
        "amount",
        "card_payments_1h",
        "card_payments_1d",
        "card_high_series",
        "card_small_series",
    }


def test_amount_against_the_cards_own_habit() -> None:
    """Four payments of 20 at once, then one of 60: three times the usual amount.

    The own variance is 0, so with a prior of 0.8² at the weight of 3 payments the spread is
    √(3·0.64/7) = 0.5237, widened by √(1 + 1/4): ln 3 / (0.5237·1.1180) = 1.8762.
    """
    X = matrix_of([payment(i, amount=20.0) for i in range(4)] + [payment(4, amount=60.0)])
    assert feature(X, "amount_ratio_to_card") == pytest.approx(math.log(3))
    assert feature(X, "amount_deviation_from_card") == pytest.approx(1.8762, abs=1e-4)


def test_a_verification_counts_for_card_merchant_and_place_and_has_no_amount() -> None:
    """Three payments of 20 and one of 0, all at once, then one of 60.

    The row of 0 has its own pace (the fourth payment of the card) and no feature of the amount.  For
    the fifth payment four came before it at the card and the merchant, and of amounts it is as if the 0
    had not been: three times the usual 20.  The deviation is that of three payments, spread
    √(3·0.64/6) = 0.5657, widened by √(1 + 1/3): ln 3 / (0.5657·1.1547) = 1.6819.
    """
    at = {"merchant_id": "m", "country": "DE", "mcc": "5411"}
    priced = [payment(i, amount=20.0, **at) for i in range(3)]
    last = payment(4, amount=60.0, **at)
    X = matrix_of([*priced, payment(3, amount=0, **at), last])
    without = matrix_of([*priced, last])
    unknown, others = (
        {name for name, x in zip(NAMES, row, strict=True) if math.isnan(x)}
        for row in (X[3], without[3])
    )
    assert unknown - others == {
        "amount",
        "amount_ratio_to_card",
        "amount_deviation_from_card",
        "spend_today_ratio",
        "amount_deviation_from_merchant",
    }
    assert feature(X, "card_payments_1h", 3) == pytest.approx(math.log1p(4))
    assert feature(X, "card_payments_1h", 4) == pytest.approx(math.log1p(5))
    assert feature(X, "card_country_familiarity", 4) == 1.0
    assert feature(X, "amount_ratio_to_card", 4) == pytest.approx(math.log(3))
    assert feature(X, "amount_deviation_from_card", 4) == pytest.approx(1.6819, abs=1e-4)
    same = ["amount_ratio_to_card", "amount_deviation_from_card", "amount_deviation_from_merchant"]
    for name in [*same, "spend_today_ratio", "card_high_series", "card_small_series"]:
        assert feature(X, name) == feature(without, name), name


def test_verifications_alone_are_no_habit_however_many() -> None:
    X = matrix_of([payment(i, amount=0) for i in range(5)] + [payment(5, amount=9.0)])
    assert math.isnan(feature(X, "amount_ratio_to_card"))
    assert feature(X, "amount") == pytest.approx(math.log(9))


def test_a_series_of_high_payments_fades_over_days_and_is_of_earlier_ones_only() -> None:
    """As above, the fifth payment lies 1.8762 deviations up: 0.3762 beyond the 1.5 that are usual.

    It is no part of its own row; three days later, one half-life, the next sees half of it.
    """
    values = [payment(i, amount=20.0) for i in range(4)] + [payment(4, amount=60.0)]
    values.append(payment(5, after_s=3 * 86_400, amount=20.0))
    X = matrix_of(values)
    column = FEATURE_NAMES.index("card_high_series")
    assert X[:5, column].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0]
    assert X[5, column] == pytest.approx(math.log1p(0.3762 / 2), abs=1e-4)


def test_a_series_of_small_payments_fades_within_an_hour() -> None:
    """A thirtieth of the usual: ln 30 / (0.5237·1.1180) = 5.809, of which 3 at most count."""
    values = [payment(i, amount=30.0) for i in range(4)] + [payment(4, amount=1.0)]
    X = matrix_of([*values, payment(5, after_s=3600, amount=30.0)])
    assert feature(X, "card_small_series") == pytest.approx(math.log1p(1.5))
    assert feature(X, "card_high_series") == 0.0


def test_amounts_of_another_currency_are_not_compared() -> None:
    X = matrix_of([payment(0, amount=20.0), payment(1, amount=3_000.0, currency="JPY")])
    assert math.isnan(feature(X, "amount_ratio_to_card"))


def test_payments_within_an_hour_decay_by_half_each_hour() -> None:
    X = matrix_of([payment(0), payment(1, after_s=3600)])
    assert feature(X, "card_payments_1h") == pytest.approx(math.log1p(1.5))


def test_seconds_since_the_last_payment() -> None:
    X = matrix_of([payment(0), payment(1, after_s=90)])
    assert feature(X, "card_gap") == pytest.approx(math.log1p(90))


def test_a_late_payment_sees_a_gap_of_zero_and_rewinds_nothing() -> None:
    late = [payment(0), payment(1, after_s=3600), payment(2, after_s=10)]
    X = matrix_of([*late, payment(3, after_s=7200)])
    assert feature(X, "card_gap", row=2) == 0.0
    # One hour after the latest event: the decayed sum was 0.5 + 1 + 1, half of it is left.
    assert feature(X, "card_payments_1h") == pytest.approx(math.log1p(1 + 2.5 / 2))


def test_speed_is_distance_over_time_since_the_card_was_last_present() -> None:
    """One degree of longitude on the equator is 6371·π/180 = 111.195 km, here in half an hour."""
    here = {"latitude": 0.0, "channel": "pos"}
    X = matrix_of(
        [payment(0, longitude=10.0, **here), payment(1, after_s=1800, longitude=11.0, **here)]
    )
    assert feature(X, "travel_distance") == pytest.approx(math.log1p(111.195), abs=1e-5)
    assert feature(X, "travel_speed") == pytest.approx(math.log1p(222.39), abs=1e-4)


def test_an_online_payment_neither_travels_nor_moves_the_card() -> None:
    at = {"latitude": 0.0, "longitude": 10.0}
    X = matrix_of(
        [
            payment(0, channel="pos", **at),
            payment(1, after_s=60, channel="ecommerce", latitude=40.0, longitude=100.0),
            payment(2, after_s=3600, channel="pos", **at),
        ]
    )
    assert math.isnan(feature(X, "travel_speed", row=1))
    assert feature(X, "travel_speed", row=2) == 0.0


def test_the_hour_is_the_local_one() -> None:
    """Ten payments at 09:00 local time; at 09:00 the hour is familiar, at 21:00 the opposite."""
    mornings = [payment(i, timestamp=f"2026-01-{i + 1:02d}T09:00:00+05:00") for i in range(10)]
    same = matrix_of([*mornings, payment(10, timestamp="2026-01-11T09:00:00+05:00")])
    opposite = matrix_of([*mornings, payment(10, timestamp="2026-01-11T21:00:00+05:00")])
    assert feature(same, "card_hour_familiarity") > 0.85
    assert feature(opposite, "card_hour_familiarity") < -0.85


def test_a_missing_merchant_makes_its_features_unknown_not_zero() -> None:
    with_merchant = [payment(i, after_s=i * 60.0, merchant_id="m") for i in range(3)]
    X = matrix_of([*with_merchant, payment(3, after_s=200)])
    assert math.isnan(feature(X, "merchant_pace_ratio"))
    assert math.isnan(feature(X, "amount_deviation_from_merchant"))
    assert not math.isnan(feature(X, "merchant_pace_ratio", row=2))


def test_familiarity_is_the_share_of_the_cards_payments_at_the_same_place() -> None:
    """Three at one shop, then one at another: (0 + 1)/(3 + 1); the first again: (3 + 1)/(4 + 1)."""
    shops = ["m-0", "m-0", "m-0", "m-1", "m-0"]
    X = matrix_of([payment(i, merchant_id=shop) for i, shop in enumerate(shops)])
    column = NAMES.index("card_merchant_familiarity")
    assert np.isnan(X[:3, column]).all(), "the card is too young to have habits"
    assert X[3:, column] == pytest.approx([1 / 4, 4 / 5])


@pytest.mark.parametrize(
    ("name", "field", "usual", "new"),
    [
        ("card_country_familiarity", "country", "DE", "BR"),
        ("card_category_familiarity", "mcc", "5411", "5732"),
    ],
)
def test_familiarity_of_a_place_fades_by_half_in_60_days(
    name: str, field: str, usual: str, new: str
) -> None:
    """Eight payments in one place, of which 60 days later four are left.

    Then one in another place, (0 + 1)/(4 + 1), and one in the first, (4 + 1)/(5 + 1).
    """
    values = [payment(i, **{field: usual}) for i in range(8)]
    values += [payment(8, after_s=60 * DAY, **{field: new})]
    values += [payment(9, after_s=60 * DAY, **{field: usual})]
    X = matrix_of(values)
    assert feature(X, name, row=8) == pytest.approx(1 / 5)
    assert feature(X, name, row=9) == pytest.approx(5 / 6)


def test_a_payment_that_names_no_place_has_no_familiarity_and_counts_for_none() -> None:
    """Three payments in DE, three without a country, one in FR: (0 + 1)/(3 + 1)."""
    values = [payment(i, country="DE") for i in range(3)]
    values += [payment(i) for i in range(3, 6)] + [payment(6, country="FR")]
    X = matrix_of(values)
    column = FEATURE_NAMES.index("card_country_familiarity")
    assert np.isnan(X[3:6, column]).all()
    assert X[6, column] == pytest.approx(1 / 4)
    for name in (PLACES[0], PLACES[2]):
        assert np.isnan(X[:, NAMES.index(name)]).all()


@pytest.mark.parametrize("year", [1970, 2100])
def test_familiarity_is_the_same_in_any_year(year: int) -> None:
    values = [
        payment(i, country=country, timestamp=f"{year}-01-01T12:00:00Z")
        for i, country in enumerate(["DE", "DE", "DE", "FR"])
    ]
    assert feature(matrix_of(values), "card_country_familiarity") == pytest.approx(1 / 4)


def test_what_a_card_knows_survives_saving_and_merging_with_what_came_in_meanwhile() -> None:
    """Two payments saved, two made before they could be loaded: the fifth knows all four."""
    at = {"country": "DE", "merchant_id": "m-0", "mcc": "5411"}
    earlier, tables = Tables.empty(10, 10), Tables.empty(10, 10)
    observed([payment(i, after_s=i * DAY, **at) for i in range(2)], earlier)
    card = fingerprints(["card-1"])
    tables.cards.mark_unloaded(names_of(card))
    observed([payment(i, after_s=i * DAY, **at) for i in range(2, 4)], tables)
    tables.cards.load(earlier.cards.take_changed())
    last = payment(4, after_s=4 * DAY, **at | {"country": "FR"})
    loaded = observed([last], tables)
    expected = matrix_of([*(payment(i, after_s=i * DAY, **at) for i in range(4)), last])
    for name in PLACES:
        assert feature(loaded, name) == pytest.approx(feature(expected, name), rel=1e-9)
    again = Tables.empty(10, 10)
    again.cards.load(tables.cards.take_changed())
    saved, kept = again.cards.rows(card), tables.cards.rows(card)
    assert again.cards.records[saved].tobytes() == tables.cards.records[kept].tobytes()


def test_no_familiarity_is_below_the_exact_one() -> None:
    """A collision makes a new place look familiar; it never makes a known one look new."""
    rng = np.random.default_rng(0)
    shops = [f"m-{shop}" for shop in rng.integers(0, 30, 400)]
    X = matrix_of([payment(i, merchant_id=shop) for i, shop in enumerate(shops)])
    exact = [(shops[:i].count(shop) + 1) / (i + 1) for i, shop in enumerate(shops)]
    found = X[:, NAMES.index("card_merchant_familiarity")]
    assert (found[3:] >= np.array(exact)[3:] - 1e-9).all()
    assert np.median(found[3:] / np.array(exact)[3:]) < 2


def test_a_young_merchant_is_known_or_not_wherever_batches_end() -> None:
    """Two payments, a third 53.75 days later, a fourth one day after that.

    The merchant's weight over a day is then (2·2^-53.75 + 1)/2, and whether that is more than a half
    would depend on the order of the additions, were it not always the same.
    """
    days = (0.0, 0.0, 53.75, 54.75)
    shop = [payment(i, after_s=day * 86_400, merchant_id="m-0") for i, day in enumerate(days)]
    np.testing.assert_array_equal(matrix_of(shop, (1, 2, 3)), matrix_of(shop))
