"""Groups of a running service's payments, from what it stores: alerts, the sample, and verdicts.

Payments that did not alert are known from the random sample below the threshold alone, each of which
stands for its `sample_weight` payments.  Where not all alerts, or not all of the sample, have been
judged, those that were stand for the others of their kind (weighting for nonresponse within alerts and
within the sample; Särndal, Swensson and Wretman 1992, chapter 15).

What the budget's fuse held back is an alert like any other: the payment exceeded the threshold, whoever
its card is of, and its topic is for somebody to act on.  It is a kind of its own among what was judged,
where any of it was; else the judged alerts stand for it, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec
import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.fairness.observed import (
    MOST_GROUPS,
    NOT_KNOWN,
    OTHERS,
    Grouping,
    Observed,
    numbered,
)

__all__ = ["Told", "TwoNames", "observe_service", "read_alert", "read_ruling"]


class _Payment(msgspec.Struct, frozen=True, gc=False):
    transaction_id: str
    card_id: str
    currency: str
    merchant_id: str | None = None
    mcc: str | None = None
    country: str | None = None
    channel: str | None = None


class Told(msgspec.Struct, frozen=True, gc=False):
    """What is read of an alert."""

    alert_id: str
    transaction: _Payment
    sampled: bool = False
    sample_weight: float | None = None


class TwoNames(msgspec.Struct, frozen=True, gc=False):
    """What is read of a verdict; of two on a payment the chargeback stands, else the later one read."""

    transaction_id: str | int | None = None
    alert_id: str | None = None
    verdict: str | None = None
    is_fraud: bool | None = None
    fraud: bool | None = None
    origin: Literal["reviewer", "chargeback"] | None = None

    def label(self) -> int:
        """Return 1 for a fraud, 0 for none, `NOT_KNOWN` where it does not say."""
        if self.verdict is not None:
            return {"fraud": 1, "legitimate": 0}.get(self.verdict.lower(), NOT_KNOWN)
        flag = self.fraud if self.is_fraud is None else self.is_fraud
        return NOT_KNOWN if flag is None else int(flag)


_alerts: Final = msgspec.json.Decoder(Told)
_rulings: Final = msgspec.json.Decoder(TwoNames)


def read_alert(value: bytes | None) -> Told | None:
    """Return what a message of the alerts topic says, None where it is none."""
    try:
        return _alerts.decode(value or b"")
    except msgspec.MsgspecError:
        return None


def read_ruling(value: bytes | None) -> TwoNames | None:
    """Return what a message of the feedback topic says, None where it is none."""
    try:
        return _rulings.decode(value or b"")
    except msgspec.MsgspecError:
        return None


def observe_service(
    alerts: Iterable[Told], rulings: Iterable[TwoNames], held: Iterable[Told] = ()
) -> Observed:
    """Return what ``alerts``, and ``rulings`` in the order in which they came, say.

    ``held`` are the alerts of the overflow topic.
    """
    by_id = {each.alert_id: each for each in alerts}
    n_alerts = len(by_id)
    for each in held:
        by_id.setdefault(each.alert_id, each)
    told = list(by_id.values())
    alerted = np.array([not each.sampled for each in told], bool)
    is_held = alerted & (np.arange(len(told)) >= n_alerts)
    weights = np.array([each.sample_weight or 1.0 for each in told], float)
    weights[alerted] = 1.0
    labels = _labels(told, rulings)
    payments = [each.transaction for each in told]
    cards = _numbers([each.card_id for each in payments])
    merchants = _numbers([each.merchant_id for each in payments])
    names: Mapping[str, list[str | None]] = {
        "country": [each.country for each in payments],
        "channel": [each.channel for each in payments],
        "category": [each.mcc for each in payments],
        "currency": [each.currency for each in payments],
    }
    return Observed(
        weights=weights,
        judged_weights=_judged_weights(weights, alerted, is_held, labels),
        alerted=alerted,
        labels=labels,
        cards=cards,
        merchants=numbered(merchants, NOT_KNOWN),
        groupings={name: _grouping(values) for name, values in names.items()},
        is_sample=True,
        n_held=int(is_held.sum()),
    )


def _labels(told: list[Told], rulings: Iterable[TwoNames]) -> Integers:
    places = {each.transaction.transaction_id: i for i, each in enumerate(told)}
    places |= {each.alert_id: i for i, each in enumerate(told)}
    labels, charged_back = np.full(len(told), NOT_KNOWN), np.zeros(len(told), bool)
    for ruling in rulings:
        names = (
            ruling.alert_id,
            None if ruling.transaction_id is None else str(ruling.transaction_id),
        )
        place = next((places[name] for name in names if name in places), None)
        is_chargeback = ruling.origin == "chargeback"
        if place is None or ruling.label() == NOT_KNOWN:
            continue
        if is_chargeback or not charged_back[place]:
            labels[place], charged_back[place] = ruling.label(), is_chargeback
    return labels


def _judged_weights(weights: Floats, alerted: Flags, held: Flags, labels: Integers) -> Floats:
    """Return the weights of judged payments, those of each kind summing to all of the kind."""
    found = weights.copy()
    is_apart = bool((held & (labels != NOT_KNOWN)).any())
    of_alerts = (alerted & ~held, held) if is_apart else (alerted,)
    for kind in (*of_alerts, ~alerted):
        judged = kind & (labels != NOT_KNOWN)
        if judged.any():
            found[kind] *= weights[kind].sum() / weights[judged].sum()
    return found


def _grouping(values: list[str | None]) -> Grouping:
    """Return the groups that values name, the rarest of very many in one."""
    counts = Counter(value for value in values if value is not None)
    kept = {name for name, _ in counts.most_common(MOST_GROUPS)}
    if len(counts) > MOST_GROUPS:
        values = [value if value is None or value in kept else OTHERS for value in values]
    names = tuple(sorted({value for value in values if value is not None}))
    at = {name: i for i, name in enumerate(names)}
    codes = [NOT_KNOWN if value is None else at[value] for value in values]
    return Grouping(names, np.array(codes, np.int64))


def _numbers(values: list[str | None]) -> Integers:
    """Return a number for each name, `NOT_KNOWN` without one."""
    at: dict[str, int] = {}
    return np.array(
        [NOT_KNOWN if value is None else at.setdefault(value, len(at)) for value in values],
        np.int64,
    )
