"""The equations of the features, each for one payment: numbers in, a number out.

What cannot be known is NaN: it takes no part in the distance, which is not the same as a value of zero.
"""

from __future__ import annotations

import math
from typing import Final

from streamer.arrays import Floats
from streamer.compiled import compiled
from streamer.features.records import Record

__all__ = [
    "angle_of",
    "bring_forward",
    "decay",
    "fade",
    "familiarity",
    "from_habit",
    "great_circle_km",
    "hour_familiarity",
    "in_degrees",
    "in_units",
    "log_amount",
    "log_odds_of_share",
    "pace",
    "speed_kmh",
    "spend_today",
    "surprise",
]


# Every amount is valid, but the logarithm of the smallest float would be -744.
_SMALLEST_AMOUNT: Final = 1e-3
# A habit of fewer than about this many payments says nothing yet.  Not 0.5: a single payment weighs
# just that one half-life later, and then rounding, as of a state that was merged, would decide.
_YOUNG: Final = 0.49
# Three payments, less a little for the same reason: a card has hours and places after that many.
_HABITUAL: Final = 2.95
# Until a card or merchant has shown its own spread of ln amount, one like the whole population's
# is mixed in, with the weight of this many payments.
_PRIOR_SPREAD: Final = 0.8
_PRIOR_WEIGHT: Final = 3.0
# One payment in 15 of a normal habit lies further up than this; what is below is no surprise.
_SURPRISING: Final = 1.5
# One payment alone, however high, is not yet a series.
_MOST_SURPRISE: Final = 3.0
# Two presences within a minute say nothing of speed: clocks of terminals differ by that much.
_MIN_TRAVEL_S: Final = 60.0
_EARTH_RADIUS_KM: Final = 6371.0
# Of a degree: 11 mm along a meridian, and 360 of them have 32 bits.
_UNITS: Final = 1e7
# An entity without verdicts is taken to be like one with a single verdict, one percent of it fraud.
_PRIOR_FRAUDS: Final = 0.01
_PRIOR_LEGITIMATE: Final = 0.99


@compiled
def decay(gap_s: float, half_life_s: float) -> float:
    """Return what is left of a sum after a gap: 2^(-gap / half-life)."""
    return math.exp2(-gap_s / half_life_s)


@compiled
def fade(sums: Floats, gap_s: float, half_lives_s: Floats) -> None:
    """Let sums decay over a gap; ``sums`` (n,) IN/OUT.  Equal half-lives that lie together cost one."""
    left = 1.0
    for j in range(len(sums)):
        if j == 0 or half_lives_s[j] != half_lives_s[j - 1]:
            left = decay(gap_s, half_lives_s[j])
        sums[j] *= left


@compiled
def bring_forward(entity: Record, time_ms: float, half_lives_s: Floats) -> float:
    """Let an entity's sums decay up to an event (IN/OUT), and return the gap (s), NaN at its first.

    An event that arrives late is taken at the latest time the entity has reached: it sees a gap of
    zero and rewinds nothing.
    """
    if entity.time_ms < 0:
        entity.time_ms = max(entity.time_ms, time_ms)
        return math.nan
    gap_s: float = max(time_ms - entity.time_ms, 0.0) / 1000
    if gap_s > 0:
        fade(entity.sums, gap_s, half_lives_s)
        entity.time_ms = time_ms
    return gap_s


@compiled
def log_amount(amount: float) -> float:
    """Return ln amount, of a thousandth at least; NaN for 0, which verifies a card and is no amount."""
    return math.log(max(amount, _SMALLEST_AMOUNT)) if amount > 0 else math.nan


