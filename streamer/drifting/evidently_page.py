"""Evidently's own report of the two samples that ours is made of; loads Evidently when it is asked for.

A model keeps histograms, no payments of the reference.  Each becomes a sample of `N_ROWS` rows with as
many rows in a bin as its share asks for, so each column's distribution is the histogram's.  Columns are
independent of one another in it; nothing that looks at two columns at once means anything.

A feature makes two columns.  ``amount`` has the middles of its bins, on the model's scale, empty where
the feature was not known: Evidently measures their distance and draws them.  ``amount (bins)`` has the
bin's number as a category, so that Evidently's PSI is over our bins and not over some of its own.
"""

from __future__ import annotations

import math
import os
from typing import Any, Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.extra import require
from streamer.model import MOVED_PSI

__all__ = ["BINS", "N_ROWS", "bins_of_sample", "evidently_page", "evidently_report"]

N_ROWS: Final = 5_000
"""One row is a share of 0.0002: from 0.0001 down Evidently takes an empty bin for one of 1e-10, and not
of 0.0001 as else, and its PSI is then one of empty bins."""
BINS: Final = " (bins)"


def evidently_page(found: dict[str, Any]) -> str:
    """Return Evidently's page of ``found`` (`drift_findings`), which must have a reference.

    Raises `ConfigurationError` where Evidently is not installed.
    """
    page: str = evidently_report(found).get_html_str(as_iframe=False)
    return page


def evidently_report(found: dict[str, Any]) -> Any:
    """Return what `evidently_page` shows, as Evidently's object."""
    # Evidently asks for it; nothing is to be told to anybody.
    os.environ.update(DO_NOT_TRACK="1", ITERATIVE_DO_NOT_TRACK="1")
    require("evidently")
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [each["feature"] for each in found["features"]]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name + BINS for name in numbers]
    )
    before, now = (
        Dataset.from_pandas(pd.DataFrame(_columns(found, name)), data_definition=definition)
        for name in ("reference", "now")
    )
    preset = DataDriftPreset(cat_method="psi", cat_threshold=MOVED_PSI, num_method="wasserstein")
    return Report([preset]).run(now, before)


def bins_of_sample(shares: Floats, n_rows: int = N_ROWS) -> Integers:
    """Return the bin of each of ``n_rows`` rows, ascending, so that ``shares`` are kept to one row.

    What is left over goes to the largest remainders, of equal ones to the first.

    >>> bins_of_sample(np.array([0.5, 0.26, 0.24]), 4).tolist()
    [0, 0, 1, 2]
    """
    wanted = shares / shares.sum() * n_rows
    counts = np.floor(wanted).astype(np.int64)
    order = np.argsort(-(wanted - counts), kind="stable")
    counts[order[: n_rows - int(counts.sum())]] += 1
    return np.repeat(np.arange(len(shares)), counts)


def _columns(found: dict[str, Any], stretch: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for each in found["features"]:
        edges = np.array(each["bins"]["edges"])
        middles = np.concatenate([[math.nan], (edges[:-1] + edges[1:]) / 2])
        bins = bins_of_sample(np.array(each["bins"][stretch]))
        columns[each["feature"]] = middles[bins]
        columns[each["feature"] + BINS] = [f"{place:02}" for place in bins.tolist()]
    return columns
