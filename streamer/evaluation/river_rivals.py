"""Rivals of river that learn as they go, each payment scored before it is learned from.

They run with their library's own parameters, except where a constant here says otherwise.  Features
are numbered for river, not named: its k-means draws its first centers in the order of a set, which for
text differs from process to process, and with it every figure.

Those that learn from labels get what the odds get: every feature, the distance, and what verdicts said
of merchant and card.  A payment is learned with the values that it had when it was scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from streamer.evaluation.material import Floats, Material, Told
from streamer.evaluation.protocols import Window
from streamer.evaluation.running_scale import RunningScale

__all__ = [
    "adaptive_random_forest",
    "first_river_row",
    "half_space_trees",
    "hoeffding_adaptive_tree",
    "logistic_regression",
    "river_kmeans",
]

# river takes about 50 µs an event and detector: two million rows are three to four minutes.
_RIVER_MAX_ROWS: Final = 2_000_000
_RIVER_LEAD_ROWS: Final = 200_000
_CHUNK: Final = 20_000
# river's own step is 0.5: a center then jumps half way to every payment, and is no center.
_RIVER_STEP: Final = 0.05
# A gradient grows with its features: one payment at a hundred deviations would undo a day's learning.
_MOST_DEVIATIONS: Final = 5.0


def first_river_row(window: Window) -> int:
    """Return the row from which the detectors of river run: 0 unless the file is very long."""
    if window.end <= _RIVER_MAX_ROWS:
        return 0
    return max(0, window.first_measured - _RIVER_LEAD_ROWS)


def half_space_trees(material: Material) -> Floats:
    """Tan, Ting and Liu 2011, over features scaled to their running range."""
    from river.anomaly import HalfSpaceTrees

    trees = HalfSpaceTrees(seed=material.seed)
    return _prequential(material, RunningScale.to_range, trees.score_one, trees.learn_one)


def river_kmeans(material: Material) -> Floats:
    """river's k-means over features in running standard deviations; squared distance."""
    from river.cluster import KMeans

    kmeans = KMeans(halflife=_RIVER_STEP, seed=material.seed)
    centers = kmeans.centers

    def distance_sq(x: Mapping[int, float]) -> float:
        items = x.items()
        distances_sq = [
            sum([(center[j] - value) ** 2 for j, value in items]) for center in centers.values()
        ]
        return float(min(distances_sq))

    return _prequential(material, RunningScale.to_deviations, distance_sq, kmeans.learn_one)


def logistic_regression(material: Material) -> Floats:
    """Logistic regression by stochastic gradients over inputs in running standard deviations."""
    from river.linear_model import LogisticRegression

    return _taught(material, LogisticRegression())


def hoeffding_adaptive_tree(material: Material) -> Floats:
    """Bifet and Gavaldà 2009."""
    from river.tree import HoeffdingAdaptiveTreeClassifier

    return _taught(material, HoeffdingAdaptiveTreeClassifier(seed=material.seed))


def adaptive_random_forest(material: Material) -> Floats:
    """Gomes et al. 2017."""
    from river.forest import ARFClassifier

    return _taught(material, ARFClassifier(seed=material.seed))


def _prequential(
    material: Material,
    scale: Callable[[RunningScale, Floats], Floats],
    score_one: Callable[[dict[int, float]], float],
    learn_one: Callable[[dict[int, float]], Any],
) -> Floats:
    """Score each valid row, then learn from it; return the scores of the compared rows."""
    scores: list[float] = []
    is_compared = np.zeros(len(material.rows), dtype=bool)
    is_compared[material.compared] = True
    for chunk in _chunks(material):
        for values, is_wanted in zip(
            scale(chunk.running, chunk.X).tolist(), is_compared[chunk.at].tolist(), strict=True
        ):
            x = dict(enumerate(values))
            if is_wanted:
                scores.append(score_one(x))
            learn_one(x)
        material.on_progress(chunk.n_rows)
    return np.array(scores, dtype=float)


@dataclass(frozen=True, slots=True)
class _Chunk:
    at: Any
    X: Floats
    running: RunningScale
    n_rows: int


def _chunks(material: Material) -> Iterator[_Chunk]:
    rows, window = material.rows, material.window
    running = RunningScale.empty(rows.X.shape[1])
    is_valid = rows.is_valid
    for first in range(first_river_row(window), window.end, _CHUNK):
        last = min(first + _CHUNK, window.end)
        at = np.flatnonzero(is_valid[first:last]) + first
        yield _Chunk(at, rows.X[at].astype(float), running, last - first)


def _taught(material: Material, model: Any) -> Floats:
    """Return the probability of fraud that ``model`` (IN/OUT) gave each compared row by then."""
    told = Told.of(material.rows, material.plan)
    before, numbers, frauds = told.before.tolist(), told.rows.tolist(), told.frauds.tolist()
    start = first_river_row(material.window)
    Z = _scaled_inputs(material, start)
    scores, n_told = [], 0
    progress = start
    for row in material.compared.tolist():
        while n_told < len(before) and before[n_told] <= row:
            if numbers[n_told] >= start:
                x = dict(enumerate(Z[numbers[n_told] - start].tolist()))
                model.learn_one(x, frauds[n_told])
            n_told += 1
        scores.append(
            model.predict_proba_one(dict(enumerate(Z[row - start].tolist()))).get(True, 0.0)
        )
        if row - progress >= _CHUNK:
            material.on_progress(row - progress)
            progress = row
    material.on_progress(material.window.end - progress)
    return np.array(scores, dtype=float)


def _scaled_inputs(material: Material, start: int) -> Any:
    """Return the inputs of the rows from ``start`` on, each scaled by those before it."""
    inputs, end = material.rows.inputs, material.window.end
    running = RunningScale.empty(inputs.shape[1])
    Z = np.zeros((end - start, inputs.shape[1]), dtype=np.float32)
    for first in range(start, end, _CHUNK):
        last = min(first + _CHUNK, end)
        scaled = running.to_deviations(inputs[first:last].astype(float))
        Z[first - start : last - start] = np.clip(scaled, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
    return Z
