"""What a payment is beside what its card did until then: pure, out of the alert alone.

It is told whether or not it speaks for fraud: who judges has to know where a card is at home, and what
it pays with, also where nothing of that made the alert.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streamer.console.alert.fraud_history import count_text, known_at_alert
from streamer.contract.messages import Alert
from streamer.explaining.before import read_before
from streamer.features import (
    CONTEXT_FEATURES,
    CONTEXT_NAMES,
    FEATURE_NAMES,
    FEATURES,
    money,
    percent,
)

__all__ = ["Habit", "habits_of", "odd_text", "usual_amount"]

_LEAST_SPREAD: Final = 0.05
# Below it nothing is left of what was counted.
_NONE: Final = 0.5
# Where a card is at home it pays more often, and no aeroplane is as fast.
_AT_HOME: Final = 0.2
_FLYING_KMH: Final = 1_000.0
_NEAR_KM: Final = 50.0
_SOME_HOURS: Final = 40.0
_OFTEN: Final = 3.0
_MANY: Final = 5.0
_DEAR: Final = 8.0
_AT_ONCE_S: Final = 30.0
_MOST_ODD: Final = 2
_STRANGEST: Final = (
    *("Currency", "Place", "Amount", "Pace"),
    *("Of its payments", "Last payment", "Hour"),
)
# So few payments in a currency may be those of a fraud that has just begun.
_KNOWN: Final = 4.0
_FAR_SD: Final = 3.0
_FEATURES: Final = dict(
    zip((*FEATURE_NAMES, *CONTEXT_NAMES), (*FEATURES, *CONTEXT_FEATURES), strict=True)
)


@dataclass(frozen=True, slots=True)
class Habit:
    """One thing that is compared; ``is_odd`` where a person should see it first."""

    what: str
    text: str
    is_odd: bool = False


def habits_of(alert: Alert) -> tuple[Habit, ...]:
    """Return what can be told of an alert's card, () of an alert that carries nothing of it."""
    makers: tuple[Callable[[Alert], Iterator[Habit]], ...] = (
        _amount,
        _places,
        _hour,
        _whereabouts,
        _pace,
        _verdicts,
    )
    return tuple(habit for make in makers for habit in make(alert))


def odd_text(alert: Alert) -> str:
    """Return what is strangest of an alert beside its card's past, in short, "" where nothing is."""
    odd = {each.what: each.text for each in habits_of(alert) if each.is_odd}
    return ". ".join([f"{what}: {odd[what]}" for what in _STRANGEST if what in odd][:_MOST_ODD])


def usual_amount(alert: Alert) -> tuple[float, float] | None:
    """Return mean and standard deviation of ln amount of the card before; None if unknown."""
    before = read_before(alert.before)
    if before is None or before.habit.payments < 1:
        return None
    mean = before.habit.logs / before.habit.payments
    variance = before.habit.logs_sq / before.habit.payments - mean * mean
    return mean, max(math.sqrt(max(variance, 0.0)), _LEAST_SPREAD)


def _amount(alert: Alert) -> Iterator[Habit]:
    before, currency = read_before(alert.before), alert.transaction.currency
    if before is None:
        return
    if before.habit.payments < _NONE:
        yield Habit("Currency", f"It had not paid in {currency} before", is_odd=True)
        return
    usual = usual_amount(alert)
    if usual is None or before.habit.payments < _KNOWN:
        n = count_text(round(before.habit.payments))
        yield Habit("Currency", f"It had paid in {currency} about {n} times before", is_odd=True)
    if usual is not None:
        middle, low, high = (
            money(math.exp(usual[0] + n * usual[1]), currency) for n in (0.0, -1.0, 1.0)
        )
        n = count_text(round(before.habit.payments))
        text = (
            f"Usually about {middle}, two of three from {low} to {high}; {n} payments in {currency}"
        )
        amount = alert.transaction.amount
        is_odd = amount > 0 and abs(math.log(amount) - usual[0]) > _FAR_SD * usual[1]
        yield Habit("Amount", text, is_odd)


def _places(alert: Alert) -> Iterator[Habit]:
    kinds = (("country", "in this country"), ("category", "in this category"))
    known = [
        (f"{percent(100 * share)} {words}", name, share)
        for name, words in (*kinds, ("merchant", "at this merchant"))
        if (share := alert.features.get(f"card_{name}_familiarity")) is not None
    ]
    if known:
        text = f"{', '.join(text for text, _, _ in known)}, this one included"
        # Online anybody's country is another.
        is_there = alert.transaction.channel != "ecommerce"
        is_odd = is_there and any(
            name == "country" and share < _AT_HOME for _, name, share in known
        )
        yield Habit("Of its payments", text, is_odd)


def _hour(alert: Alert) -> Iterator[Habit]:
    told = _told(alert, "card_hour_familiarity")
    if told is not None:
        value, text = told
        zone = f"{alert.event_time:%Z}".removesuffix(":00") or "UTC"
        at = (
            f"{alert.event_time:%H:%M} local time, by the clock that the payment came with ({zone})"
        )
        at += f", on a {alert.event_time:%A}"
        yield Habit("Hour", f"{at}; {text} like its hours", value < _SOME_HOURS)


def _whereabouts(alert: Alert) -> Iterator[Habit]:
    gap = _told(alert, "card_gap")
    if gap is not None:
        yield Habit("Last payment", f"{gap[1]} before", gap[0] < _AT_ONCE_S)
    far, fast = _told(alert, "travel_distance"), _told(alert, "travel_speed")
    if far is not None and fast is not None:
        text = f"{far[1]} from where it was last present, which is {fast[1]}"
        is_odd = fast[0] > _FLYING_KMH and far[0] > _NEAR_KM
        yield Habit("Place", text, is_odd)


def _pace(alert: Alert) -> Iterator[Habit]:
    hour, day = _told(alert, "card_payments_1h"), _told(alert, "card_payments_1d")
    if hour is not None and day is not None:
        text = f"{hour[1]} within about an hour, {day[1]} within about a day"
        is_odd = hour[0] >= _MANY
        pace = _told(alert, "card_pace_ratio")
        if pace is not None:
            text += f", {pace[1]} as often as in its usual week"
            is_odd |= pace[0] > _OFTEN
        spent = _told(alert, "spend_today_ratio")
        if spent is not None:
            text += f"; it has spent {spent[1]} its usual day"
            is_odd |= spent[0] > _DEAR
        yield Habit("Pace", text, is_odd)


def _verdicts(alert: Alert) -> Iterator[Habit]:
    for known in known_at_alert(alert, "card"):
        n = count_text(known.payments)
        if known.frauds < _NONE / 5:
            payments = "payment" if n == "1" else "payments"
            yield Habit("Verdicts", f"No known fraud among about {n} {payments} of the last month")
        else:
            frauds = count_text(known.frauds)
            yield Habit("Verdicts", f"About {frauds} of {n} payments of the last month were frauds")


def _told(alert: Alert, name: str) -> tuple[float, str] | None:
    """Return a feature's value in its unit, and in words."""
    if name not in alert.features:
        return None
    feature = _FEATURES[name]
    value = feature.to_unit(alert.features[name])
    return value, feature.quantity(value, alert.transaction.currency)
