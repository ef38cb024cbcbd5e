"""A running scale and an online k-means in plain Python, which for five features beats numpy.

Notation: x, z (n_features,); a center has as many.
"""

from __future__ import annotations

from typing import Final

from job import N_CLUSTERS, N_FEATURES, WARMUP

__all__ = ["THRESHOLD", "Clusters"]

# Of the squared distance to the nearest center: some 0.5% of the simulator's payments are beyond it.
THRESHOLD: Final = 13.0
# A center never moves by less, so that it follows the traffic.
_LEAST_STEP: Final = 0.001


class Clusters:
    """Scores by the squared distance to the nearest center, in units of the running scale."""

    threshold = THRESHOLD

    def __init__(self) -> None:
        self._n = 0
        self._mean = [0.0] * N_FEATURES
        self._squares = [0.0] * N_FEATURES
        self._centers: list[list[float]] = []
        self._visits: list[int] = []

    def score(self, x: tuple[float, ...]) -> float:
        """Return a payment's score, and learn from it; 0 while warming up."""
        z = self._scaled(x)
        if self._n <= WARMUP:
            return 0.0
        if len(self._centers) < N_CLUSTERS:
            # The first rows after the warm-up are the first centers, as MacQueen has it.
            self._centers.append(z)
            self._visits.append(1)
            return 0.0
        nearest, least = 0, float("inf")
        a, b, c, d, e = z
        for k, (p, q, r, s, t) in enumerate(self._centers):
            p, q, r, s, t = p - a, q - b, r - c, s - d, t - e
            distance = p * p + q * q + r * r + s * s + t * t
            if distance < least:
                nearest, least = k, distance
        self._visits[nearest] += 1
        step = max(1.0 / self._visits[nearest], _LEAST_STEP)
        self._centers[nearest] = [
            center + (value - center) * step
            for center, value in zip(self._centers[nearest], z, strict=True)
        ]
        return least

    def _scaled(self, x: tuple[float, ...]) -> list[float]:
        """Return x in standard deviations from the running mean (Welford), x included."""
        self._n += 1
        n, z = self._n, []
        for j, value in enumerate(x):
            before = value - self._mean[j]
            self._mean[j] = mean = self._mean[j] + before / n
            self._squares[j] = squares = self._squares[j] + before * (value - mean)
            z.append((value - mean) / (squares / n + 1e-9) ** 0.5)
        return z
