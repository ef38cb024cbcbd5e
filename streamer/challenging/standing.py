"""What the service keeps of a challenger, and what a worker scores with.

A checkpoint merges what its partitions learned and counted, one after the other, as it does for the
main line (`advance`), into the version that the challenger has by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from streamer.challenging.challenge import Challenge
from streamer.challenging.tally import Tally
from streamer.errors import InvariantError
from streamer.model.model_config import ModelConfig
from streamer.model.scorer import Scorer
from streamer.model.sums import Sums

__all__ = ["Contender", "Standing", "Taken", "standing_in"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One challenger: ``version`` is the id of what it has learned, ``run`` tells it from an earlier
    one of the same name.  ``numbers`` are those of its `Tally`.
    """

    name: str
    run: str
    challenge: Challenge
    version: str
    transactions_seen: int
    started_at: str
    started_by: str
    numbers: list[float] = []

    @property
    def tally(self) -> Tally:
        return Tally.of(self.numbers)

    def encoded(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)

    def after(self, version: str, sums: Sums, tallies: Sequence[Tally]) -> Standing:
        """Return what it is with another version, and more counted."""
        tally = self.tally
        for later in tallies:
            tally = tally.merged(later)
        numbers = tally.numbers.tolist()
        seen = sums.transactions_seen
        return msgspec.structs.replace(
            self, version=version, transactions_seen=seen, numbers=numbers
        )


def standing_in(stored: bytes, key: str) -> Standing:
    """Return what a field of the hash ``key`` holds."""
    try:
        return msgspec.json.decode(stored, type=Standing)
    except msgspec.MsgspecError as error:
        raise InvariantError(
            f"{key} must hold challengers, got something else ({error}); has another release or "
            "something else written it?"
        ) from None


class Taken(NamedTuple):
    """What a challenger did on a partition since its last checkpoint; ``run`` is whose it is.

    ``version`` and ``sums`` are what it scored with, which need not be read if that has not changed.
    """

    run: str
    delta: Sums
    tally: Tally
    version: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Contender:
    """A challenger as a worker scores with it; replaced as a whole.

    ``main`` is the main line's configuration that its own is derived from, ``left_out`` the columns
    that it does not look at.
    """

    standing: Standing
    version: Scorer
    main: ModelConfig
    left_out: list[int]

    @classmethod
    def of(cls, standing: Standing, sums: Sums, main: ModelConfig) -> Contender:
        config = standing.challenge.config(main)
        left_out = list(standing.challenge.left_out(main))
        return cls(standing, Scorer.of(standing.version, sums, config), main, left_out)

    @property
    def run(self) -> str:
        return self.standing.run

    @property
    def challenge(self) -> Challenge:
        return self.standing.challenge
