"""What verdicts taught since it was last taken: for models that learn beside the one in use.

Whoever learns beside it makes what it can of a payment's inputs by itself: the distance that they end
with, and the ranks behind them, are those of the version in use.

Of those that nobody judged, and that are presumed legitimate, an eighth is heard of, each for eight:
they are a third of all payments, and measuring each again would cost as much as scoring it did.
Whether one is among them depends on its id alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats, Integers
from streamer.contract.messages import Feedback
from streamer.model import FOUND_OUT
from streamer.verdicts.buffer import UnjudgedBuffer

__all__ = ["Overheard", "OverheardJudged", "OverheardLesson", "OverheardRuling"]

_HEARD: Final = 0.125


class OverheardLesson(NamedTuple):
    """What `streamer.model.learn_verdicts` was given: ``vectors`` (n, n_inputs + 3) of n payments."""

    vectors: NDArray[np.float32]
    frauds: Floats
    weights: Floats
    n_learned: int


class OverheardJudged(NamedTuple):
    """What `streamer.model.count_judged` was given, each (n,)."""

    stakes: Floats
    frauds: Floats
    signs: Floats


class OverheardRuling(NamedTuple):
    """A verdict that stands, and the one before it.  ``time_ms`` is when its payment happened, None
    where that does not wait for a verdict."""

    transaction_id: str
    is_fraud: bool
    was_fraud: bool | None
    time_ms: int | None

    @classmethod
    def of(cls, verdict: Feedback, before: Feedback | None, time_ms: int | None) -> OverheardRuling:
        was_fraud = None if before is None else before.verdict == "fraud"
        return cls(verdict.transaction_id, verdict.verdict == "fraud", was_fraud, time_ms)


@dataclass(slots=True)
class Overheard:
    """All of it, in the order in which it came."""

    judged: list[OverheardJudged] = field(default_factory=list)
    rulings: list[OverheardRuling] = field(default_factory=list)
    n_rows: int = 0
    """Payments in all lessons."""
    _lessons: list[OverheardLesson] = field(default_factory=list)

    def hear(
        self,
        buffer: UnjudgedBuffer,
        slots: Integers,
        frauds: Floats,
        weights: Floats,
        n_learned: int | None,
    ) -> None:
        """Take what `streamer.model.learn_verdicts` was given; with ``n_learned`` they are presumed."""
        if n_learned is None:
            n_learned = int(np.sign(weights[frauds != FOUND_OUT]).sum())
        else:
            heard = buffer.is_drawn_again(slots, weights, _HEARD)
            slots, frauds, weights = slots[heard], frauds[heard], weights[heard] / _HEARD
        vectors = buffer.vectors[slots]
        self.n_rows += len(slots)
        self._lessons.append(OverheardLesson(vectors, frauds, weights, n_learned))

    @property
    def lesson(self) -> OverheardLesson | None:
        """Return all lessons as one: sums are what comes of them.  None where there are none."""
        if not self.n_rows:
            return None
        vectors, frauds, weights, n_learned = zip(*self._lessons, strict=True)
        return OverheardLesson(
            np.concatenate(vectors), np.concatenate(frauds), np.concatenate(weights), sum(n_learned)
        )

    def clear(self) -> None:
        """Forget it."""
        self._lessons.clear()
        self.n_rows = 0
        self.judged.clear()
        self.rulings.clear()
