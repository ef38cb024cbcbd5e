"""The other detectors: scaled by the past alone, and in the order of the file."""

from __future__ import annotations

import numpy as np
import pytest
from river.preprocessing import MinMaxScaler, StandardScaler

from streamer.evaluation.extra import require
from streamer.evaluation.running_scale import RunningScale


@pytest.mark.parametrize("size", [1, 7, 100])
def test_scaling_in_blocks_equals_rivers_scalers_row_by_row(size: int) -> None:
    """Each row by the rows before it, whatever the blocks; the first is nothing unusual."""
    X = np.random.default_rng(0).normal(3.0, 2.0, (100, 2))
    ranges, deviations = RunningScale.empty(2), RunningScale.empty(2)
    blocks = [X[i : i + size] for i in range(0, 100, size)]
    in_range = np.vstack([ranges.to_range(block) for block in blocks])
    in_deviations = np.vstack([deviations.to_deviations(block) for block in blocks])
    river_range, river_deviations = MinMaxScaler(), StandardScaler()
    for i, row in enumerate(X.tolist()):
        x = dict(enumerate(row))
        if i > 1:
            assert list(river_range.transform_one(x).values()) == pytest.approx(in_range[i])
            assert list(river_deviations.transform_one(x).values()) == pytest.approx(
                in_deviations[i]
            )
        river_range.learn_one(x)
        river_deviations.learn_one(x)
    assert in_range[0].tolist() == in_deviations[0].tolist() == [0.0, 0.0]


def test_a_missing_value_is_average_and_teaches_nothing() -> None:
    """0 and 4 came before: the mean is 2, in the middle of the range, and stays there."""
    X = np.array([[0.0], [4.0], [np.nan], [2.0]])
    assert RunningScale.empty(1).to_deviations(X)[2:].tolist() == [[0.0], [0.0]]
    assert RunningScale.empty(1).to_range(X)[2:].tolist() == [[0.5], [0.5]]


def test_what_is_installed_is_not_asked_for() -> None:
    require("sklearn.ensemble", "river.anomaly", "matplotlib")
