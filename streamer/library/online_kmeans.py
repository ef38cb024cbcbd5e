"""The product's k-means over features of one's own, by river's interface.

What scores and learns is `streamer.model`, as a worker runs it: running scale, clipped deviations,
distances by each cluster's own variance, half-lives, re-seeding, bounded steps.  Cards, merchants and
verdicts have no part in it.

Source of the interface: river 0.26, `base.AnomalyDetector`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

import numpy as np
from river import base

from streamer.arrays import Floats
from streamer.errors import ConfigurationError
from streamer.model import (
    ModelConfig,
    Scorer,
    Sums,
    advance,
    delta_limit,
    learn,
    learn_warming,
)
from streamer.model.codec import state_id

__all__ = ["OnlineKMeans"]

# Column 0 of the model is the amount's, counted by its currency: here it is 0 for everyone.
_OWN: Final = 1
# As small as to be nobody's spread; without it a constant feature makes any change infinite.
_SPREAD_FLOOR: Final = 1e-9
_LARGEST_DELTA: Final = 20_000
_CURRENCY: Final = np.zeros(1, dtype=np.int64)


class OnlineKMeans(base.AnomalyDetector):  # type: ignore[misc]
    """Anomaly scores by the distance to the nearest of centers that follow the stream.

    ``score_one`` returns the share of recent observations that were less unusual, in [0, 1]; 0 until
    ``warmup`` observations have been learned, from which the first centers are made.  A new version
    scores once a tenth more has been learned, so a score depends on what was learned a while ago.
    What is rarer than ``alert_share`` of the recent past moves no center.

    Features are numbers; what is missing takes no part, what is new gets the next of ``max_features``
    places.  More raise `ConfigurationError`, and so does a value that is no number.

    >>> detector = OnlineKMeans(n_clusters=2, warmup=40, seed=1)
    >>> for i in range(400):
    ...     detector.learn_one({"x": i % 2 * 10 + i % 7 / 7, "y": i % 5 / 5})
    >>> detector.score_one({"x": 5.0, "y": 3.0}) > detector.score_one({"x": 10.5, "y": 0.5})
    True
    """

    def __init__(
        self,
        n_clusters: int = 16,
        half_life: float = 200_000.0,
        warmup: int = 500,
        alert_share: float = 0.005,
        max_features: int = 32,
        seed: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.half_life = half_life
        self.warmup = warmup
        self.alert_share = alert_share
        self.max_features = max_features
        self.seed = seed
        n_columns = _OWN + max_features
        self._config = ModelConfig(
            feature_names=tuple(str(i) for i in range(n_columns)),
            spread_floors=(_SPREAD_FLOOR,) * n_columns,
            sides=(0,) * n_columns,
            n_currencies=1,
            n_clusters=n_clusters,
            half_life=half_life,
            score_half_life=min(half_life, 20_000.0),
            warmup=warmup,
            alert_budget=alert_share,
            random_seed=seed,
        )
        self._columns: dict[Hashable, int] = {}
        self._rng = np.random.default_rng(seed)
        self._delta = Sums.zero(self._config)
        self._hold(Sums.zero(self._config))

    def learn_one(self, x: Mapping[Hashable, Any]) -> None:
        """Learn from an observation."""
        row = self._row(x, is_learned=True)
        if self._version.is_warming:
            learn_warming(self._delta, row, _CURRENCY)
        else:
            scored = self._version.score(row, _CURRENCY)
            draws = self._rng.random(1)
            told = ~scored.alerted, scored.alerted, row[:, 0], _CURRENCY, None, draws
            learn(self._delta, scored, *told)
        if self._delta.transactions_seen >= self._due():
            sums = advance(self._sums, self._delta, self._config)
            self._delta = Sums.zero(self._config)
            self._hold(sums)

    def score_one(self, x: Mapping[Hashable, Any]) -> float:
        """Return how unusual an observation is, in [0, 1]; nothing is learned."""
        if self._version.is_warming:
            return 0.0
        scored = self._version.score(self._row(x, is_learned=False), _CURRENCY)
        return float(scored.distance_ranks[0])

    def _due(self) -> int:
        """Return after how many observations a version follows; the first when the warm-up is full."""
        seen = self._sums.transactions_seen
        limit = delta_limit(seen, _LARGEST_DELTA)
        return min(limit, self.warmup - seen) if seen < self.warmup else limit

    def _row(self, x: Mapping[Hashable, Any], *, is_learned: bool) -> Floats:
        """Return ``x`` as (1, n_columns), NaN where it has no such feature."""
        row = np.full((1, self._config.n_features), np.nan)
        row[0, 0] = 0.0
        for name, value in x.items():
            place = self._columns.get(name)
            if place is None and is_learned:
                place = self._place(name)
            if place is None or value is None:
                continue
            try:
                row[0, place] = float(value)
            except (TypeError, ValueError):
                raise ConfigurationError(
                    f"feature {name!r} must be a number, got {value!r:.60}; encode what is none"
                ) from None
        row[~np.isfinite(row)] = np.nan
        return row

    def _place(self, name: Hashable) -> int:
        if len(self._columns) == self.max_features:
            raise ConfigurationError(
                f"there must be at most {self.max_features} features, got another, {name!r}; set "
                "max_features"
            )
        self._columns[name] = _OWN + len(self._columns)
        return self._columns[name]

    def _hold(self, sums: Sums) -> None:
        self._sums = sums
        self._version = Scorer.of(state_id(sums), sums, self._config)
