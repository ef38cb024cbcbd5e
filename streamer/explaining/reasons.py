"""Why a payment is ranked where it is: exact additive parts, each with a sentence.

By the distance, a feature's part is its addend of distance².  By the odds, it is what the feature adds
to the log-odds of fraud: its own function, and its share of the function of the distance, in proportion
to its addend.  What verdicts say of one merchant or card, over several half-lives, is one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from streamer.contract.messages import Reason, Transaction
from streamer.explaining.findings import Findings
from streamer.explaining.wording import compared, opening, said
from streamer.features import (
    CONTEXT_FEATURES,
    FEATURES,
    JUDGED,
    MAX_EXPONENT,
    VERDICT_FEATURES,
    Feature,
    counted,
    money,
    percent,
)

__all__ = [
    "AT_STAKE",
    "BESIDE",
    "DRAWN",
    "at_stake",
    "drawn_at_random",
    "quantity_of",
    "reasons_of",
    "told",
]

# More reasons than this nobody reads; the rest is summed up in ``other_contribution``.
_MAX_REASONS: Final = 5
DRAWN: Final = "sample"
AT_STAKE: Final = "expected_loss"
BESIDE: Final = (DRAWN, AT_STAKE)
"""Reasons that are no part of the ranking's sum."""
# And what would read as 0% is none.
_LEAST_SHARE: Final = 0.01
# Payments that weigh less than this have been forgotten.
_NOTHING: Final = 0.05
# What a share is begun with (`streamer.features.equations.log_odds_of_share`).
_PRIOR_FRAUDS: Final = 0.01
_READS_AS_NONE: Final = "0 ", "less than 0.1 "
_PAYMENTS: Final = counted("payment", "payments")


class _Teller(NamedTuple):
    """How the part is told that stands under a column: its name, its feature, and its sentence."""

    name: str
    feature: Feature
    tell: Callable[[Feature, int, float, float, float, str, Findings], str]


def reasons_of(findings: Findings, currency: str) -> list[Reason]:
    """Return the parts that speak for fraud, the largest first, at most five.

    One whose sentence would name nothing by which the payment differs is none of them, but where there
    is no other.
    """
    n, least = 0, _LEAST_SHARE * findings.positive
    while n < len(findings.parts) and findings.contributions[n] > least:
        n += 1
    telling = [i for i in range(n) if not _says_nothing(int(findings.parts[i]), findings, currency)]
    return [_reason(findings, currency, i) for i in (telling or range(n)[:1])[:_MAX_REASONS]]


def drawn_at_random(weight: float, reasons: list[Reason]) -> list[Reason]:
    """Return the ``reasons`` of a payment from below the line behind the one that it is there for.

    That one adds nothing to the ranking.
    """
    why = Reason(
        feature=DRAWN,
        contribution=0.0,
        share=0.0,
        value=weight,
        expected=1.0,
        unit="payments",
        direction="above",
        sentence="Drawn at random from the payments below the threshold, to measure what is missed: "
        f"it stands for about {weight:,.0f} of them.",
    )
    return [why, *reasons[: _MAX_REASONS - 1]]


def at_stake(
    findings: Findings, probability: float, payment: Transaction, reasons: list[Reason]
) -> list[Reason]:
    """Return the ``reasons`` of the odds behind what makes an expected loss of them.

    That one adds nothing to the log-odds.
    """
    loss, threshold = math.exp(findings.log_loss), math.exp(findings.threshold)
    of = f"{percent(100 * probability)} of {money(payment.amount, payment.currency)}"
    stake = Reason(
        feature=AT_STAKE,
        contribution=0.0,
        share=0.0,
        value=loss,
        expected=threshold,
        unit="reference currency",
        direction="above" if loss >= threshold else "below",
        sentence=f"{of[0].upper()}{of[1:]}: {loss:,.2f} expected loss (threshold: {threshold:,.2f}).",
    )
    return [stake, *reasons[: _MAX_REASONS - 1]]


def told(findings: Findings, currency: str) -> list[Reason]:
    """Return all parts with their sentences, the largest first.

    The share of one that does not speak for fraud is 0.
    """
    return [_reason(findings, currency, i) for i in range(len(findings.parts))]


