"""A file's labelled payments with prices, as the pipeline would have alerted them.

Whole UTC days of what is measured count, those at either end left out where days remain, since a budget
is of a day.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from streamer.contract.codes import CURRENCIES
from streamer.datafiles import FileReport
from streamer.errors import ConfigurationError
from streamer.evaluation.passing import PassConfig
from streamer.evaluation.rows import Rows
from streamer.fairness.file_pass import OnProgress, pass_file, settled
from streamer.impact.gains import Priced, places_within_days
from streamer.impact.impact_figures import FilePayments
from streamer.impact.worth import worth_of

__all__ = ["payments_of_file", "payments_of_rows"]


def payments_of_file(
    report: FileReport,
    passing: PassConfig,
    values: Mapping[str, float],
    *,
    batch_size: int,
    now_ms: int,
    on_progress: OnProgress,
) -> FilePayments:
    """Run the pipeline over the file of ``report``, IN/OUT; it must have labels.

    ``values`` are of a unit of each currency.
    """
    rows, notes = pass_file(
        report,
        passing,
        batch_size=batch_size,
        now_ms=now_ms,
        on_progress=on_progress,
        needs_labels=True,
    )
    currencies = notes.column("currency", len(rows)).tolist()
    return payments_of_rows(rows, [CURRENCIES[code] for code in currencies], values)


def payments_of_rows(
    rows: Rows, currencies: list[str], values: Mapping[str, float]
) -> FilePayments:
    """Return what is measured of ``rows``, whose payments are in ``currencies`` (n,)."""
    measured = settled(rows) & rows.is_measurable & rows.is_valid
    at = np.flatnonzero(measured)
    if not len(at):
        raise ConfigurationError(
            "file must have labelled payments after its first quarter, got none; map the labels with "
            "--map label=COLUMN"
        )
    days = rows.days[at]
    first, last = int(days.min()), int(days.max())
    if last - first >= 2:
        at = at[(days > first) & (days < last)]
        first, last = first + 1, last - 1
    worth = worth_of(rows.amounts[at], [currencies[row] for row in at.tolist()], values)
    is_priced = ~np.isnan(worth.amounts)
    if not is_priced.any():
        raise ConfigurationError(
            "STREAMER_CURRENCY_VALUES must name a currency of the payments, which are in "
            f"{', '.join(worth.left_out)}; got none of them"
        )
    at, amounts = at[is_priced], worth.amounts[is_priced]
    days = rows.days[at] - first
    priced = Priced(
        days=days,
        places=places_within_days(days, rows.scores[at]),
        weights=np.ones(len(at)),
        amounts=amounts,
        frauds=rows.frauds[at],
        alerted=rows.alerted[at],
    )
    return FilePayments(priced, rows.sample_weights[at], last - first + 1, worth)
