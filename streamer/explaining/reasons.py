"""Why a payment is ranked where it is: exact additive parts, each with a sentence.

By the distance, a feature's part is its addend of distance².  By the odds, it is what the feature adds
to the log-odds of fraud: its own function, and its share of the function of the distance, in proportion
to its addend.  What verdicts say of one merchant or card, over several half-lives, is one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Reason
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
from streamer.model import Scored, Scorer

__all__ = ["Part", "parts_of", "reasons_of", "told"]

# More reasons than this nobody reads; the rest is summed up in ``other_contribution``.
_MAX_REASONS: Final = 5
# Verdicts that weigh less than this have been forgotten.
_NO_VERDICT: Final = 0.05


def _judged() -> tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]:
    """Return each entity that verdicts are on, with its inputs of the odds: all, and the shares."""
    members: dict[str, list[int]] = {}
    for j, feature in enumerate(VERDICT_FEATURES):
        members.setdefault(feature.name.split("_", 1)[0], []).append(j)
    return tuple(
        (
            entity,
            tuple(len(FEATURES) + j for j in own),
            tuple(len(FEATURES) + j for j in own if "_fraud_share_" in VERDICT_FEATURES[j].name),
        )
        for entity, own in members.items()
    )


_JUDGED: Final = _judged()


class Part(NamedTuple):
    """One part of the ranking; most parts are never told, and cost no more than their contribution.

    ``known`` and ``usual`` are on the model's scale.  ``tell`` makes the sentence of contribution,
    value and what was expected.
    """

    name: str
    contribution: float
    feature: Feature
    known: float
    usual: float
    tell: Callable[[float, float, float], str]

    @property
    def value(self) -> float:
        """In the feature's unit."""
        return self.feature.to_unit(self.known)

    @property
    def expected(self) -> float:
        """In the feature's unit."""
        return self.feature.to_unit(self.usual)

    @property
    def unit(self) -> str:
        return self.feature.unit

    @property
    def sentence(self) -> str:
        """What a reviewer reads."""
        return self.tell(self.contribution, self.value, self.expected)


def parts_of(
    version: Scorer,
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
    by_odds = _by_odds(version, scored, index)
    own = scored.contributions[index] if by_odds is None else by_odds
    compared = scored.X[index]
    # One payment's floats are read faster from lists.
    rows = compared, X[index], version.expected(int(scored.nearest[index]), compared), own
    known, values, centers, added = (row.tolist() for row in rows)
    centers[AMOUNT] += currency_mean
    parts = []
    for j, feature in enumerate(FEATURES):
        # An amount in a currency that has no usual amount yet is known, but nothing to compare.
        if math.isnan(known[j]):
            continue
        tell = partial(_told_feature, j, currency)
        parts.append(Part(feature.name, added[j], feature, values[j], centers[j], tell))
    if by_odds is not None and version.odds is not None:
        inputs, means = scored.inputs[index].tolist(), version.odds.means.tolist()
        parts += _verdict_parts(inputs, means, added)
        parts += _context_parts(inputs, means, added)
    return sorted(parts, key=attrgetter("contribution"), reverse=True)


def reasons_of(parts: list[Part]) -> list[Reason]:
    """Return the parts that speak for fraud, the largest first, at most five."""
    return told(parts, sum(part.contribution > 0 for part in parts[:_MAX_REASONS]))


def told(parts: list[Part], n: int | None = None) -> list[Reason]:
    """Return the first ``n`` of the parts with their sentences, else all; they are sorted.

    The share of one that does not speak for fraud is 0.
    """
    positive = sum(part.contribution for part in parts if part.contribution > 0)
    return [
        Reason(
            feature=part.name,
            contribution=part.contribution,
            share=min(part.contribution / positive, 1.0) if part.contribution > 0 else 0.0,
            value=part.value,
            expected=part.expected,
            unit=part.unit,
            direction="above" if part.value >= part.expected else "below",
            sentence=part.sentence,
        )
        for part in parts[:n]
    ]


def _told_feature(j: int, currency: str, added: float, value: float, expected: float) -> str:
    """Say that it speaks for fraud, in itself or by verdicts; against; or neither."""
    tell = like_legitimate if added < 0 else ordinary
    if added > 0:
        is_on_its_side = (value - expected) * FEATURES[j].side >= 0
        tell = sentence if is_on_its_side else like_fraud
    return tell(j, value, expected, currency)


def _by_odds(version: Scorer, scored: Scored, index: int) -> NDArray[np.float64] | None:
    """Return what each feature and each verdict input adds to the log-odds; None unless used."""
    if not version.ranks_by_odds or version.odds is None:
        return None
    functions = version.odds.functions(scored.inputs[index : index + 1])[0]
    added: NDArray[np.float64] = functions[:-1].copy()
    distance_sq = scored.distances_sq[index]
    if distance_sq > 0:
        added[: len(FEATURES)] += functions[-1] * scored.contributions[index] / distance_sq
    return added


def _verdict_parts(inputs: list[float], means: list[float], added: list[float]) -> Iterator[Part]:
    """Return a part for each entity of which something is known."""
    for entity, members, shares in _JUDGED:
        if math.isnan(inputs[members[0]]):
            continue
        told = max(shares, key=added.__getitem__)
        share: Feature = VERDICT_FEATURES[told - len(FEATURES)]
        # The counts follow the shares, at the same half-lives; without verdicts a share is the prior.
        tell = partial(_told_verdicts, entity, share, math.expm1(inputs[told + len(shares)]))
        contribution = sum(added[j] for j in members)
        yield Part(f"{entity}_fraud_share", contribution, share, inputs[told], means[told], tell)


def _told_verdicts(
    entity: str, share: Feature, n_verdicts: float, _: float, value: float, expected: float
) -> str:
    if n_verdicts < _NO_VERDICT:
        return f"No recent verdicts on this {entity}."
    told = share.sentence.format(value=_rounded(value)).capitalize()
    return f"{told} (over all: {_rounded(expected)}%)."


def _context_parts(inputs: list[float], means: list[float], added: list[float]) -> Iterator[Part]:
    """Return the parts of the context that no verdict is in."""
    for j in range(len(VERDICT_FEATURES), len(CONTEXT_FEATURES)):
        at, feature = len(FEATURES) + j, CONTEXT_FEATURES[j]
        if math.isnan(inputs[at]):
            continue
        tell = partial(_told_context, feature)
        yield Part(feature.name, added[at], feature, inputs[at], means[at], tell)


def _told_context(feature: Feature, added: float, value: float, expected: float) -> str:
    if (value - expected) * feature.side >= 0:
        text = feature.sentence.format(value=_rounded(value))
    else:
        like = "earlier frauds" if added > 0 else "payments judged legitimate"
        name = feature.name.replace("_", " ")
        text = f"as in {like}: {name} of {_rounded(value)} {feature.unit}"
    return f"{text[0].upper()}{text[1:]} (over all: {_rounded(expected)})."


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
