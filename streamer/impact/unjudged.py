"""For how many alerts each judged one stands, where not all of them have been judged.

Reviewers take the highest ranks first, so what was judged is not like what waits.  Among neighbouring
ranks it is taken to be: where m of n alerts of a stratum were judged, each of these stands for n / m,
which is 1 over the share of its rank that was judged (inverse probability weighting by strata;
Horvitz and Thompson 1952; Särndal, Swensson and Wretman 1992, chapter 15).  An alert that nobody has
judged is so neither a false alarm nor left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Floats

__all__ = ["LEAST_OF_STRATUM", "stands_for"]

LEAST_OF_STRATUM: Final = 10
"""Judged alerts of a stratum, as a rule: of fewer their share says little."""


def stands_for(judged: Floats, waiting: Floats, least: int = LEAST_OF_STRATUM) -> Floats:
    """Return for how many each judged alert stands, itself included, (n,).

    ``judged`` (n,) and ``waiting`` (m,) are places by rank.  Equal places are in one stratum.  The
    weights sum to n + m where anything was judged.

    >>> stands_for(np.array([1.0, 2.0, 5.0, 6.0]), np.array([4.0, 5.5, 9.0]), least=2)
    array([1.5, 1.5, 2. , 2. ])
    """
    if not len(judged):
        return np.ones(0)
    ranked = np.sort(judged)
    n_strata = max(len(judged) // least, 1)
    firsts = np.unique([part[0] for part in np.array_split(ranked, n_strata)])
    # The first stratum has whatever ranks before it, too.
    of_judged, of_waiting = (
        np.searchsorted(firsts[1:], places, side="right") for places in (judged, waiting)
    )
    n_judged = np.bincount(of_judged, minlength=len(firsts))
    n_waiting = np.bincount(of_waiting, minlength=len(firsts))
    return np.asarray(((n_judged + n_waiting) / n_judged)[of_judged], float)