def _reason(findings: Findings, currency: str, i: int) -> Reason:
    """Return the part in place ``i`` of the findings."""
    column, added = int(findings.parts[i]), findings.contributions[i]
    name, feature, tell = _TELLERS[column]
    value = feature.to_unit(findings.known[column])
    expected = feature.to_unit(findings.usual[column])
    return Reason(
        feature=name,
        contribution=added,
        share=min(added / findings.positive, 1.0) if added > 0 else 0.0,
        value=value,
        expected=expected,
        unit=feature.unit,
        direction="above" if value >= expected else "below",
        sentence=tell(feature, column, added, value, expected, currency, findings),
    )


def _says_nothing(column: int, findings: Findings, currency: str) -> bool:
    """Whether a part reads as what is usual, as nothing at all, or as an estimate from no fraud."""
    if column in _SHARES and (
        _judgeable(column, findings) < _NOTHING or _known_frauds(column, findings) < _NOTHING
    ):
        return True
    feature = _TELLERS[column].feature
    value = feature.to_unit(findings.known[column])
    expected = feature.to_unit(findings.usual[column])
    told = feature.quantity(value, currency)
    is_strange = (value - expected) * feature.side > 0
    is_none = told.startswith(_READS_AS_NONE) and not is_strange
    return is_none or told == feature.quantity(expected, currency)


def quantity_of(reason: Reason, value: float, currency: str) -> str:
    """Return a value of what ``reason`` is about, with its unit; of another release's in that alone."""
    quantity = _QUANTITIES.get(reason.feature)
    return f"{value:,.1f} {reason.unit}" if quantity is None else quantity(value, currency)


def _told_feature(
    feature: Feature,
    _: int,
    added: float,
    value: float,
    expected: float,
    currency: str,
    findings: Findings,
) -> str:
    return said(feature, value, expected, currency, added, by_odds=findings.by_odds > 0)


def _told_context(
    feature: Feature,
    _: int,
    added: float,
    value: float,
    expected: float,
    currency: str,
    __: Findings,
) -> str:
    """Only the odds know of it, and hold it against all payments."""
    return said(feature, value, expected, currency, added, by_odds=True, others="all payments")


def _told_verdicts(
    share: Feature,
    column: int,
    added: float,
    value: float,
    expected: float,
    currency: str,
    findings: Findings,
) -> str:
    judged, n = _SHARES[column][0], _judgeable(column, findings)
    # Without payments a share is the prior.
    if n < _NOTHING:
        return f"No recent payment of this {judged.entity} could have been judged."
    told, usual = share.quantity(value, currency), share.quantity(expected, currency)
    by = _PAYMENTS(n, currency) if n >= 1 else "less than 1 payment"
    if _known_frauds(column, findings) < _NOTHING:
        by += " and no known fraud"
    text = f"{share.sentence.replace('{value}', told)}, by {by}"
    if (value - expected) * added < 0:
        text = f"{opening(added, by_odds=True)}: {text}"
    return compared(text, told, usual, "all payments")


def _judgeable(column: int, findings: Findings) -> float:
    """Return how many payments a share is of: counts follow the shares, at the same half-lives."""
    return math.expm1(findings.known[column + _SHARES[column][0].n_half_lives])


def _known_frauds(column: int, findings: Findings) -> float:
    """Return how many known frauds a share is of: the prior of one payment, 1% of it fraud, is none."""
    odds = math.exp(min(findings.known[column], MAX_EXPONENT))
    of_prior = 1.0 - _PRIOR_FRAUDS
    return (odds * (_judgeable(column, findings) + of_prior) - _PRIOR_FRAUDS) / (1 + odds)


_SHARES: Final = {
    len(FEATURES) + j: (judged, VERDICT_FEATURES[j])
    for judged in JUDGED
    for j in range(judged.first, judged.first + judged.n_half_lives)
}
_TELLERS: Final = {
    **{j: _Teller(feature.name, feature, _told_feature) for j, feature in enumerate(FEATURES)},
    **{
        column: _Teller(f"{judged.entity}_fraud_share", share, _told_verdicts)
        for column, (judged, share) in _SHARES.items()
    },
    **{
        len(FEATURES) + j: _Teller(feature.name, feature, _told_context)
        for j, feature in enumerate(CONTEXT_FEATURES)
        if j >= len(VERDICT_FEATURES)
    },
}
_QUANTITIES: Final = {teller.name: teller.feature.quantity for teller in _TELLERS.values()}
