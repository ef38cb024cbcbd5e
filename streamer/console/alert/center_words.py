"""The center that a payment is most like, as a payment person would say it."""

from __future__ import annotations

from typing import Final

from streamer.contract.messages import Alert
from streamer.features import FEATURES

__all__ = ["center_texts"]

_FEATURES: Final = {feature.name: feature for feature in FEATURES}
_ALWAYS: Final = "amount"


def center_texts(alert: Alert) -> tuple[list[str], list[str]]:
    """Return what is usual of the alert's nearest center, a phrase for each value: of the amount and
    of what the reasons are about, and of all else.

    A value of another release is told in its own unit.
    """
    wanted = {_ALWAYS, *(reason.feature for reason in alert.reasons)}
    first: list[str] = []
    others: list[str] = []
    for usual in alert.nearest_center.values:
        feature = _FEATURES.get(usual.feature)
        if feature is None:
            text = f"{usual.feature.replace('_', ' ')}: {usual.value:,.4g} {usual.unit}"
        else:
            quantity = feature.quantity(usual.value, alert.transaction.currency)
            text = feature.phrase.replace("{value}", quantity)
        (first if usual.feature in wanted else others).append(text)
    return first, others
