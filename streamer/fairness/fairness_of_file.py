"""Groups of a file's payments as the pipeline would have treated them: every payment is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamer.arrays import Integers
from streamer.datafiles import FileReport
from streamer.evaluation.passing import PassConfig
from streamer.evaluation.rows import NO_LABEL, Rows
from streamer.fairness.file_pass import OnProgress, pass_file, settled
from streamer.fairness.observed import NOT_KNOWN, Grouping, Observed, numbered

__all__ = ["observe_file", "observed_rows"]


def observe_file(
    report: FileReport,
    passing: PassConfig,
    *,
    batch_size: int,
    now_ms: int,
    on_progress: OnProgress,
) -> Observed:
    """Run the pipeline over the file of ``report``, IN/OUT, and return what is measured of it."""
    rows, notes = pass_file(
        report,
        passing,
        batch_size=batch_size,
        now_ms=now_ms,
        on_progress=on_progress,
        needs_labels=False,
    )
    return observed_rows(rows, notes.groupings(len(rows)), notes.merchants(len(rows)))


def observed_rows(rows: Rows, groupings: dict[str, Grouping], merchants: Integers) -> Observed:
    """Return what is measured of ``rows``: payments with a score that follow the first quarter."""
    measured = settled(rows) & rows.is_valid & rows.is_scored
    labels = np.where(rows.frauds, 1, np.where(rows.scenarios == NO_LABEL, NOT_KNOWN, 0))
    _, cards = np.unique(rows.cards[measured], return_inverse=True)
    ones = np.ones(int(measured.sum()))
    return Observed(
        weights=ones,
        judged_weights=ones,
        # What was drawn from below the line is no alert.
        alerted=(rows.alerted & (rows.sample_weights <= 0))[measured],
        labels=labels[measured],
        cards=cards.astype(np.int64),
        merchants=numbered(merchants[measured], NOT_KNOWN),
        groupings={
            name: replace(each, codes=each.codes[measured]) for name, each in groupings.items()
        },
        is_sample=False,
    )
