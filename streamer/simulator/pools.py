"""Merchants grouped by where one can pay: tills and cash machines by city, online, new category.

Sampling from many pools at once is one `searchsorted` into the cumulative popularity of all
merchants, laid out pool by pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamer.arrays import Floats, Integers

__all__ = ["Pools"]

Ints = Integers


@dataclass(frozen=True)
class Pools:
    """Every merchant is in exactly one pool, and no pool is empty.

    ``order`` lists merchants pool by pool; pool ``p`` is ``order[first[p] : last[p] + 1]``, and
    ``cumulative`` sums popularity along ``order``.
    """

    n_cities: int
    pool: Ints
    order: Ints
    cumulative: Floats
    first: Ints
    last: Ints

    @classmethod
    def of(cls, kind: Ints, city: Ints, popularity: Floats, n_cities: int) -> Pools:
        """Group merchants; ``kind`` is 0 till, 1 cash machine, 2 online, 3 new category."""
        pool = np.where(kind < 2, kind * n_cities + city, 2 * n_cities + kind - 2)
        order = np.argsort(pool, kind="stable")
        numbers = np.arange(2 * n_cities + 2)
        return cls(
            n_cities=n_cities,
            pool=pool,
            order=order,
            cumulative=np.cumsum(popularity[order]),
            first=np.searchsorted(pool[order], numbers, side="left"),
            last=np.searchsorted(pool[order], numbers, side="right") - 1,
        )

    def till(self, city: Ints) -> Ints:
        """Return the pool of tills in each city."""
        return city

    def cash(self, city: Ints) -> Ints:
        """Return the pool of cash machines in each city."""
        return np.asarray(self.n_cities + city)

    def online(self, n: int) -> Ints:
        """Return the pool of online merchants, ``n`` times."""
        return np.full(n, 2 * self.n_cities)

    @property
    def new(self) -> int:
        """The pool of the category that takes off later."""
        return 2 * self.n_cities + 1

    def members(self, pool: int) -> Ints:
        """Return the merchants of one pool."""
        return self.order[self.first[pool] : self.last[pool] + 1]

    def draw(self, pool: Ints, uniform: Floats) -> Ints:
        """Return one merchant per entry of ``pool``, by popularity; ``uniform`` is in [0, 1).

        >>> kind, city = np.array([0, 0, 1, 2, 3]), np.zeros(5, dtype=np.int64)
        >>> pools = Pools.of(kind, city, np.array([3.0, 1.0, 1.0, 1.0, 1.0]), 1)
        >>> pools.draw(np.array([0, 0, 1]), np.array([0.7, 0.8, 0.5])).tolist()
        [0, 1, 2]
        """
        first, last = self.first[pool], self.last[pool]
        below = np.where(first > 0, self.cumulative[first - 1], 0.0)
        point = below + uniform * (self.cumulative[last] - below)
        # Rounding at a pool's edge may point one entry outside it.
        place = np.clip(np.searchsorted(self.cumulative, point, side="right"), first, last)
        return np.asarray(self.order[place])
