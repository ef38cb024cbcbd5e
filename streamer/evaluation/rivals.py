"""The detectors that the pipeline is held against, each over the same rows in the same order.

Reading order: `material` (what they get), `running_scale`, `batch_rivals`, `river_rivals`.  Those that
learn from labels are told what the streamer is told; the others see none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamer.errors import ConfigurationError
from streamer.evaluation.batch_rivals import (
    amount,
    daily_isolation_forest,
    isolation_forest,
    lightgbm_weekly,
    tails,
)
from streamer.evaluation.material import Floats, Material
from streamer.evaluation.river_rivals import (
    adaptive_random_forest,
    half_space_trees,
    hoeffding_adaptive_tree,
    logistic_regression,
    river_kmeans,
)
from streamer.extra import require

__all__ = [
    "DEFAULT_RIVALS",
    "RIVALS",
    "RivalScores",
    "learn_from_labels",
    "n_of_river",
    "require_rivals",
    "rival_scores",
]

_LABEL_FREE: Final[dict[str, Callable[[Material], Floats]]] = {
    "amount": amount,
    "isolation_forest": isolation_forest,
    "half_space_trees": half_space_trees,
    "river_kmeans": river_kmeans,
    "tails": tails,
    "isolation_forest_daily": daily_isolation_forest,
}
_TAUGHT: Final[dict[str, Callable[[Material], Floats]]] = {
    "logistic_regression": logistic_regression,
    "hoeffding_adaptive_tree": hoeffding_adaptive_tree,
    "adaptive_random_forest": adaptive_random_forest,
    "lightgbm_weekly": lightgbm_weekly,
}
_RIVALS: Final = _LABEL_FREE | _TAUGHT
_OF_RIVER: Final = {
    "half_space_trees",
    "river_kmeans",
    "logistic_regression",
    "hoeffding_adaptive_tree",
    "adaptive_random_forest",
}

RIVALS: Final = tuple(_RIVALS)
DEFAULT_RIVALS: Final = ("amount", "isolation_forest", "half_space_trees", "river_kmeans")


@dataclass(frozen=True, slots=True)
class RivalScores:
    """A detector's scores of the compared rows, in order, and how long it took."""

    scores: Floats
    elapsed_s: float


def learn_from_labels(names: tuple[str, ...]) -> bool:
    """Whether any of the rivals needs labels, and the inputs of the odds."""
    return any(name in _TAUGHT for name in names)


def n_of_river(names: tuple[str, ...]) -> int:
    """Return how many of the rivals report progress."""
    return sum(name in _OF_RIVER for name in names)


def require_rivals(names: tuple[str, ...], *, with_labels: bool) -> None:
    """Raise `ConfigurationError` where a rival cannot run, before anything is computed."""
    if not with_labels and learn_from_labels(names):
        taught = ", ".join(name for name in names if name in _TAUGHT)
        raise ConfigurationError(f"labels must be all or selective for {taught}, got none")
    if {"isolation_forest", "isolation_forest_daily"} & set(names):
        require("sklearn.ensemble")
    if "lightgbm_weekly" in names:
        require("lightgbm")


def rival_scores(material: Material, names: tuple[str, ...]) -> dict[str, RivalScores]:
    """Return the scores of the rivals named, in their order."""
    result = {}
    for name in names:
        started = time.monotonic()
        scores = _RIVALS[name](material)
        result[name] = RivalScores(scores, time.monotonic() - started)
    return result
