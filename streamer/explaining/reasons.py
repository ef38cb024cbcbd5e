"""Why a payment is ranked where it is: exact additive parts, each with a sentence.

By the distance, a feature's part is its addend of distance².  By the odds, it is what the feature adds
to the log-odds of fraud: its own function, and its share of the function of the distance, in proportion
to its addend.  What verdicts say of one merchant or card, over several half-lives, is one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from streamer.contract.messages import Reason
from streamer.explaining.findings import Findings
from streamer.features import (
    CONTEXT_FEATURES,
    FEATURES,
    JUDGED,
    VERDICT_FEATURES,
    Feature,
    like_fraud,
    like_legitimate,
    ordinary,
    sentence,
)

__all__ = ["reasons_of", "told"]

# More reasons than this nobody reads; the rest is summed up in ``other_contribution``.
_MAX_REASONS: Final = 5
# Payments that weigh less than this have been forgotten.
_NOTHING: Final = 0.05


class _Teller(NamedTuple):
    """How the part is told that stands under a column: its name, its feature, and its sentence."""

    name: str
    feature: Feature
    tell: Callable[[int, float, float, float, str, Findings], str]


def reasons_of(findings: Findings, currency: str) -> list[Reason]:
    """Return the parts that speak for fraud, the largest first, at most five."""
    n = 0
    while n < min(len(findings.parts), _MAX_REASONS) and findings.contributions[n] > 0:
        n += 1
    return told(findings, currency, n)


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
                sentence=tell(column, added, value, expected, currency, findings),
            )
        )
    return reasons


def _told_feature(
    column: int, added: float, value: float, expected: float, currency: str, _: Findings
) -> str:
    """Say that it speaks for fraud, in itself or by verdicts; against; or neither."""
    tell = like_legitimate if added < 0 else ordinary
    if added > 0:
        is_on_its_side = (value - expected) * FEATURES[column].side >= 0
        tell = sentence if is_on_its_side else like_fraud
    return tell(column, value, expected, currency)


def _told_verdicts(
    column: int, _: float, value: float, expected: float, __: str, findings: Findings
) -> str:
    judged, share = _SHARES[column]
    # The counts follow the shares, at the same half-lives; without payments a share is the prior.
    if math.expm1(findings.known[column + judged.n_half_lives]) < _NOTHING:
        return f"No recent payment of this {judged.entity} could have been judged."
    told = share.sentence.format(value=_rounded(value)).capitalize()
    return f"{told} (over all: {_rounded(expected)}%)."


def _told_context(
    column: int, added: float, value: float, expected: float, _: str, __: Findings
) -> str:
    feature = CONTEXT_FEATURES[column - len(FEATURES)]
    if (value - expected) * feature.side >= 0:
        text = feature.sentence.format(value=_rounded(value))
    else:
        like = "earlier frauds" if added > 0 else "payments judged legitimate"
        name = feature.name.replace("_", " ")
        text = f"as in {like}: {name} of {_rounded(value)} {feature.unit}"
    return f"{text[0].upper()}{text[1:]} (over all: {_rounded(expected)})."


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


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
