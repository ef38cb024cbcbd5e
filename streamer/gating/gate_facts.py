"""What is measured of a version before it may take over: all of it beside the version in use.

Both begin with the same payments, know no card yet, learn as they go and get the same labels.  Compared
is what follows the first quarter, by when cards are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamer.arrays import Flags
from streamer.backtesting.comparison import Comparison, compare
from streamer.backtesting.two_runs import Side
from streamer.datafiles import FileBatch, FileReport
from streamer.evaluation.passing import PassConfig, run_passes
from streamer.evaluation.rows import NO_LABEL, Rows
from streamer.fairness.observed import NOT_KNOWN, numbered
from streamer.fairness.payment_groups import GroupNotes
from streamer.fairness.rise import Rise, Runs, worst_rise
from streamer.fitting.file_features import read_traffic
from streamer.gating.groups import Group, groups_of
from streamer.gating.paired import Difference, paired_differences
from streamer.model import Sums, stability_index

__all__ = ["Facts", "measure_facts", "not_finite"]

_SETTLING: Final = 4
# So many payments are read a second time, in `fit`'s way.
_SKEW_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Facts:
    """The figures that rules are about.

    ``psi`` is the largest of a
    feature, between what both versions know of traffic, and ``psi_feature`` its name.  ``skewed`` of
    ``compared_features`` payments have other features when `fit` reads them than when the stream does.
    ``precision`` and ``recall`` are None without labels, ``disparity`` where no group has enough.
    """

    candidate: str
    base: str
    is_warming: bool
    transactions_seen: int
    comparison: Comparison
    psi: float
    psi_feature: str
    skewed: int
    compared_features: int
    groups: tuple[Group, ...]
    precision: Difference | None
    recall: Difference | None
    disparity: Rise | None


def measure_facts(
    base: Side,
    candidate: Side,
    report: FileReport,
    *,
    least_group: int,
    batch_size: int,
    seed: int,
    now_ms: int,
    on_progress: Callable[[str, int, int], None],
) -> Facts:
    """Run both versions over the file of ``report``, IN/OUT."""
    n_rows, witness = report.file.n_rows, GroupNotes()
    configs = [base.passing, replace(candidate.passing, on_part=witness.note)]
    passes = run_passes(
        report.batches(batch_size),
        n_rows,
        configs,
        now_ms=now_ms,
        on_progress=lambda n: on_progress("both versions", n, n_rows),
        on_decoded=report.add,
        needs_labels=False,
    )
    report.require_payments()
    before, after = (passed.rows for passed in passes)
    first_row = len(before) // _SETTLING
    comparison = compare(before, after, first_row, base.budget, candidate.budget)
    measured = (np.arange(len(after)) >= first_row) & after.is_valid
    countries, currencies = (witness.column(kind, len(after)) for kind in ("country", "currency"))
    alerted = after.alerted[measured]
    groups = groups_of(countries[measured], currencies[measured], alerted, least_group)
    psi = stability_index(base.sums.feature_histograms, candidate.sums.feature_histograms)
    config = candidate.passing.pipeline.model
    budgets = base.budget, candidate.budget
    precision, recall = _differences(before, after, first_row, budgets, seed)
    skewed, n_compared = _skew(after, candidate.passing, report, batch_size, now_ms)
    return Facts(
        candidate=candidate.name,
        base=base.name,
        is_warming=passes[1].version.is_warming,
        transactions_seen=candidate.sums.transactions_seen,
        comparison=comparison,
        psi=float(psi.max()),
        psi_feature=config.feature_names[int(psi.argmax())],
        skewed=skewed,
        compared_features=n_compared,
        groups=tuple(groups),
        precision=precision,
        recall=recall,
        disparity=_disparity(before, after, measured, witness, least_group),
    )


def _disparity(
    before: Rows, after: Rows, measured: Flags, notes: GroupNotes, least: int
) -> Rise | None:
    """Return the group that the candidate treats most unlike the rest, beside the version in use."""
    _, cards = np.unique(after.cards[measured], return_inverse=True)
    labels = np.where(after.scenarios == NO_LABEL, NOT_KNOWN, after.frauds)
    # What was drawn from below the line is no alert.
    base, candidate = (
        (rows.alerted & (rows.sample_weights <= 0))[measured] for rows in (before, after)
    )
    groupings = {
        dimension: replace(grouping, codes=grouping.codes[measured])
        for dimension, grouping in notes.groupings(len(after)).items()
    }
    merchants = numbered(notes.merchants(len(after))[measured], NOT_KNOWN)
    runs = Runs(base, candidate, labels[measured], cards, merchants)
    return worst_rise(runs, groupings, least)


def not_finite(sums: Sums) -> tuple[str, ...]:
    """Return the names of the arrays that hold NaN or infinity."""
    arrays = {name: getattr(sums, name) for name in sums.__slots__}
    return tuple(
        name
        for name, array in arrays.items()
        if isinstance(array, np.ndarray)
        and np.issubdtype(array.dtype, np.floating)
        # Recent payments lack what was not known of them.
        and not name.startswith("recent")
        and not np.isfinite(array).all()
    )


def _differences(
    before: Rows, after: Rows, first_row: int, budgets: tuple[float, float], seed: int
) -> tuple[Difference, Difference] | tuple[None, None]:
    """Return how the rankings differ, of the payments that both have ranked."""
    rows = (np.arange(len(after)) >= first_row) & before.is_measurable & after.is_measurable
    if not after.frauds[rows].any():
        return None, None
    _, cards = np.unique(after.cards[rows], return_inverse=True)
    scores = before.scores[rows], after.scores[rows]
    return paired_differences(*scores, after.frauds[rows], cards, budgets, seed)


def _skew(
    rows: Rows, passing: PassConfig, report: FileReport, batch_size: int, now_ms: int
) -> tuple[int, int]:
    """Return of how many payments the features differ between `fit` and the stream, and of how many
    they were compared: the first ones, to the bit."""

    def first() -> Iterator[FileBatch]:
        n = 0
        for batch in report.file.batches(batch_size):
            yield batch
            n += len(batch.values)
            if n >= _SKEW_ROWS:
                return

    traffic, _ = read_traffic(
        first(),
        passing.pipeline,
        cards_capacity=passing.cards_capacity,
        merchants_capacity=passing.merchants_capacity,
        now_ms=now_ms,
        cold_from=len(rows),
        on_progress=lambda _: None,
    )
    streamed = rows.X[rows.is_valid][: len(traffic)]
    # What is unknown in both is the same.
    both = np.isnan(traffic.X) & np.isnan(streamed)
    differs = ((streamed != traffic.X) & ~both).any(axis=1)
    return int(differs.sum()), len(traffic)
