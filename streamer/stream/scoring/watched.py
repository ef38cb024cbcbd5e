"""What a partition's payments say of the version that is watched, until a checkpoint takes it along."""

from __future__ import annotations

import numpy as np

from streamer.contract.ledger import Ledger
from streamer.model import Scored
from streamer.pipeline import Outcome
from streamer.store import Counted
from streamer.stream.partitions.assignments import Assigned
from streamer.watching import Counts

__all__ = ["count_scored", "count_verdicts", "take_counted"]


def count_scored(
    assigned: Assigned, side: tuple[int, bool], outcome: Outcome, seconds: float
) -> None:
    """Count a batch that took so long; ``side`` is its own when it was scored, ``assigned`` IN/OUT."""
    _add(assigned, side, _counts(outcome.ledger, outcome.scored, seconds))


def count_verdicts(
    assigned: Assigned, side: tuple[int, bool], n_frauds: int, n_legitimate: int
) -> None:
    """Count verdicts on alerts, whichever version raised them; ``assigned`` is IN/OUT."""
    if n_frauds or n_legitimate:
        _add(assigned, side, Counts(frauds=n_frauds, legitimate=n_legitimate))


def take_counted(assigned: Assigned) -> tuple[Counted, ...]:
    """Return what has been counted since the last checkpoint, out of ``assigned``, IN/OUT."""
    counted = tuple(Counted(*key, counts) for key, counts in assigned.counted.items())
    assigned.counted = {}
    return counted


def _add(assigned: Assigned, side: tuple[int, bool], counts: Counts) -> None:
    assigned.counted[side] = assigned.counted.get(side, Counts()) + counts


def _counts(ledger: Ledger, scored: Scored | None, seconds: float) -> Counts:
    counts = {
        "payments": ledger.scored,
        "dead_letters": ledger.dead_lettered,
        "alerts": ledger.alerted,
        "overflowed": ledger.overflowed,
        "seconds": seconds,
    }
    if scored is not None:
        distances_sq = scored.distances_sq
        is_finite = np.isfinite(scored.values) & np.isfinite(distances_sq)
        far = distances_sq[is_finite & (distances_sq > 0.0)]
        counts |= {
            "ranked": len(distances_sq),
            "not_finite": int(len(distances_sq) - np.count_nonzero(is_finite)),
            "ln_distance": float(np.log(far).sum()) / 2,
            "due": float(scored.due.sum()),
        }
    return Counts(**counts)
