"""From a seed to what happens: how large the world is, and which faults strike when.

Each seed draws a few kinds of fault and leaves the others out: a run in which everything goes wrong at
once hides what a single fault would show.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from tests.simulation.payments import LOG_LENGTH, N_PARTITIONS

__all__ = ["Fault", "FaultKind", "Scenario"]

FaultKind = Literal[
    "kill",
    "freeze",
    "stop",
    "rebalance",
    "redis away",
    "redis hangs",
    "redis breaks connections",
    "redis emptied",
    "redis restored",
    "broker away",
    "cut off",
    "isolated",
    "delivered again",
    "retention",
    "clock jumps",
]
_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
_MOST_KINDS: Final = 5
_LENGTHS: Final = (30, 45, LOG_LENGTH)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens at a time, on a worker or partition, and for how long."""

    at_s: float
    kind: FaultKind
    target: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a seed stands for."""

    seed: int
    n_workers: int
    n_partitions: int
    length: int
    max_batch: int
    checkpoint_max_transactions: int
    horizon_s: float
    is_static: bool
    sudden_share: float
    """Of the requests after which their process is killed or frozen before it gets the answer."""
    kinds: tuple[FaultKind, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int) -> Scenario:
        """Return the scenario of a seed."""
        rng = random.Random(seed)
        horizon_s = rng.uniform(6.0, 16.0)
        kinds = tuple(sorted(rng.sample(_KINDS, rng.randint(1, _MOST_KINDS))))
        n_faults = rng.randint(1, 10)
        return cls(
            seed=seed,
            n_workers=rng.randint(1, 3),
            n_partitions=rng.randint(1, N_PARTITIONS),
            length=rng.choice(_LENGTHS),
            max_batch=rng.choice((4, 12)),
            checkpoint_max_transactions=rng.choice((12, 30, 200)),
            horizon_s=horizon_s,
            is_static=rng.random() < 0.5,
            sudden_share=rng.choice((0.0, 0.01, 0.05)) if "kill" in kinds else 0.0,
            kinds=kinds,
            faults=tuple(
                Fault(
                    at_s=rng.uniform(0.0, horizon_s),
                    kind=rng.choice(kinds),
                    target=rng.randrange(6),
                    for_s=rng.choice((0.3, 1.5, 5.0, 12.0)) * rng.uniform(0.8, 1.2),
                )
                for _ in range(n_faults)
            ),
        )

    def with_faults(self, faults: Sequence[Fault]) -> Scenario:
        """Return the scenario with more faults, and a second worker for them."""
        if not faults:
            return self
        return replace(
            self,
            n_workers=max(self.n_workers, 2),
            horizon_s=max(self.horizon_s, *(fault.at_s + fault.for_s for fault in faults)),
            faults=(*self.faults, *faults),
        )

    def __str__(self) -> str:
        return (
            f"{self.n_workers} workers, {self.n_partitions} partitions of {self.length}, "
            f"batches up to {self.max_batch}; {', '.join(self.kinds)}"
        )
