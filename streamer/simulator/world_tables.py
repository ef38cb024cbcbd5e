"""The fixed tables of the simulated world: cities, money and merchant categories.

The cities lie where their namesakes do, to a hundredth of a degree.  UTC offsets are those of
standard time all year: a daylight-saving switch would add an hour's ambiguity that no detector here
looks at. Exchange rates are round numbers that never move.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats

__all__ = ["CATEGORIES", "CITIES", "MONEY", "Category", "City", "Money", "distance_km"]

_EARTH_RADIUS_KM: Final = 6371.0


class City(NamedTuple):
    """A place where customers live; ``weight`` is its relative population."""

    name: str
    country: str
    currency: str
    latitude: float
    longitude: float
    utc_offset_min: int
    weight: float


class Money(NamedTuple):
    """A currency: units per euro, the smallest useful sum at a cash machine, and its decimals."""

    units_per_eur: float
    cash_step: float
    decimals: int


class Category(NamedTuple):
    """A kind of merchant: its code, where it sells, a middling price in euros, how common it is."""

    mcc: str
    name: str
    sold: str
    price_eur: float
    weight: float


# A small world takes the first few cities only, so those lie far apart: impossible travel needs two
# cities at thousands of kilometres.
CITIES: Final[tuple[City, ...]] = (
    City("London", "GB", "GBP", 51.51, -0.13, 0, 9.0),
    City("New York", "US", "USD", 40.71, -74.01, -300, 8.0),
    City("Singapore", "SG", "SGD", 1.35, 103.82, 480, 4.0),
    City("Paris", "FR", "EUR", 48.86, 2.35, 60, 8.0),
    City("Sao Paulo", "BR", "BRL", -23.55, -46.63, -180, 4.0),
    City("Warsaw", "PL", "PLN", 52.23, 21.01, 60, 5.0),
    City("Toronto", "CA", "CAD", 43.65, -79.38, -300, 4.0),
    City("Sydney", "AU", "AUD", -33.87, 151.21, 600, 4.0),
    City("Berlin", "DE", "EUR", 52.52, 13.40, 60, 8.0),
    City("Tokyo", "JP", "JPY", 35.68, 139.69, 540, 4.0),
    City("Mumbai", "IN", "INR", 19.08, 72.88, 330, 4.0),
    City("Stockholm", "SE", "SEK", 59.33, 18.07, 60, 4.0),
    City("Chicago", "US", "USD", 41.88, -87.63, -360, 5.0),
    City("Madrid", "ES", "EUR", 40.42, -3.70, 60, 6.0),
    City("Manchester", "GB", "GBP", 53.48, -2.24, 0, 4.0),
    City("Mexico City", "MX", "MXN", 19.43, -99.13, -360, 4.0),
    City("Johannesburg", "ZA", "ZAR", -26.20, 28.05, 120, 3.0),
    City("Dublin", "IE", "EUR", 53.35, -6.26, 0, 4.0),
    City("Vancouver", "CA", "CAD", 49.28, -123.12, -480, 3.0),
    City("Zurich", "CH", "CHF", 47.38, 8.54, 60, 4.0),
)

MONEY: Final[dict[str, Money]] = {
    "AUD": Money(1.65, 20, 2),
    "BRL": Money(6.0, 20, 2),
    "CAD": Money(1.5, 20, 2),
    "CHF": Money(0.95, 10, 2),
    "EUR": Money(1.0, 10, 2),
    "GBP": Money(0.85, 10, 2),
    "INR": Money(95.0, 500, 2),
    "JPY": Money(160.0, 1000, 0),
    "MXN": Money(20.0, 100, 2),
    "PLN": Money(4.3, 50, 2),
    "SEK": Money(11.0, 100, 2),
    "SGD": Money(1.45, 10, 2),
    "USD": Money(1.1, 20, 2),
    "ZAR": Money(20.0, 100, 2),
}

CATEGORIES: Final[tuple[Category, ...]] = (
    Category("5411", "groceries", "till", 28.0, 5.0),
    Category("5812", "restaurants", "till", 32.0, 3.0),
    Category("5814", "fast food", "till", 11.0, 3.0),
    Category("5541", "fuel", "till", 45.0, 2.0),
    Category("5912", "pharmacies", "till", 16.0, 1.5),
    Category("5651", "clothing", "till", 55.0, 1.5),
    Category("5944", "jewellery", "till", 110.0, 0.3),
    Category("5969", "mail order", "online", 34.0, 4.0),
    Category("5732", "electronics", "online", 85.0, 1.5),
    Category("5816", "games", "online", 14.0, 2.0),
    Category("4899", "streaming", "online", 12.0, 2.0),
    Category("4511", "airlines", "online", 150.0, 0.5),
    Category("6011", "cash machines", "cash", 60.0, 1.0),
    Category("4789", "shared scooters", "new", 8.0, 1.0),
)


def distance_km(
    latitude: Floats,
    longitude: Floats,
    other_latitude: Floats,
    other_longitude: Floats,
) -> Floats:
    """Return the great-circle distance in km between points in degrees (haversine).

    >>> london, paris = np.array([51.51, -0.13]), np.array([48.86, 2.35])
    >>> round(float(distance_km(london[:1], london[1:], paris[:1], paris[1:])[0]))
    343
    """
    phi, other_phi = np.radians(latitude), np.radians(other_latitude)
    half_phi = (other_phi - phi) / 2
    half_lambda = np.radians(np.subtract(other_longitude, longitude)) / 2
    chord_sq = np.sin(half_phi) ** 2 + np.cos(phi) * np.cos(other_phi) * np.sin(half_lambda) ** 2
    return np.asarray(2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord_sq, 0.0, 1.0))))
