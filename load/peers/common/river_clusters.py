"""river's ``StandardScaler | KMeans``, with the distance to the center that it has chosen."""

from __future__ import annotations

from typing import Final

from job import N_CLUSTERS, WARMUP
from river.cluster import KMeans
from river.preprocessing import StandardScaler

__all__ = ["THRESHOLD", "Clusters"]

# Some 0.5% of the simulator's payments are beyond it.
THRESHOLD: Final = 7.5
_NAMES: Final = ("amount", "over_mean", "elapsed", "km", "kmh")


class Clusters:
    """Scores by the squared distance to the nearest center, in units of the running scale."""

    threshold = THRESHOLD

    def __init__(self) -> None:
        self._n = 0
        self._scaler = StandardScaler()
        self._k_means = KMeans(n_clusters=N_CLUSTERS, halflife=0.05, seed=1)

    def score(self, x: tuple[float, ...]) -> float:
        """Return a payment's score, and learn from it; 0 while warming up."""
        self._n += 1
        named = dict(zip(_NAMES, x, strict=True))
        self._scaler.learn_one(named)
        z = self._scaler.transform_one(named)
        # What `learn_one` and then `predict_one` of the pipeline come to, "but faster" by its docs.
        center = self._k_means.centers[self._k_means.learn_predict_one(z)]
        if self._n <= WARMUP:
            return 0.0
        return sum((z[name] - center[name]) ** 2 for name in _NAMES)
