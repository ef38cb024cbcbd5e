"""A file's payments as the pipeline would have treated them: what reports of groups and money share.

The file passes as in `streamer evaluate`: each payment is scored before it is learned from.  What
follows the first quarter counts, by when the model has settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags
from streamer.datafiles import FileReport
from streamer.evaluation.passing import PassConfig, run_passes
from streamer.evaluation.rows import Rows
from streamer.fairness.payment_groups import GroupNotes

__all__ = ["FilePass", "OnProgress", "pass_file", "settled"]

_SETTLING: Final = 4

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many rows of it are new, and how many there are in all."""


class FilePass(NamedTuple):
    """What a pass has of each row, and of its groups."""

    rows: Rows
    notes: GroupNotes


def pass_file(
    report: FileReport,
    passing: PassConfig,
    *,
    batch_size: int,
    now_ms: int,
    on_progress: OnProgress,
    needs_labels: bool,
) -> FilePass:
    """Run the pipeline over the file of ``report``, IN/OUT; `NothingToScoreError` without a payment."""
    n_rows, notes = report.file.n_rows, GroupNotes()
    (passed,) = run_passes(
        report.batches(batch_size),
        n_rows,
        [replace(passing, on_part=notes.note)],
        now_ms=now_ms,
        on_progress=lambda n: on_progress("payments", n, n_rows),
        on_decoded=report.add,
        needs_labels=needs_labels,
    )
    report.require_payments()
    return FilePass(passed.rows, notes)


def settled(rows: Rows) -> Flags:
    """Return which rows follow the first quarter, (n,)."""
    flags: Flags = np.arange(len(rows)) >= len(rows) // _SETTLING
    return flags
