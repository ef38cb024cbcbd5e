"""How often two who judged one alert said the same: pure, from pairs of verdicts.

With n pairs of which a say fraud both, d legitimate both, b fraud first and c fraud second,

    agreement = (a + d) / n
    by chance = ((a + b) (a + c) + (c + d) (b + d)) / n²
    κ = (agreement - by chance) / (1 - by chance)          (Cohen, 1960)

κ is 1 where all agree, 0 where they agree as often as by their shares of frauds alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from streamer.model.census import wilson
from streamer.store.twice_judged import Pair

__all__ = ["Agreement", "PersonAgreement", "agreement", "agreement_by_person"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``n`` alerts that were judged twice; the interval of the ``share`` is that of 95%.

    ``kappa`` is None where all are of one kind in both verdicts: then chance alone agrees.
    ``n_overruled`` first verdicts were overruled of the ``n_ruled`` that a lead ruled on.
    """

    n: int
    both_fraud: int
    both_legitimate: int
    split: int
    share: float
    low: float
    high: float
    kappa: float | None
    n_ruled: int
    n_overruled: int


@dataclass(frozen=True, slots=True)
class PersonAgreement:
    """Of the ``n`` alerts that somebody judged first or second, those that the other judged alike."""

    name: str
    n: int
    share: float
    low: float
    high: float


def agreement(pairs: Sequence[Pair]) -> Agreement | None:
    """Return it for ``pairs``, each alert once; None without one."""
    n = len(pairs)
    if not n:
        return None
    a = sum(each.first == each.second == "fraud" for each in pairs)
    d = sum(each.first == each.second == "legitimate" for each in pairs)
    b = sum((each.first, each.second) == ("fraud", "legitimate") for each in pairs)
    c = n - a - b - d
    by_chance = ((a + b) * (a + c) + (c + d) * (b + d)) / n**2
    share = (a + d) / n
    kappa = None if by_chance == 1 else (share - by_chance) / (1 - by_chance)
    ruled = [each for each in pairs if each.ruling]
    overruled = sum(each.ruling != each.first for each in ruled)
    return Agreement(n, a, d, b + c, share, *wilson(a + d, n), kappa, len(ruled), overruled)


def agreement_by_person(pairs: Sequence[Pair]) -> list[PersonAgreement]:
    """Return it for everybody who gave a verdict of a pair, whoever has most first."""
    alike: dict[str, list[bool]] = defaultdict(list)
    for each in pairs:
        for name in (each.first_who, each.second_who):
            alike[name].append(each.first == each.second)
    found = [
        PersonAgreement(name, len(own), sum(own) / len(own), *wilson(sum(own), len(own)))
        for name, own in alike.items()
    ]
    return sorted(found, key=lambda each: (-each.n, each.name))
