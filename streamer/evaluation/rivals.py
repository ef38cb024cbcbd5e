"""The detectors that the pipeline is held against, each over the same rows in the same order.

None of them sees a label.  The isolation forest is trained once, on the protocol's training rows; the
two of river learn as they go, each row scored before it is learned from.  They run with their
libraries' own parameters, except where a constant here says otherwise.

Features are numbered for river, not named: its k-means draws its first centers in the order of a set,
which for text differs from process to process, and with it every figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.evaluation.protocols import Window
from streamer.evaluation.rows import Rows
from streamer.evaluation.running_scale import RunningScale

__all__ = ["RivalScores", "first_river_row", "rival_scores"]

Floats = NDArray[np.float64]
Progress = Callable[[int], None]

# river takes about 50 µs an event and detector: two million rows are three to four minutes.
_RIVER_MAX_ROWS: Final = 2_000_000
_RIVER_LEAD_ROWS: Final = 200_000
_CHUNK: Final = 20_000
# river's own step is 0.5: a center then jumps half way to every payment, and is no center.
_RIVER_STEP: Final = 0.05


@dataclass(frozen=True, slots=True)
class RivalScores:
    """A detector's scores of the measured rows, in order, and how long it took."""

    scores: Floats
    elapsed_s: float


def rival_scores(
    rows: Rows, window: Window, *, seed: int, on_progress: Progress
) -> dict[str, RivalScores]:
    """Return every rival's scores; ``on_progress`` gets rows as `first_river_row` counts them."""
    result = {}
    for name, rival in _RIVALS.items():
        started = time.monotonic()
        scores = rival(rows, window, seed, on_progress)
        result[name] = RivalScores(scores, time.monotonic() - started)
    return result


def first_river_row(window: Window) -> int:
    """Return the row from which the detectors of river run: 0 unless the file is very long."""
    last = int(np.flatnonzero(window.measured)[-1])
    if last < _RIVER_MAX_ROWS:
        return 0
    return max(0, window.first_measured - _RIVER_LEAD_ROWS)


def _amount(rows: Rows, window: Window, seed: int, on_progress: Progress) -> Floats:
    del seed, on_progress
    return rows.amounts[window.measured]


def _isolation_forest(rows: Rows, window: Window, seed: int, on_progress: Progress) -> Floats:
    """Liu, Ting and Zhou 2008; a missing value is the training rows' median of its feature."""
    from sklearn.ensemble import IsolationForest

    del on_progress
    training = rows.X[window.training].astype(float)
    known = ~np.isnan(training).all(axis=0)
    medians = np.zeros(training.shape[1])
    medians[known] = np.nanmedian(training[:, known], axis=0)
    forest = IsolationForest(random_state=seed)
    forest.fit(np.where(np.isnan(training), medians, training))
    measured = rows.X[window.measured].astype(float)
    scores: Floats = -forest.score_samples(np.where(np.isnan(measured), medians, measured))
    return scores


def _half_space_trees(rows: Rows, window: Window, seed: int, on_progress: Progress) -> Floats:
    """Tan, Ting and Liu 2011, over features scaled to their running range."""
    from river.anomaly import HalfSpaceTrees

    trees = HalfSpaceTrees(seed=seed)
    return _prequential(
        rows, window, RunningScale.to_range, trees.score_one, trees.learn_one, on_progress
    )


def _river_kmeans(rows: Rows, window: Window, seed: int, on_progress: Progress) -> Floats:
    """river's k-means over features in running standard deviations; squared distance."""
    from river.cluster import KMeans

    kmeans = KMeans(halflife=_RIVER_STEP, seed=seed)
    centers = kmeans.centers

    def distance_sq(x: Mapping[int, float]) -> float:
        items = x.items()
        distances_sq = [
            sum([(center[j] - value) ** 2 for j, value in items]) for center in centers.values()
        ]
        return float(min(distances_sq))

    return _prequential(
        rows, window, RunningScale.to_deviations, distance_sq, kmeans.learn_one, on_progress
    )


def _prequential(
    rows: Rows,
    window: Window,
    scale: Callable[[RunningScale, Floats], Floats],
    score_one: Callable[[dict[int, float]], float],
    learn_one: Callable[[dict[int, float]], Any],
    on_progress: Progress,
) -> Floats:
    """Score each valid row, then learn from it; return the scores of the measured rows."""
    scores: list[float] = []
    for chunk in _chunks(rows, window):
        running = chunk.running
        for values, is_measured in zip(
            scale(running, chunk.X).tolist(), chunk.is_measured, strict=True
        ):
            x = dict(enumerate(values))
            if is_measured:
                scores.append(score_one(x))
            learn_one(x)
        on_progress(chunk.n_rows)
    return np.array(scores, dtype=float)


@dataclass(frozen=True, slots=True)
class _Chunk:
    X: Floats
    is_measured: list[bool]
    running: RunningScale
    n_rows: int


def _chunks(rows: Rows, window: Window) -> Iterator[_Chunk]:
    running = RunningScale.empty(rows.X.shape[1])
    end = int(np.flatnonzero(window.measured)[-1]) + 1
    is_valid = rows.is_valid
    for first in range(first_river_row(window), end, _CHUNK):
        last = min(first + _CHUNK, end)
        at = np.flatnonzero(is_valid[first:last]) + first
        yield _Chunk(rows.X[at].astype(float), window.measured[at].tolist(), running, last - first)


_RIVALS: Final[dict[str, Callable[[Rows, Window, int, Progress], Floats]]] = {
    "amount": _amount,
    "isolation_forest": _isolation_forest,
    "half_space_trees": _half_space_trees,
    "river_kmeans": _river_kmeans,
}
