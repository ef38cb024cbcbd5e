"""From a seed to what happens: how large the world is, and which faults strike when.

Each seed draws a few kinds of fault and leaves the others out: a run in which everything goes wrong at
once hides what a single fault would show.  Some seeds tell a story: faults in an order that matters.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

from tests.simulation.payments import LOG_LENGTH, N_PARTITIONS

__all__ = ["STORIES", "Fault", "FaultKind", "Scenario", "Story"]

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
]
_KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
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


def _bursts(at_s: float) -> tuple[Fault, ...]:
    return tuple(Fault(at_s, "burst", partition, 0.0) for partition in range(N_PARTITIONS))


_SHORT: Final[dict[str, Any]] = {"max_batch": 4, "checkpoint_max_transactions": 12}

STORIES: Final[dict[str, Story]] = {
    "connections break": Story((Fault(0.0, "redis breaks connections", 0, 30.0),)),
    # A partition with histories is claimed, and they cannot be looked up when its first batch comes.
    "claimed without histories": Story(
        (
            Fault(5.0, "kill", 0, 0.0),
            *_bursts(5.5),
            Fault(5.6, "redis away at claim", 0, 4.0),
            Fault(15.0, "burst", 0, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1},
    ),
    # A worker has a checkpoint under way when Redis goes, and then loses its session: when Redis is
    # back, its partition may be another's.
    "rivals": Story((Fault(3.0, "redis away", 0, 9.0), Fault(4.5, "cut off", 0, 14.0))),
    # What the first life publishes no checkpoint holds.  The second replays it with a model that moves
    # on from checkpoint to checkpoint, publishes alerts that the first did not, and is killed too.
    "killed during the replay": Story(
        (
            Fault(4.0, "redis away", 0, 6.0),
            Fault(5.0, "burst", 0, 0.0),
            Fault(9.0, "kill", 0, 0.0),
            Fault(9.1, "kill at checkpoint", 1, 0.0),
            Fault(18.0, "kill at checkpoint", 1, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1, "n_partitions": 1, "length": LOG_LENGTH},
    ),
    # Nearly every payment is to alert, some lives know only from their topics what is on them.
    "killed in a flood": Story(
        (
            *_bursts(3.0),
            Fault(3.2, "flood", 0, 20.0),
            Fault(4.0, "redis away", 0, 4.0),
            Fault(6.0, "kill", 0, 0.0),
            Fault(11.0, "kill at checkpoint", 1, 0.0),
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1},
    ),
    # Checkpoints wait for Kafka while their partitions are released, to be done again.
    "alerts given up": Story(
        tuple(
            fault
            for i in range(4)
            for fault in (
                Fault(3.0 + 6 * i, "burst", i, 0.0),
                Fault(3.3 + 6 * i, "broker away", 0, 4.5),
            )
        ),
        is_alone=True,
        changes=_SHORT | {"n_workers": 1, "n_partitions": N_PARTITIONS, "length": LOG_LENGTH},
    ),
    # One worker has batches in hand, or alerts in its queue, while another takes over.
    "stands still": Story(
        (*_bursts(4.0), Fault(4.4, "freeze", 0, 14.0)),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "is_static": False},
    ),
    "cut off": Story(
        (*_bursts(4.0), Fault(4.4, "cut off", 0, 14.0)),
        is_alone=True,
        changes=_SHORT | {"n_workers": 2, "is_static": False},
    ),
}
_STORY_EVERY: Final = 8
"""Every so many seeds one tells a story."""


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
    sudden_share: float
    """Of the requests after which their process is killed or frozen before it gets the answer."""
    kinds: tuple[FaultKind, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int, story: Story | None = None, *, is_small: bool = False) -> Scenario:
        """Return the scenario of a seed, with ``story`` or else its own, where it has one."""
        if story is None and seed % _STORY_EVERY == _STORY_EVERY - 1:
            story = list(STORIES.values())[seed // _STORY_EVERY % len(STORIES)]
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
