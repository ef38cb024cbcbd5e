"""From columns and their history to the feature matrix X.

A pure function of the transaction and of what was known before it, so that it can also be asked
what would have been at another amount.  A feature that cannot be known is NaN: it takes no part in the
distance, which is not the same as a value of zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.features.catalogue import FEATURES
from streamer.features.columns import Columns
from streamer.features.habit import YOUNG, against_habit
from streamer.features.history import DAY_S, HOUR_S, History

__all__ = ["feature_matrix", "place_familiarity"]

Floats = NDArray[np.float64]

# Two presences within a minute say nothing of speed: clocks of terminals differ by that much.
_MIN_TRAVEL_S: Final = 60.0
# Three payments, less a little for the same reason as `YOUNG`.
_MIN_HOUR_WEIGHT: Final = 2.95
# A card has habits after about three payments.
_MIN_PLACE_WEIGHT: Final = 2.95
_EARTH_RADIUS_KM: Final = 6371.0


def feature_matrix(columns: Columns, history: History) -> Floats:
    """Return X, shape (n, n_features), NaN where a feature cannot be known.

    Column 0 is ln amount in the payment's own currency; the model centres it per currency.
    """
    log_amounts = columns.log_amounts
    card, spending, merchant = history.card_sums, history.spending_sums, history.merchant_sums
    ratio, deviation = against_habit(log_amounts, spending[:, 0], spending[:, 1], spending[:, 2])
    _, from_merchant = against_habit(log_amounts, merchant[:, 2], merchant[:, 3], merchant[:, 4])
    distance_km, speed_kmh = _travel(columns, history.card_last)
    X = np.empty((len(columns), len(FEATURES)))
    X[:, 0] = log_amounts
    X[:, 1] = ratio
    X[:, 2] = deviation
    X[:, 3] = _spend_today(columns.amounts, spending)
    X[:, 4] = np.log1p(card[:, 0] + 1)
    X[:, 5] = np.log1p(card[:, 1] + 1)
    X[:, 6] = _pace(card[:, 1], card[:, 2], 7.0)
    X[:, 7] = np.log1p(history.card_gaps_s)
    X[:, 8] = _hour_familiarity(columns.local_hours, card)
    X[:, 9] = np.log1p(speed_kmh)
    X[:, 10] = np.log1p(distance_km)
    X[:, 11] = _pace(merchant[:, 0], merchant[:, 1], DAY_S / HOUR_S)
    X[:, 12] = from_merchant
    X[:, 13:15] = np.log1p(history.surprise_sums)
    X[:, 15:17] = place_familiarity(history)[:, 1:]
    return X


def _spend_today(amounts: Floats, spending: Floats) -> Floats:
    """Return ln of the last day's spending, this payment included, over the card's usual day.

    A steady rate r has the decayed sum r·half_life/ln 2, so the month's sum over 30 is on the scale
    of the day's.  The usual payment is added to both so that a quiet day is not divided by zero.
    """
    weights = spending[:, 0]
    known = weights > YOUNG
    usual_payment = np.exp(spending[:, 1] / np.where(known, weights, 1.0))
    today, usual_day = spending[:, 3] + amounts, spending[:, 4] / 30
    with np.errstate(divide="ignore", invalid="ignore"):
        # The difference of logarithms, since the ratio of extreme amounts can be beyond a float.
        excess = np.log(today) - np.log(usual_day + usual_payment)
    return np.where(known & (amounts > 0), excess, np.nan)


def _pace(fast: Floats, slow: Floats, half_lives_ratio: float) -> Floats:
    """Return ln of the short-run pace over the long-run pace, this payment included in both."""
    known = slow > YOUNG
    with np.errstate(invalid="ignore"):
        return np.where(known, np.log((fast + 1) / (slow / half_lives_ratio + 1)), np.nan)


def _hour_familiarity(local_hours: Floats, card: Floats) -> Floats:
    """Return how close the hour is to the card's hours, from -1 (opposite) to 1 (always then)."""
    angles = local_hours * (2 * np.pi / 24)
    weights = card[:, 3]
    familiarity = (card[:, 4] * np.cos(angles) + card[:, 5] * np.sin(angles)) / (weights + 1)
    return np.where(weights >= _MIN_HOUR_WEIGHT, familiarity, np.nan)


def place_familiarity(history: History) -> Floats:
    """Return the shares of the card's payments, this one included, at the same places (n, 3).

    Of merchant, country and category, from 0 to 1, NaN while the card has no habits yet.
    """
    visits, payments = history.card_visits, history.card_payments
    return np.where(payments >= _MIN_PLACE_WEIGHT, (visits + 1) / (payments + 1), np.nan)


def _travel(columns: Columns, last: Floats) -> tuple[Floats, Floats]:
    """Return great-circle km and km/h since the card's last presence (haversine), NaN if unknown."""
    latitudes, longitudes = np.radians(columns.latitudes), np.radians(columns.longitudes)
    last_latitudes, last_longitudes = np.radians(last[:, 0]), np.radians(last[:, 1])
    chord = (
        np.sin((latitudes - last_latitudes) / 2) ** 2
        + np.cos(latitudes)
        * np.cos(last_latitudes)
        * np.sin((longitudes - last_longitudes) / 2) ** 2
    )
    distance_km = 2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    elapsed_s = np.maximum(columns.times_ms / 1000 - last[:, 2] / 1000, _MIN_TRAVEL_S)
    return distance_km, distance_km / (elapsed_s / 3600)
