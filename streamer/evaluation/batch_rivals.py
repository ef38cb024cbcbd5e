"""Rivals that are computed or fitted in one go, once or again and again: never on what comes later."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streamer.evaluation.material import Floats, Material, Told
from streamer.evaluation.running_scale import RunningScale
from streamer.features import FEATURES

__all__ = ["amount", "daily_isolation_forest", "isolation_forest", "lightgbm_weekly", "tails"]

_CHUNK: Final = 20_000
# A forest draws 256 rows per tree: a week is enough to draw from.
_FOREST_DAYS: Final = 7
_MOST_DEVIATIONS: Final = 10.0
# The finest tail share is one in so many.
_TAIL_ROWS: Final = 50_000
_N_TAILS: Final = 3
_LIGHTGBM_DAYS: Final = 7
_LIGHTGBM_ROWS: Final = 400_000
# Twice the library's own number at half its rate: the same reach, in finer steps.
_TREES: Final = 200
_RATE: Final = 0.05


def amount(material: Material) -> Floats:
    """The amount, in whatever currency."""
    return material.rows.amounts[material.compared]


def isolation_forest(material: Material) -> Floats:
    """Liu, Ting and Zhou 2008, trained once for each fold; a missing value is the training median.

    Each payment is scored by the forest of the next fold that is measured from it on.
    """
    rows, compared = material.rows, material.compared
    scores = np.zeros(len(compared))
    first = 0
    for fold in material.window.folds:
        last = int(np.flatnonzero(fold.measured)[-1]) + 1
        at = slice(first, int(np.searchsorted(compared, last)))
        training = rows.X[fold.training].astype(float)
        known = ~np.isnan(training).all(axis=0)
        medians = np.zeros(training.shape[1])
        medians[known] = np.nanmedian(training[:, known], axis=0)
        X = rows.X[compared[at]].astype(float)
        forest = _forest(np.where(np.isnan(training), medians, training), material.seed)
        scores[at] = -forest.score_samples(np.where(np.isnan(X), medians, X))
        first = at.stop
    return scores


def daily_isolation_forest(material: Material) -> Floats:
    """The same, fitted anew every day to the week before, and on the suspicious side of each feature.

    Features are in running standard deviations from their mean, 0 on the side that is never
    suspicious: what the streamer's distance is one-sided by.
    """
    rows = material.rows
    running, Z = RunningScale.empty(rows.X.shape[1]), np.zeros(rows.X.shape, dtype=np.float32)
    for first in range(0, material.window.end, _CHUNK):
        part = slice(first, min(first + _CHUNK, material.window.end))
        scaled = running.to_deviations(rows.X[part].astype(float)) * _sides()
        Z[part] = np.clip(scaled, 0.0, _MOST_DEVIATIONS)
    scores, days, is_valid = np.zeros(len(material.compared)), rows.days, rows.is_valid
    for stretch in material.stretches(1):
        day, before = days[stretch.row], slice(0, stretch.row)
        recent = np.flatnonzero(is_valid[before] & (days[before] >= day - _FOREST_DAYS))
        if len(recent):
            forest = _forest(Z[recent], material.seed)
            scores[stretch.at] = -forest.score_samples(Z[material.compared[stretch.at]])
    return scores


def tails(material: Material) -> Floats:
    """The sum of the three largest −ln tail shares: how few recent payments were as suspicious.

    Of the 50,000 payments before the day, in each feature by itself; what is unknown is ordinary.
    """
    oriented = material.rows.X * _sides().astype(np.float32)
    scores, is_valid = np.zeros(len(material.compared)), material.rows.is_valid
    for stretch in material.stretches(1):
        recent = np.flatnonzero(is_valid[: stretch.row])[-_TAIL_ROWS:]
        values, past = oriented[material.compared[stretch.at]], oriented[recent]
        surprises = np.column_stack(
            [_surprises(values[:, j], past[:, j]) for j in range(oriented.shape[1])]
        )
        scores[stretch.at] = np.sort(surprises, axis=1)[:, -_N_TAILS:].sum(axis=1)
    return scores


def lightgbm_weekly(material: Material) -> Floats:
    """LightGBM fitted anew every week to what has been judged by then, on the inputs of the odds."""
    from lightgbm import LGBMClassifier

    told = Told.of(material.rows, material.plan)
    inputs = material.rows.inputs
    scores = np.zeros(len(material.compared))
    for stretch in material.stretches(_LIGHTGBM_DAYS):
        known, frauds = told.known_at(stretch.row)
        known, frauds = known[-_LIGHTGBM_ROWS:], frauds[-_LIGHTGBM_ROWS:]
        # Before there is a fraud and something else, there is nothing to tell apart.
        if frauds.any() and not frauds.all():
            # One thread, so that sums are added in one order, and a seed gives the same trees.
            model = LGBMClassifier(
                n_estimators=_TREES,
                learning_rate=_RATE,
                random_state=material.seed,
                n_jobs=1,
                verbosity=-1,
            )
            model.fit(inputs[known], frauds)
            probabilities = np.asarray(model.predict_proba(inputs[material.compared[stretch.at]]))
            scores[stretch.at] = probabilities[:, 1]
    return scores


def _forest(X: Any, seed: int) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(random_state=seed).fit(X)


def _sides() -> Floats:
    return np.array([feature.side for feature in FEATURES], dtype=float)


def _surprises(values: Any, past: Any) -> Floats:
    """Return −ln of the share of ``past`` that was as high as each of ``values``, itself one of it."""
    ordered = np.sort(past[~np.isnan(past)])
    n_as_high = len(ordered) - np.searchsorted(ordered, values)
    surprises = -np.log((n_as_high + 1.0) / (len(ordered) + 1.0))
    return np.where(np.isnan(values), 0.0, surprises)
