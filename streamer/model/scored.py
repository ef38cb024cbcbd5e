"""What scoring leaves of n payments: few arrays to write to, and their columns by name."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Flags, Floats, Integers

__all__ = ["N_OF_EACH", "N_WITH_LOSS", "Room", "Scored"]


_NONE: Final = np.empty(0)
N_OF_EACH: Final = 7
N_WITH_LOSS: Final = 9
"""Numbers of each payment."""


class Room(NamedTuple):
    """Where the scores of n payments are written, in few arrays: what `Scored` shows by name.

    ``numbers`` (7, n) are distances², thresholds, shares asked and due, ranks of the distances,
    log-odds and their ranks, and in (9, n), where a loss is expected, its ln and ranks; ``parts`` (3,
    n, n_features) clipped rows, contributions and addends.
    """

    numbers: Floats
    nearest: Integers
    alerted: Flags
    parts: Floats
    inputs: Floats

    @classmethod
    def of(cls, n: int, n_features: int, n_inputs: int, *, has_loss: bool = False) -> Room:
        return cls(
            np.empty((N_WITH_LOSS if has_loss else N_OF_EACH, n)),
            np.empty(n, np.int64),
            np.empty(n, np.bool_),
            np.empty((3, n, n_features)),
            np.empty((n, n_inputs)),
        )


class Scored(NamedTuple):
    """The scores of n transactions.

    ``X`` (n, n_features) are the clipped, centred rows that were compared, NaN where an entry is
    missing, and ``nearest`` (n,) the centers that they were compared with.

    ``contributions`` (n, n_features) sum to ``distances_sq`` (n,) over features.  ``addends`` (n,
    n_features) are what they were in full, and before they were made comparable between payments of
    which more and less is known.

    ``thresholds`` (n,) is what was exceeded where ``alerted``, in the units of what ranks: log-odds
    where the odds are active (``by_odds``), ln of an expected loss where that ranks (``by_loss``),
    else squared distances.  ``asked`` (n,) is the share of
    recent traffic that was to alert at the payment's hour, ``due`` (n,) what was expected to
    (`Asked`).  ``distance_ranks`` and ``odds_ranks`` (n,) lie in [0, 1].

    ``inputs`` (n, n_inputs) are the odds', NaN where unknown; ``log_odds`` and their ranks are
    (n,), or (0,) where there are no odds; ``log_losses`` and theirs where no loss is expected.
    """

    X: Floats
    nearest: Integers
    contributions: Floats
    addends: Floats
    distances_sq: Floats
    alerted: Flags
    by_odds: bool
    thresholds: Floats
    asked: Floats
    due: Floats
    distance_ranks: Floats
    inputs: Floats
    log_odds: Floats
    odds_ranks: Floats
    by_loss: bool
    log_losses: Floats
    loss_ranks: Floats

    @classmethod
    def of(cls, room: Room, *, has_odds: bool, by_odds: bool, has_loss: bool = False) -> Scored:
        """Return what was written to ``room``, in the same memory."""
        X, contributions, addends = room.parts
        log_losses = loss_ranks = _NONE
        if has_loss:
            log_losses, loss_ranks = room.numbers[N_OF_EACH:]
            room = room._replace(numbers=room.numbers[:N_OF_EACH])
        distances_sq, thresholds, asked, due, ranks, log_odds, odds_ranks = room.numbers
        if not has_odds:
            log_odds = odds_ranks = _NONE
        return cls(
            X,
            room.nearest,
            contributions,
            addends,
            distances_sq,
            room.alerted,
            by_odds,
            thresholds,
            asked,
            due,
            ranks,
            room.inputs,
            log_odds,
            odds_ranks,
            by_odds and has_loss,
            log_losses,
            loss_ranks,
        )

    @property
    def values(self) -> Floats:
        """Return what ranks, (n,): ln of losses, log-odds or squared distances."""
        if self.by_loss:
            return self.log_losses
        return self.log_odds if self.by_odds else self.distances_sq

    @property
    def scores(self) -> Floats:
        """Return the ranks in [0, 1] of what ranks, shape (n,)."""
        if self.by_loss:
            return self.loss_ranks
        return self.odds_ranks if self.by_odds else self.distance_ranks

    @property
    def ranks(self) -> Floats:
        """Return the ranks of distance and odds, shape (n, 2), NaN where there are no odds."""
        ranks = np.empty((len(self.distance_ranks), 2))
        ranks[:, 0] = self.distance_ranks
        ranks[:, 1] = self.odds_ranks if len(self.odds_ranks) else np.nan
        return ranks

    def log_odds_of(self, index: int) -> float | None:
        """Return the log-odds of one transaction, None where there are no odds."""
        return float(self.log_odds[index]) if len(self.log_odds) else None

    def expected_loss_of(self, index: int) -> float | None:
        """Return the expected loss of one transaction, None where none is told."""
        return math.exp(self.log_losses[index]) if len(self.log_losses) else None
