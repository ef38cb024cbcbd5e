"""What can be asked of an alert's payment, and the answer in words.

Pure: from an address to a change, from a version's answers to sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streamer.contract.codes import decimals_of
from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.explaining.asked_again import (
    Change,
    Changed,
    asked_again,
    changeable,
    distance_km_of,
)
from streamer.features import money
from streamer.model import Scorer

__all__ = ["Alone", "Slider", "alone", "change_of", "change_text", "sliders_of"]

_MOST_PERCENT: Final = 200
_HOURS: Final = range(24)
_LONGEST: Final = 12
_AMOUNTS: Final = (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
_KM: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True, slots=True)
class Slider:
    """A range: its ends, where it stands, and where the payment itself is."""

    name: str
    label: str
    low: int
    high: int
    value: int
    own: int


class Alone(msgspec.Struct, frozen=True):
    """What one thing alone would have done: a sentence, and what was asked."""

    what: str
    sentence: str
    asked: list[Changed]


def sliders_of(alert: Alert, asked: Mapping[str, str]) -> list[Slider]:
    """Return what the alert can be asked about, as ``asked`` says or else as the payment was."""
    found = []
    for what in changeable(alert):
        if what == "amount":
            of = money(alert.transaction.amount, alert.transaction.currency)
            ends, own, label = (1, _MOST_PERCENT), 100, f"Amount, in percent of {of}"
        elif what == "hour":
            ends, own, label = (0, 23), _hour_of(alert), "Hour of the day, as the producer tells it"
        else:
            own = round(distance_km_of(alert))
            ends, label = (0, max(2 * own, 100)), "Kilometres from where the card was last present"
        value = _number(asked.get(what, ""), what, *ends, own)
        found.append(Slider(what, label, *ends, value, own))
    return found


def change_of(alert: Alert, sliders: Sequence[Slider]) -> Change:
    """Return what sliders ask for; one that stands where the payment is asks for nothing."""
    moved = {each.name: each.value for each in sliders if each.value != each.own}
    return Change(
        amount=_amount_of(alert, moved["amount"]) if "amount" in moved else None,
        hour=moved.get("hour"),
        distance_km=moved.get("distance"),
    )


def change_text(change: Change, currency: str) -> str:
    """Return a change in words.

    >>> change_text(Change(amount=39.12, hour=9), "EUR"), change_text(Change(), "EUR")
    ('an amount of 39.12 EUR, at 09 h', 'nothing changed')
    """
    parts = []
    if change.amount is not None:
        parts.append(f"an amount of {money(change.amount, currency)}")
    if change.hour is not None:
        parts.append(f"at {change.hour:02.0f} h")
    if change.distance_km is not None:
        parts.append(f"{change.distance_km:,.0f} km from where the card was last present")
    return ", ".join(parts) or "nothing changed"


def alone(alert: Alert, version: Scorer) -> list[Alone]:
    """Return what each thing alone would have done, all else as it was; [] where none can be asked."""
    questions: list[tuple[str, list[Change]]] = []
    for what in changeable(alert):
        if what == "amount":
            smaller = [Change(amount=_amount_of(alert, percent)) for percent in _AMOUNTS]
            questions.append((what, smaller))
        elif what == "hour":
            own = _hour_of(alert)
            questions.append((what, [Change(hour=hour) for hour in _HOURS if hour != own]))
        else:
            nearer = [km for km in _KM if km < distance_km_of(alert)]
            questions.append((what, [Change(distance_km=km) for km in nearer]))
    answers = iter(asked_again(alert, version, [each for _, some in questions for each in some]))
    found = []
    for name, some in questions:
        told = [next(answers) for _ in some]
        found.append(Alone(name, _sentence(name, told, alert), told))
    return found


def _sentence(what: str, told: Sequence[Changed], alert: Alert) -> str:
    quiet = [each.change for each in told if not each.is_alert]
    if what == "hour":
        hours = [round(each.hour) for each in quiet if each.hour is not None]
        if len(hours) == len(told):
            return "At any other hour of the day it would not have been an alert."
        return (
            f"At {_hours_text(hours)} it would not have been an alert."
            if hours
            else "At any other hour of the day it would have been an alert all the same."
        )
    if what == "distance":
        if not quiet:
            return "However near to where the card was last present, it would have been an alert."
        km = max(each.distance_km or 0.0 for each in quiet)
        return (
            f"At {km:,.0f} km from where the card was last present it would not have been an alert."
        )
    if alert.counterfactual is not None:
        return alert.counterfactual.sentence
    if not quiet:
        return "No smaller amount, down to a hundredth of this one, would have changed the result."
    amount = money(max(each.amount or 0.0 for each in quiet), alert.transaction.currency)
    return f"By this model version there would have been no alert at {amount}."


def _hours_text(hours: Sequence[int]) -> str:
    """Return hours in words, those that follow each other as one span.

    >>> _hours_text([0, 7, 8, 9, 23])
    '00 h, 07 to 09 h and 23 h'
    """
    spans: list[tuple[int, int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour - 1:
            spans[-1] = spans[-1][0], hour
        else:
            spans.append((hour, hour))
    told = [f"{a:02} h" if a == b else f"{a:02} to {b:02} h" for a, b in spans]
    return " and ".join(filter(None, (", ".join(told[:-1]), told[-1])))


def _amount_of(alert: Alert, percent: int) -> float:
    """Return so much of an amount, at least its currency's smallest unit."""
    decimals = decimals_of(alert.transaction.currency)
    return max(round(alert.transaction.amount * percent / 100, decimals), 10.0**-decimals)


def _hour_of(alert: Alert) -> int:
    return alert.transaction.timestamp.hour


def _number(text: str, what: str, low: int, high: int, own: int) -> int:
    text = text.strip()
    if not text:
        return own
    try:
        value = float(text) if len(text) <= _LONGEST else math.nan
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ConfigurationError(f"{what} must be from {low} to {high}, got {text[:_LONGEST]}")
    return round(value)