@compiled
def from_habit(log: float, payments: float, logs: float, logs_sq: float) -> tuple[float, float]:
    """Return ln(amount / usual amount), and the same in standard deviations.

    ``log`` is ln amount, the others are the habit's Σ1, Σ ln amount and Σ (ln amount)².  The deviation
    divides by the habit's own spread, mixed with that of all while it is young, and widened by the
    uncertainty of the mean, √(1 + 1/payments).
    """
    if not payments > _YOUNG:
        return math.nan, math.nan
    mean = logs / payments
    variance = max(logs_sq / payments - mean * mean, 0.0)
    mixed = (payments * variance + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (payments + _PRIOR_WEIGHT)
    ratio = log - mean
    return ratio, ratio / math.sqrt(mixed * (1 + 1 / payments))


@compiled
def surprise(deviation: float) -> float:
    """Return by how many deviations an amount goes beyond what is usual, from 0 to 3.

    NaN, without a habit or an amount, is no surprise.
    """
    return min(deviation - _SURPRISING, _MOST_SURPRISE) if deviation > _SURPRISING else 0.0


@compiled
def spend_today(
    amount: float, payments: float, logs: float, spent_1d: float, spent_30d: float
) -> float:
    """Return ln of the last day's spending, this payment included, over the card's usual day.

    A steady rate r has the decayed sum r·half_life/ln 2, so the month's sum over 30 is on the scale
    of the day's.  The usual payment is added to both so that a quiet day is not divided by zero.
    """
    if not (payments > _YOUNG and amount > 0):
        return math.nan
    usual_payment, usual_day = math.exp(logs / payments), spent_30d / 30
    # The difference of logarithms, since the ratio of extreme amounts can be beyond a float.
    return math.log(spent_1d + amount) - math.log(usual_day + usual_payment)


@compiled
def pace(fast: float, slow: float, half_lives_ratio: float) -> float:
    """Return ln of the short-run pace over the long-run pace, this payment included in both."""
    return math.log((fast + 1) / (slow / half_lives_ratio + 1)) if slow > _YOUNG else math.nan


@compiled
def angle_of(local_hour: float) -> float:
    """Return the hand of a clock with 24 hours, in radians."""
    return local_hour * (2 * math.pi / 24)


@compiled
def hour_familiarity(angle: float, payments: float, hours_x: float, hours_y: float) -> float:
    """Return how close the hour is to the card's hours, from -1 (opposite) to 1 (always then).

    The hours of earlier payments are unit vectors, summed up in x and y.
    """
    if payments < _HABITUAL:
        return math.nan
    return (hours_x * math.cos(angle) + hours_y * math.sin(angle)) / (payments + 1)


@compiled
def familiarity(visits: float, payments: float) -> float:
    """Return the share of payments, this one included, at this place; NaN while there is no habit."""
    return (visits + 1) / (payments + 1) if payments >= _HABITUAL else math.nan


@compiled
def in_units(degrees: float) -> int:
    """Return latitude or longitude as a whole number of 1e-7 degrees."""
    return math.floor(degrees * _UNITS + 0.5)


@compiled
def in_degrees(units: int) -> float:
    """Return what `in_units` was given, to within 6 mm on the ground."""
    return units / _UNITS


@compiled
def great_circle_km(
    latitude: float, longitude: float, from_latitude: float, from_longitude: float
) -> float:
    """Return the distance between two places, in degrees, on a sphere (haversine)."""
    here, there = math.radians(latitude), math.radians(from_latitude)
    turn = math.radians(longitude) - math.radians(from_longitude)
    north, east = math.sin((here - there) / 2), math.sin(turn / 2)
    chord = north * north + math.cos(here) * math.cos(there) * (east * east)
    # Rounding may bring opposite ends of the earth beyond 1.
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))


@compiled
def speed_kmh(distance_km: float, elapsed_s: float) -> float:
    """Return the speed at which a distance was travelled, in a minute at least."""
    return distance_km / (max(elapsed_s, _MIN_TRAVEL_S) / 3600)


@compiled
def log_odds_of_share(frauds: float, verdicts: float) -> float:
    """Return ln(frauds / legitimate) among decayed verdicts and a prior: one verdict, 1% fraud.

    What was taken back can leave a rounding error below zero.
    """
    frauds = max(frauds, 0.0)
    legitimate = max(max(verdicts, 0.0) - frauds, 0.0)
    return math.log(frauds + _PRIOR_FRAUDS) - math.log(legitimate + _PRIOR_LEGITIMATE)
