"""What is said of one value of a payment: a sentence, and what it is held against.

A value is called high, or far from something, only where it is so by itself; where it merely differs
from similar payments the sentence says what it is.  Both sides of a comparison have their unit, and
where they would read the same it says so.
"""

from __future__ import annotations

from typing import Final

from streamer.features import Feature

__all__ = ["USUAL_BY_ITSELF", "compared", "opening", "said"]

USUAL_BY_ITSELF: Final = "As in earlier frauds"
"""What opens a reason that only verdicts make one."""


def said(
    feature: Feature,
    value: float,
    expected: float,
    currency: str,
    added: float,
    *,
    by_odds: bool,
    others: str = "similar payments",
) -> str:
    """Return the sentence on a value that adds so much to the ranking; both in the feature's unit.

    It speaks for fraud, in itself or by verdicts; against; or neither.  ``others`` are those that
    ``expected`` is usual of.

    >>> from streamer.features import FEATURES
    >>> said(FEATURES[0], 412.0, 38.512, "EUR", 3.0, by_odds=False)
    'The amount of 412.00 EUR is high (similar payments: 38.51 EUR).'
    >>> said(FEATURES[0], 3.0, 38.512, "EUR", 3.0, by_odds=True)
    'As in earlier frauds: an amount of 3.00 EUR (similar payments: 38.51 EUR).'
    >>> said(FEATURES[0], 3.0, 38.512, "EUR", -0.1, by_odds=True)
    'As in payments judged legitimate: an amount of 3.00 EUR (similar payments: 38.51 EUR).'
    >>> said(FEATURES[0], 3.0, 38.512, "EUR", 0.0, by_odds=False)
    'Adds nothing: an amount of 3.00 EUR (similar payments: 38.51 EUR).'
    """
    told = feature.quantity(value, currency)
    if added > 0 and (value - expected) * feature.side > 0:
        text = feature.sentence
        if feature.mild and feature.stands_out and not feature.stands_out(value, expected):
            text = feature.mild
        text = text.replace("{value}", told)
    else:
        text = f"{opening(added, by_odds=by_odds)}: {feature.phrase.replace('{value}', told)}"
    return compared(text, told, feature.quantity(expected, currency), others)


def opening(added: float, *, by_odds: bool) -> str:
    """Return what a value is introduced by that is not suspicious in itself."""
    if added < 0:
        return "As in payments judged legitimate"
    if added == 0:
        return "Adds nothing"
    return USUAL_BY_ITSELF if by_odds else "Unusual"


def compared(text: str, told: str, usual: str, others: str) -> str:
    """Return the sentence that says ``text`` of a value that is ``told``, beside what is usual.

    >>> compared("7 payments", "7 payments", "1 payment", "similar payments")
    '7 payments (similar payments: 1 payment).'
    >>> compared("less than 1 s", "less than 1 s", "less than 1 s", "similar payments")
    'Less than 1 s (similar payments: about the same).'
    """
    if told == usual:
        usual = "about the same"
    return f"{text[0].upper()}{text[1:]} ({others}: {usual})."
