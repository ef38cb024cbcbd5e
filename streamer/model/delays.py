"""How long verdicts of fraud take: the share of frauds found by an age, learned from those found.

Of each payment that a verdict says was fraud it is counted in which week it lies, and how old it was
when that was decided; by itself for what alerted, which reviewers look at, and for the rest, of which
chargebacks tell.  Of last week's payments only verdicts that took less than a week can have come:
delays are truncated, the more the younger the payments are.  With N(x) frauds that were found at age x,
and R(x) those that were found by x, of payments that are at least x old today,

    F(a) = Π (1 - N(x) / R(x))  over x > a

(Lynden-Bell 1971; the chain ladder of reserving, Mack 1993).  It does not matter for F how many frauds
a week had, only that a delay does not depend on the week.  What is later than any delay that could be
seen is not in F: what leaves the buffer at its horizon is never found, and F is of the rest.

Invariants:
* A count is a sum like any other: it merges by addition, and a verdict that no longer stands is taken
  from where it was counted.
* A week that is `N_WEEKS` old makes room for a new one; whatever is older is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.durations import DAY_MS, DAY_S
from streamer.model.sums import N_AGES, N_WEEKS, Sums

__all__ = ["AGES_DAYS", "ALERTED", "OTHERS", "Delays", "count_delays", "delays_of", "rolled"]

OTHERS: Final = 0
ALERTED: Final = 1
AGES_DAYS: Final = 180.0 * 2.0 ** (-0.5 * np.arange(N_AGES)[::-1])
"""The upper ends of the bins, ascending: from half a day to 180 days in steps of √2."""
_WEEK_S: Final = 7 * DAY_S
# Of fewer that could have been found so late, their share is not known to a fifth.
_LEAST: Final = 20.0


@dataclass(frozen=True, slots=True)
class Delays:
    """When frauds are found.

    ``found`` (N_AGES,) is the share by each of `AGES_DAYS`, of those found by ``longest_days``, the
    longest delay that enough of the frauds could have had; ``n_frauds`` that was learned from.
    """

    found: Floats
    longest_days: float
    n_frauds: float

    @property
    def median_days(self) -> float:
        """The age by which half of the frauds are found, half a day at least."""
        at = int(np.searchsorted(self.found, 0.5))
        if at == 0:
            return float(AGES_DAYS[0])
        below, above = self.found[at - 1], self.found[at]
        left = (0.5 - below) / (above - below)
        return float(AGES_DAYS[at - 1] * (AGES_DAYS[at] / AGES_DAYS[at - 1]) ** left)

    def found_by(self, days: float) -> float:
        """Return the share of frauds found by an age, between two bins' ends by the age's logarithm."""
        if days <= 0:
            return 0.0
        return float(np.interp(np.log(days), np.log(AGES_DAYS), self.found))


def count_delays(
    delta: Sums,
    last_s: float,
    alerted: Flags,
    times_ms: Integers,
    decided_ms: Integers,
    weights: Floats,
) -> None:
    """Add n frauds to ``delta`` (IN/OUT).

    ``alerted`` (n,); ``times_ms`` of the payments and ``decided_ms`` of the verdicts; ``weights`` (n,)
    how many payments each stands for, negative for a verdict that no longer stands.  ``last_s`` is the
    latest event time that the version knows, in seconds.
    """
    delays = (decided_ms - times_ms) / DAY_MS
    weeks = times_ms // (7 * DAY_MS)
    is_in = delays <= AGES_DAYS[-1]
    if np.isfinite(last_s):
        is_in &= last_s // _WEEK_S - weeks < N_WEEKS
    bins = np.searchsorted(AGES_DAYS, delays[is_in])
    places = alerted[is_in].astype(np.int64), weeks[is_in] % N_WEEKS, bins
    np.add.at(delta.fraud_delays, places, weights[is_in])


def rolled(counts: Floats, before_s: float, after_s: float) -> Floats:
    """Return ``counts`` (2, N_WEEKS, N_AGES) without the weeks whose room is needed from now on.

    The latest event time moves from ``before_s`` to ``after_s``, in seconds; -inf where there is none.
    """
    if not (np.isfinite(before_s) and np.isfinite(after_s)):
        return counts
    before, after = int(before_s // _WEEK_S), int(after_s // _WEEK_S)
    if after <= before:
        return counts
    left = counts.copy()
    left[:, np.arange(before + 1, min(after, before + N_WEEKS) + 1) % N_WEEKS] = 0.0
    return left


def delays_of(sums: Sums, which: int) -> Delays | None:
    """Return when frauds among what `ALERTED`, or the `OTHERS`, are found; None while too few are."""
    last_s = float(sums.event_span[1])
    counts = np.maximum(sums.fraud_delays[which], 0.0)
    if not np.isfinite(last_s):
        return None
    last_week = int(last_s // _WEEK_S)
    weeks = last_week - (last_week - np.arange(N_WEEKS)) % N_WEEKS
    # The youngest of a week's payments is as old as it is long over.
    ages_days = (last_s - (weeks + 1) * _WEEK_S) / DAY_S
    is_exposed = ages_days[:, None] >= AGES_DAYS
    at_age = (counts * is_exposed).sum(axis=0)
    by_age = (np.cumsum(counts, axis=1) * is_exposed).sum(axis=0)
    is_known = by_age >= _LEAST
    if not is_known.any():
        return None
    kept = np.ones(N_AGES + 1)
    kept[:-1][is_known] = 1.0 - at_age[is_known] / by_age[is_known]
    found = np.cumprod(kept[::-1])[::-1][1:]
    longest = float(AGES_DAYS[is_known][-1])
    return Delays(np.asarray(found), longest, float(at_age.sum()))
