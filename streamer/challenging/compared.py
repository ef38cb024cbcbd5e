"""What is told of a challenger against the main line: overlap, frauds found, scores, cost.

Frauds are estimated: a judged payment counts for as many as it stands for (`tally`).  Their intervals
are those of weighted counts (`streamer.model.census`); of what reviewers were not asked about there is
none, since nothing says how many of those come to be told.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.challenging.standing import Standing
from streamer.challenging.tally import BOTH, ONLY_CHALLENGER, ONLY_MAIN, WHO, Tally
from streamer.model.census import weighted_interval

__all__ = ["Compared", "FoundFrauds", "compared"]

_COUNT, _WEIGHT, _SQUARE = range(3)
_LEGITIMATE, _FRAUD = range(2)


@dataclass(frozen=True, slots=True)
class FoundFrauds:
    """Frauds among judged payments, by who had alerted them.

    ``judged`` of those that reviewers were asked about stand for ``frauds``, with the ends of the 95%
    interval; ``told`` are frauds that nobody was asked about.
    """

    judged: float
    frauds: float
    low: float
    high: float
    told: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One challenger against the main line; None where there is nothing yet to tell it by.

    ``overlap`` is the share of all payments that either alerted which both did.  Precision and recall
    are of the payments that reviewers were asked about.  ``score_psi`` is how far recent scores are
    from what each version expects, ``cost_ratio`` the challenger's CPU over the main line's.
    """

    name: str
    differs_in: str
    started_at: str
    version: str
    transactions_seen: int
    payments_compared: int
    alerts: dict[str, int]
    overlap: float | None
    frauds: dict[str, FoundFrauds]
    precision: dict[str, float | None]
    recall: dict[str, float | None]
    score_psi: dict[str, float]
    cost_ratio: float | None
    cpu_us_per_payment: dict[str, float | None]


def compared(standing: Standing) -> Compared:
    """Return what the counts of a challenger say."""
    tally = standing.tally
    alerts = dict(zip(WHO, (int(n) for n in tally.alerts), strict=False))
    n_alerts, main_s = sum(alerts.values()), tally.cpu_s["main"]
    own = {"main": (BOTH, ONLY_MAIN), "challenger": (BOTH, ONLY_CHALLENGER)}
    weights = tally.asked[_WEIGHT].clip(min=0.0)
    precision: dict[str, float | None] = {}
    recall: dict[str, float | None] = {}
    for side, rows in own.items():
        caught = float(weights[list(rows), _FRAUD].sum())
        precision[side] = _share(caught, float(weights[list(rows)].sum()))
        recall[side] = _share(caught, float(weights[:, _FRAUD].sum()))
    return Compared(
        name=standing.name,
        differs_in=standing.challenge.told(),
        started_at=standing.started_at,
        version=standing.version,
        transactions_seen=standing.transactions_seen,
        payments_compared=int(tally.n_compared),
        alerts=alerts,
        overlap=_share(alerts[WHO[BOTH]], n_alerts),
        frauds={name: _found(tally, row) for row, name in enumerate(WHO)},
        precision=precision,
        recall=recall,
        score_psi={"main": tally.score_psi("main"), "challenger": tally.score_psi("challenger")},
        cost_ratio=_share(tally.cpu_s["challenger"], main_s),
        cpu_us_per_payment={
            side: _share(1e6 * seconds, tally.n_timed) for side, seconds in tally.cpu_s.items()
        },
    )


def _found(tally: Tally, who: int) -> FoundFrauds:
    asked = tally.asked.clip(min=0.0)
    frauds, squares = asked[_WEIGHT, who, _FRAUD].item(), asked[_SQUARE, who, _FRAUD].item()
    n_judged, weight = float(asked[_COUNT, who].sum()), float(asked[_WEIGHT, who].sum())
    told = max(tally.told[who, _FRAUD].item(), 0.0)
    if who in (BOTH, ONLY_MAIN):
        # All of them are judged: nothing is estimated.
        return FoundFrauds(n_judged, frauds, frauds, frauds, told)
    low, high = 0.0, float("inf")
    if n_judged > 0:
        low, high = weighted_interval(frauds, squares, weight / n_judged)
    return FoundFrauds(n_judged, frauds, low, high, told)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
