"""From a seed to what happens: how large the world is, and which faults strike when.

Each seed draws a few kinds of fault and leaves the others out: a run in which everything goes wrong at
once hides what a single fault would show.  Some seeds tell a story: faults in an order that matters.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from tests.simulation.payments import N_PARTITIONS

__all__ = ["Fault", "FaultKind", "Scenario", "Story"]

FaultKind = Literal[
    "kill",
    "kill at checkpoint",
    "burst",
    "freeze",
    "stop",
    "rebalance",
    "redis away",
    "redis away at claim",
    "redis hangs",
    "redis breaks connections",
    "redis emptied",
    "redis restored",
    "broker away",
    "cut off",
    "isolated",
    "delivered again",
    "retention",
    "recreated",
    "truncated",
    "passed over",
    "clock jumps",
    "flood",
    "canary",
    "canary ended",
]
# Stories alone have a canary.
_KINDS: Final[tuple[FaultKind, ...]] = tuple(
    kind for kind in get_args(FaultKind) if not kind.startswith("canary")
)
_MOST_KINDS: Final = 5
_LENGTHS: Final = (30, 45, 60)
_SMALL_LENGTHS: Final = (12, 18, 24)
_AFTERWARDS_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens at a time, on a worker or partition, and for how long."""

    at_s: float
    kind: FaultKind
    target: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Story:
    """Faults in an order that makes likely what chance alone brings about in one seed of hundreds.

    ``is_alone``: a seed's own faults are left out.  ``changes`` are to the `Scenario`'s fields.
    """

    faults: tuple[Fault, ...]
    is_alone: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a seed stands for."""

    seed: int
    is_small: bool
    """Whether the model only counts (`counters`), in a world of fewer payments."""
    n_workers: int
    n_partitions: int
    length: int
    max_batch: int
    checkpoint_max_transactions: int
    horizon_s: float
    is_static: bool
    has_verdicts: bool
    is_mute: bool
    """Nothing alerts, and a topic that is made again may grow before anybody has noticed."""
    sudden_share: float
    """Of the requests after which their process is killed or frozen before it gets the answer."""
    kinds: tuple[FaultKind, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int, story: Story | None = None, *, is_small: bool = False) -> Scenario:
        """Return the scenario of a seed, with ``story`` where there is one."""
        drawn = cls._drawn(seed, is_small)
        return drawn if story is None else drawn.told(story)

    @classmethod
    def _drawn(cls, seed: int, is_small: bool) -> Scenario:
        rng = random.Random(seed)
        horizon_s = rng.uniform(3.0, 8.0) if is_small else rng.uniform(6.0, 16.0)
        kinds = tuple(sorted(rng.sample(_KINDS, rng.randint(1, _MOST_KINDS))))
        n_faults = rng.randint(1, 6 if is_small else 10)
        return cls(
            seed=seed,
            is_small=is_small,
            n_workers=rng.choice((1, 1, 2)) if is_small else rng.randint(1, 3),
            n_partitions=rng.choice((1, 1, 2)) if is_small else rng.randint(1, N_PARTITIONS),
            length=rng.choice(_SMALL_LENGTHS if is_small else _LENGTHS),
            max_batch=rng.choice((4, 12)),
            checkpoint_max_transactions=rng.choice((12, 30, 200)),
            horizon_s=horizon_s,
            is_static=rng.random() < 0.5,
            has_verdicts=rng.random() < 0.3,
            is_mute=rng.random() < 0.1,
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

    def told(self, story: Story) -> Scenario:
        """Return the scenario with what a story adds."""
        faults = story.faults if story.is_alone else (*self.faults, *story.faults)
        ends_s = max(fault.at_s + fault.for_s for fault in story.faults) + _AFTERWARDS_S
        told = replace(
            self,
            n_workers=max(self.n_workers, 2),
            is_mute=False,
            horizon_s=ends_s if story.is_alone else max(self.horizon_s, ends_s),
            sudden_share=0.0 if story.is_alone else self.sudden_share,
            kinds=tuple(sorted({fault.kind for fault in faults})),
            faults=faults,
        )
        return replace(told, **story.changes)

    def __str__(self) -> str:
        return (
            f"{self.n_workers} workers, {self.n_partitions} partitions of {self.length}, "
            f"batches up to {self.max_batch}; {', '.join(self.kinds)}"
        )
