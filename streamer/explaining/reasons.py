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
    VERDICT_FEATURES,
    Feature,
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


class _Teller(NamedTuple):
    """How the part is told that stands under a column: its name, its feature, and its sentence."""

    name: str
    feature: Feature
    tell: Callable[[Feature, int, float, float, float, str, Findings], str]


def reasons_of(findings: Findings, currency: str) -> list[Reason]:
    """Return the parts that speak for fraud, the largest first, at most five."""
    n, least = 0, _LEAST_SHARE * findings.positive
    while n < min(len(findings.parts), _MAX_REASONS) and findings.contributions[n] > least:
        n += 1
    return told(findings, currency, n)


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


def told(findings: Findings, currency: str, n: int | None = None) -> list[Reason]:
    """Return the ``n`` largest parts with their sentences, else all.

    The share of one that does not speak for fraud is 0.
    """
    reasons, known, usual = [], findings.known, findings.usual
    for place, added in zip(findings.parts[:n], findings.contributions, strict=False):
        column = int(place)
        name, feature, tell = _TELLERS[column]
        value, expected = feature.to_unit(known[column]), feature.to_unit(usual[column])
        reasons.append(
            Reason(
                feature=name,
                contribution=added,
                share=min(added / findings.positive, 1.0) if added > 0 else 0.0,
                value=value,
                expected=expected,
                unit=feature.unit,
                direction="above" if value >= expected else "below",
                sentence=tell(feature, column, added, value, expected, currency, findings),
            )
        )
    return reasons


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
    judged = _SHARES[column][0]
    # The counts follow the shares, at the same half-lives; without payments a share is the prior.
    if math.expm1(findings.known[column + judged.n_half_lives]) < _NOTHING:
        return f"No recent payment of this {judged.entity} could have been judged."
    told, usual = share.quantity(value, currency), share.quantity(expected, currency)
    text = share.sentence.replace("{value}", told)
    if (value - expected) * added < 0:
        text = f"{opening(added, by_odds=True)}: {text}"
    return compared(text, told, usual, "all payments")


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
