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


@dataclass(frozen=True, slots=True)
class Rival:
    """A detector: ``score`` gives each compared row a number, in order, the higher the more suspicious.

    ``is_taught`` says whether it learns from labels, ``of_river`` whether it tells its progress, and
    ``needs`` the module of an extra without which it cannot run.
    """

    score: Callable[[Material], Floats]
    is_taught: bool = False
    of_river: bool = False
    needs: str | None = None


_RIVALS: Final[dict[str, Rival]] = {
    "amount": Rival(amount),
    "isolation_forest": Rival(isolation_forest, needs="sklearn.ensemble"),
    "half_space_trees": Rival(half_space_trees, of_river=True),
    "river_kmeans": Rival(river_kmeans, of_river=True),
    "tails": Rival(tails),
    "isolation_forest_daily": Rival(daily_isolation_forest, needs="sklearn.ensemble"),
    "logistic_regression": Rival(logistic_regression, is_taught=True, of_river=True),
    "hoeffding_adaptive_tree": Rival(hoeffding_adaptive_tree, is_taught=True, of_river=True),
    "adaptive_random_forest": Rival(adaptive_random_forest, is_taught=True, of_river=True),
    "lightgbm_weekly": Rival(lightgbm_weekly, is_taught=True, needs="lightgbm"),
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
    return any(_RIVALS[name].is_taught for name in names)


def n_of_river(names: tuple[str, ...]) -> int:
    """Return how many of the rivals report progress."""
    return sum(_RIVALS[name].of_river for name in names)


def require_rivals(names: tuple[str, ...], *, with_labels: bool) -> None:
    """Raise `ConfigurationError` where a rival cannot run, before anything is computed."""
    if not with_labels and learn_from_labels(names):
        taught = ", ".join(name for name in names if _RIVALS[name].is_taught)
        raise ConfigurationError(f"labels must be all or selective for {taught}, got none")
    for needed in dict.fromkeys(_RIVALS[name].needs for name in names):
        if needed is not None:
            require(needed)


def rival_scores(material: Material, names: tuple[str, ...]) -> dict[str, RivalScores]:
    """Return the scores of the rivals named, in their order."""
    result = {}
    for name in names:
        started = time.monotonic()
        scores = _RIVALS[name].score(material)
        result[name] = RivalScores(scores, time.monotonic() - started)
    return result
