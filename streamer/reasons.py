"""Why a payment is ranked where it is: exact additive parts, each with a sentence.

By the distance, a feature's part is its addend of distance².  By the head, it is what the feature adds
to the log-odds of fraud: its own function, and its share of the function of the distance, in proportion
to its addend.  What verdicts say of one merchant or card, over several half-lives, is one part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.events import Reason
from streamer.features import (
    AMOUNT,
    CONTEXT_FEATURES,
    FEATURES,
    VERDICT_FEATURES,
    Feature,
    like_fraud,
    like_legitimate,
    ordinary,
    sentence,
)
from streamer.model import ModelVersion, Scored

__all__ = ["Part", "parts_of", "reasons_of"]

# More reasons than this nobody reads; the rest is summed up in ``other_contribution``.
_MAX_REASONS: Final = 5
# Verdicts that weigh less than this have been forgotten.
_NO_VERDICT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the ranking: ``value`` and ``expected`` in the feature's unit.

    ``sentence`` is what a reviewer reads.
    """

    name: str
    contribution: float
    value: float
    expected: float
    unit: str
    sentence: str


def parts_of(
    version: ModelVersion,
    scored: Scored,
    index: int,
    X: NDArray[np.float64],
    currency: str,
    currency_mean: float,
) -> list[Part]:
    """Return every part of transaction ``index``, the largest first.

    ``X`` IN (n, n_features) as the features are, not clipped.  ``currency_mean`` is the currency's
    usual ln amount.
    """
    addends = scored.contributions[index]
    by_head = _by_head(version, scored, index)
    own = addends if by_head is None else by_head[: len(FEATURES)]
    parts = []
    for j, feature in enumerate(FEATURES):
        # An amount in a currency that has no usual amount yet is known, but nothing to compare.
        if np.isnan(scored.X[index, j]):
            continue
        value = feature.to_unit(float(X[index, j]))
        center = version.expected(int(scored.nearest[index]), j, float(scored.X[index, j]))
        expected = feature.to_unit(center + currency_mean if j == AMOUNT else center)
        contribution = float(own[j])
        is_on_its_side = (value - expected) * feature.side >= 0
        tell = _opening(contribution, is_on_its_side)
        text = tell(j, value, expected, currency)
        parts.append(Part(feature.name, contribution, value, expected, feature.unit, text))
    if by_head is not None:
        parts += _verdict_parts(version, scored.inputs[index], by_head)
        parts += _context_parts(version, scored.inputs[index], by_head)
    return sorted(parts, key=lambda part: -part.contribution)


def reasons_of(parts: list[Part]) -> list[Reason]:
    """Return the parts that speak for fraud, the largest first, at most five."""
    positive = sum(part.contribution for part in parts if part.contribution > 0)
    return [
        Reason(
            feature=part.name,
            contribution=part.contribution,
            share=min(part.contribution / positive, 1.0),
            value=part.value,
            expected=part.expected,
            unit=part.unit,
            direction="above" if part.value >= part.expected else "below",
            sentence=part.sentence,
        )
        for part in parts[:_MAX_REASONS]
        if part.contribution > 0
    ]


def _opening(contribution: float, is_on_its_side: bool) -> Callable[[int, float, float, str], str]:
    """Return what tells a part: it speaks for fraud, in itself or by verdicts; against; or neither."""
    if contribution > 0:
        return sentence if is_on_its_side else like_fraud
    return like_legitimate if contribution < 0 else ordinary


def _by_head(version: ModelVersion, scored: Scored, index: int) -> NDArray[np.float64] | None:
    """Return what each feature and each verdict input adds to the log-odds; None unless used."""
    if not version.is_head_active or version.head is None:
        return None
    functions = version.head.functions(scored.inputs[index : index + 1])[0]
    added: NDArray[np.float64] = functions[:-1].copy()
    distance_sq = scored.distances_sq[index]
    if distance_sq > 0:
        added[: len(FEATURES)] += functions[-1] * scored.contributions[index] / distance_sq
    return added


def _verdict_parts(
    version: ModelVersion, inputs: NDArray[np.float64], added: NDArray[np.float64]
) -> list[Part]:
    assert version.head is not None  # noqa: S101 - the caller has seen it
    first = len(FEATURES)
    entities: dict[str, list[int]] = {}
    for j, feature in enumerate(VERDICT_FEATURES):
        entities.setdefault(feature.name.split("_", 1)[0], []).append(j)
    parts = []
    for entity, members in entities.items():
        if np.isnan(inputs[first + members[0]]):
            continue
        shares = [j for j in members if "_fraud_share_" in VERDICT_FEATURES[j].name]
        told = max(shares, key=lambda j: float(added[first + j]))
        share: Feature = VERDICT_FEATURES[told]
        value = share.to_unit(float(inputs[first + told]))
        expected = share.to_unit(float(version.head.means[first + told]))
        # The counts follow the shares, at the same half-lives; without verdicts a share is the prior.
        n_verdicts = float(np.expm1(inputs[first + told + len(shares)]))
        if n_verdicts < _NO_VERDICT:
            text = f"No recent verdicts on this {entity}."
        else:
            text = (
                f"{share.sentence.format(value=_rounded(value)).capitalize()} "
                f"(over all: {_rounded(expected)}%)."
            )
        added_by_all = float(sum(added[first + j] for j in members))
        name = f"{entity}_fraud_share"
        parts.append(Part(name, added_by_all, value, expected, share.unit, text))
    return parts


def _context_parts(
    version: ModelVersion, inputs: NDArray[np.float64], added: NDArray[np.float64]
) -> list[Part]:
    """Return the parts of the context that no verdict is in."""
    assert version.head is not None  # noqa: S101 - the caller has seen it
    parts = []
    for j in range(len(VERDICT_FEATURES), len(CONTEXT_FEATURES)):
        at, feature = len(FEATURES) + j, CONTEXT_FEATURES[j]
        if np.isnan(inputs[at]):
            continue
        value = feature.to_unit(float(inputs[at]))
        expected = feature.to_unit(float(version.head.means[at]))
        if (value - expected) * feature.side >= 0:
            text = feature.sentence.format(value=_rounded(value))
        else:
            like = "earlier frauds" if added[at] > 0 else "payments judged legitimate"
            name = feature.name.replace("_", " ")
            text = f"as in {like}: {name} of {_rounded(value)} {feature.unit}"
        told = f"{text[0].upper()}{text[1:]} (over all: {_rounded(expected)})."
        parts.append(Part(feature.name, float(added[at]), value, expected, feature.unit, told))
    return parts


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
