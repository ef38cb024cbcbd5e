"""The other detectors: scaled by the past alone, and in the order of the file."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import numpy as np
import pytest
from river.preprocessing import MinMaxScaler, StandardScaler

from streamer.cli.evaluate_command import evaluate
from streamer.evaluation import river_rivals
from streamer.evaluation.protocols import Window
from streamer.evaluation.rivals import RIVALS
from streamer.evaluation.running_scale import RunningScale
from streamer.extra import require


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
    require("sklearn.ensemble", "matplotlib")


@pytest.mark.parametrize(("n", "first"), [(100, 0), (101, 66)])
def test_in_a_very_long_file_rivers_detectors_start_a_stated_number_of_rows_before(
    n: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 100 rows are passed over whole; beyond, 10 rows lead up to the measured from row 76."""
    monkeypatch.setattr(river_rivals, "_RIVER_MAX_ROWS", 100)
    monkeypatch.setattr(river_rivals, "_RIVER_LEAD_ROWS", 10)
    measured = np.arange(n) >= 76
    window = Window.of_one(measured, ~measured, np.zeros(n, dtype=np.int64), ())
    assert river_rivals.first_river_row(window) == first


_KMEANS_IN_A_PROCESS = """
import os
import subprocess
import sys

import numpy as np
from streamer.evaluation.label_plan import LabelPlan
from streamer.evaluation.material import Material
from streamer.evaluation.protocols import window_of
from streamer.evaluation.rivals import RIVALS, rival_scores
from streamer.evaluation.rows import Rows
from streamer.features import FEATURE_NAMES

rng = np.random.default_rng(0)
n = 200
rows = Rows(
    times_ms=np.arange(n) * 3_600_000, cards=np.arange(n) % 9, amounts=rng.random(n), stakes=np.ones(n),
    scenarios=np.where(np.arange(n) % 10 == 0, 0, -1), scenario_names=("x",), scores=np.ones(n),
    probabilities=np.full(n, np.nan), sample_weights=np.zeros(n),
    alerted=np.zeros(n, dtype=bool), held_back=np.zeros(n, dtype=bool),
    judged_ms=(np.arange(n) + 24) * 3_600_000,
    X=rng.normal(size=(n, len(FEATURE_NAMES))).astype(np.float32),
    inputs=rng.normal(size=(n, 13)).astype(np.float32),
)
window = window_of("prequential", rows)
material = Material(rows, window, window.compared(rows), LabelPlan(), 5, lambda n: None)
for rival in rival_scores(material, RIVALS).values():
    print(rival.scores.tolist())
"""


def test_a_seed_gives_the_same_scores_in_every_process() -> None:
    """Python orders sets of text by a hash that differs between processes."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", _KMEANS_IN_A_PROCESS],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_the_help_names_every_rival() -> None:
    (option,) = [each for each in evaluate.params if each.name == "rivals"]
    assert isinstance(option, click.Option)
    assert [name for name in RIVALS if name not in (option.help or "")] == []
