"""Groups of a file's payments as the pipeline would have treated them: every payment is known.

The file passes as in `streamer evaluate`: each payment is scored before it is learned from, and what
follows the first quarter counts, by when the model has settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from streamer.arrays import Integers
from streamer.datafiles import FileReport
from streamer.evaluation.passing import PassConfig, run_passes
from streamer.evaluation.rows import NO_LABEL, Rows
from streamer.fairness.observed import NOT_KNOWN, Grouping, Observed, numbered
from streamer.fairness.payment_groups import GroupNotes

__all__ = ["observe_file", "observed_rows"]

_SETTLING: Final = 4


def observe_file(
    report: FileReport,
    passing: PassConfig,
    *,
    batch_size: int,
    now_ms: int,
    on_progress: Callable[[str, int, int], None],
) -> Observed:
    """Run the pipeline over the file of ``report``, IN/OUT, and return what is measured of it.

    ``on_progress`` gets what is being done, how many rows of it are new, and how many there are in all.
    """
    n_rows, notes = report.file.n_rows, GroupNotes()
    (passed,) = run_passes(
        report.batches(batch_size),
        n_rows,
        [replace(passing, on_part=notes.note)],
        now_ms=now_ms,
        on_progress=lambda n: on_progress("payments", n, n_rows),
        on_decoded=report.add,
        needs_labels=False,
    )
    report.require_payments()
    n = len(passed.rows)
    return observed_rows(passed.rows, notes.groupings(n), notes.merchants(n))


def observed_rows(rows: Rows, groupings: dict[str, Grouping], merchants: Integers) -> Observed:
    """Return what is measured of ``rows``: payments with a score that follow the first quarter."""
    measured = (np.arange(len(rows)) >= len(rows) // _SETTLING) & rows.is_valid & rows.is_scored
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
