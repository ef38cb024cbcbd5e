"""The threshold of a fitted version: for a worker that knows no card yet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from streamer.datafiles import FileBatch
from streamer.fitting.file_features import Traffic, read_traffic
from streamer.fitting.fit import with_threshold_for
from streamer.model import Scorer
from tests.builders import ARRIVAL_MS, pipeline_config
from tests.fitting.helpers import blobs
from tests.pipeline.helpers import ordinary, trained

VALUES = ordinary(100)


def traffics(values: list[dict[str, Any]], size: int, cold_from: int) -> tuple[Traffic, Traffic]:
    batches = [
        FileBatch(
            values=[json.dumps(v).encode() for v in values[first : first + size]],
            keys=[None] * len(values[first : first + size]),
            labels=None,
            transaction_ids=[],
        )
        for first in range(0, len(values), size)
    ]
    return read_traffic(
        batches,
        pipeline_config(),
        cards_capacity=1_000,
        merchants_capacity=1_000,
        now_ms=ARRIVAL_MS,
        cold_from=cold_from,
        on_progress=lambda _: None,
    )


@pytest.mark.parametrize("size", [100, 33, 7])
def test_the_last_payments_are_seen_as_if_the_file_began_with_them(size: int) -> None:
    """The whole file with all histories, its end with those of the end alone; in any batches."""
    whole, cold = traffics(VALUES, size, cold_from=60)
    alone, _ = traffics(VALUES[60:], size, cold_from=100)
    reference, none = traffics(VALUES, 100, cold_from=100)
    assert np.allclose(whole.X, reference.X, rtol=1e-5, equal_nan=True)
    assert np.allclose(cold.X, alone.X, rtol=1e-5, equal_nan=True)
    assert (len(whole), len(cold), len(none)) == (100, 40, 0)
    assert np.isnan(cold.X).sum() > np.isnan(whole.X[60:]).sum()


def test_the_threshold_keeps_the_budget_on_the_payments_it_is_for() -> None:
    """Farther ones raise it, nothing else changes, and without any it stays."""
    version = trained()
    far = blobs(2_000, 1, seed=1)
    far.X[:] *= 3.0
    sums = with_threshold_for(far, version.sums, version.config)
    derived = Scorer.of("", sums, version.config)
    assert derived.threshold_sq > 2 * version.threshold_sq
    alerted = derived.score(far.X.astype(float), far.currencies).alerted.mean()
    # Bins are 1% wide; 0.02 of 2,000 are 40 payments.
    assert alerted == pytest.approx(version.config.alert_budget, abs=0.005)
    assert (sums.scored_weight, len(sums.recent_rows)) == (2_000, 2_000)
    assert sums.cluster_sums is version.sums.cluster_sums
    assert sums.transactions_seen == version.sums.transactions_seen
    assert with_threshold_for(far.at(slice(0, 0)), version.sums, version.config) is version.sums
