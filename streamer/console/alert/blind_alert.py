"""What of an alert may be told before its verdict in a blind queue: pure.

An alert's reasons are parts of its score: which they are, their order and number, and the words that
they are told in follow from what ranks and by which lane, and what was drawn from below has another one
first.  So a blind page has what was known of the payment instead, all of it, in one order: it follows
from payment, card and merchant alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.console.alert.positions import Position, Traffic, position_in
from streamer.contract.messages import Alert, Mode, Transaction
from streamer.features import CONTEXT_FEATURES, CONTEXT_NAMES, FEATURE_NAMES, FEATURES
from streamer.features import VERDICT_FEATURES as TOLD_ELSEWHERE

__all__ = ["BlindAlert", "KnownValue", "blind_alert", "known_values"]


@dataclass(frozen=True, slots=True)
class BlindAlert:
    """Of an alert what any other on the same payment would have too."""

    alert_id: str
    transaction: Transaction
    mode: Mode


@dataclass(frozen=True, slots=True)
class KnownValue:
    """Something that was known of a payment when it was scored, and where that lies among others."""

    sentence: str
    position: Position | None


def blind_alert(alert: Alert) -> BlindAlert:
    """Return what may be told of ``alert``."""
    return BlindAlert(alert.alert_id, alert.transaction, alert.mode)


def known_values(alert: Alert, traffic: Traffic | None) -> list[KnownValue]:
    """Return what was known of the payment, whatever it adds to its score.

    Without recent ``traffic`` nothing has a position.  What verdicts said is told by counts elsewhere.
    """
    names, features = (*FEATURE_NAMES, *CONTEXT_NAMES), (*FEATURES, *CONTEXT_FEATURES)
    found = []
    for column, (name, feature) in enumerate(zip(names, features, strict=True)):
        if name not in alert.features or feature in TOLD_ELSEWHERE:
            continue
        value = feature.to_unit(alert.features[name])
        text = feature.phrase.replace(
            "{value}", feature.quantity(value, alert.transaction.currency)
        )
        position = None if traffic is None else position_in(column, alert, traffic)
        found.append(KnownValue(f"{text[0].upper()}{text[1:]}.", position))
    return found
