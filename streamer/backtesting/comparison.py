"""What differs between the alerts of two runs over the same payments, and which of them were right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.durations import DAY_MS
from streamer.evaluation.alert_figures import Workload, workload
from streamer.evaluation.rows import NO_LABEL, Rows

__all__ = ["Comparison", "Daily", "Found", "compare"]


@dataclass(frozen=True, slots=True)
class Found:
    """A run's alerts on payments of which a label says what they were."""

    frauds_alerted: int
    frauds_missed: int
    legitimate_alerted: int
    legitimate_passed: int

    @property
    def precision(self) -> float | None:
        """Share of frauds among what alerted; None without an alert."""
        n = self.frauds_alerted + self.legitimate_alerted
        return self.frauds_alerted / n if n else None

    @property
    def recall(self) -> float | None:
        """Share of what alerted among frauds; None without a fraud."""
        n = self.frauds_alerted + self.frauds_missed
        return self.frauds_alerted / n if n else None


@dataclass(frozen=True, slots=True)
class Daily:
    """By UTC day from the first measured one, all (n_days,): alerts of either run, and their frauds."""

    first_day: int
    base: Integers
    changed: Integers
    base_frauds: Integers
    changed_frauds: Integers


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts over the measured payments.

    ``gained`` are alerts of the changed run alone, ``lost`` of the base alone, ``kept`` of both; each
    with how many of them are known frauds, and known not to be.  `Found` is None in a file without
    labels.  Alerts are what reviewers got; those drawn at random are left out.
    """

    n_payments: int
    n_labelled: int
    n_frauds: int
    kept: int
    gained: int
    lost: int
    kept_frauds: int
    gained_frauds: int
    lost_frauds: int
    base: Workload
    changed: Workload
    base_found: Found | None
    changed_found: Found | None
    daily: Daily

    @property
    def jaccard(self) -> float | None:
        """Share of the alerts of either that both have; None where neither has any."""
        n = self.kept + self.gained + self.lost
        return self.kept / n if n else None


def compare(
    base: Rows, changed: Rows, first_row: int, base_budget: float, changed_budget: float
) -> Comparison:
    """Compare two runs over the same rows, from ``first_row`` on."""
    measured = (np.arange(len(base)) >= first_row) & base.is_valid
    is_labelled = (base.scenarios != NO_LABEL)[measured]
    frauds = base.frauds[measured]
    alerts = [(rows.alerted & (rows.sample_weights == 0.0))[measured] for rows in (base, changed)]
    before, after = alerts
    kept, gained, lost = before & after, after & ~before, before & ~after
    has_labels = bool(is_labelled.any())
    return Comparison(
        n_payments=int(measured.sum()),
        n_labelled=int(is_labelled.sum()),
        n_frauds=int(frauds.sum()),
        kept=int(kept.sum()),
        gained=int(gained.sum()),
        lost=int(lost.sum()),
        kept_frauds=int((kept & frauds).sum()),
        gained_frauds=int((gained & frauds).sum()),
        lost_frauds=int((lost & frauds).sum()),
        base=workload(base.alerted[measured], base_budget),
        changed=workload(changed.alerted[measured], changed_budget),
        base_found=_found(before, frauds, is_labelled) if has_labels else None,
        changed_found=_found(after, frauds, is_labelled) if has_labels else None,
        daily=_daily(base.times_ms[measured], before, after, frauds),
    )


def _found(alerted: Flags, frauds: Flags, is_labelled: Flags) -> Found:
    legitimate = is_labelled & ~frauds
    return Found(
        int((alerted & frauds).sum()),
        int((~alerted & frauds).sum()),
        int((alerted & legitimate).sum()),
        int((~alerted & legitimate).sum()),
    )


def _daily(times_ms: Integers, before: Flags, after: Flags, frauds: Flags) -> Daily:
    days = times_ms // DAY_MS
    first = int(days.min(initial=int(days[0]) if len(days) else 0))
    n = int(days.max(initial=first)) - first + 1

    def by_day(flags: Flags) -> Integers:
        counts: Integers = np.bincount(days[flags] - first, minlength=n)
        return counts

    columns = before, after, before & frauds, after & frauds
    return Daily(first, *map(by_day, columns))
