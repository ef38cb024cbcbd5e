"""What is counted of a challenger against the main line: sums, which merge by addition.

Alerts are those above a line, the pace's; what the fuse holds back counts, what is drawn for the sample
does not.  A judged payment counts by who had alerted it, main line, challenger, both or neither:

* *asked*: reviewers were asked, by an alert or a draw of the sample.  Every alert is judged, a draw of
  probability q stands for 1/q payments (Horvitz and Thompson 1952), as in `streamer.model.census`.
  What the challenger alone had alerted is seen by draws alone, so that it has an interval.
* *told*: nobody was asked, a chargeback for one.  Each counts for one.

Scores are ranks in recent traffic: by what a version expects as many lie in each twentieth.  How far
they are from that is how far scores have moved, as a stability index; those counts decay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.model.drift import stability_index

__all__ = ["BOTH", "NEITHER", "N_NUMBERS", "ONLY_CHALLENGER", "ONLY_MAIN", "WHO", "Tally", "who_of"]

WHO: Final = ("both", "only main", "only challenger", "neither")
BOTH, ONLY_MAIN, ONLY_CHALLENGER, NEITHER = range(4)
Side = Literal["main", "challenger"]

_N_RANKS: Final = 20
_RANKS_HALF_LIFE: Final = 20_000.0
_PLAIN: Final = 8
_ASKED: Final = slice(_PLAIN, _PLAIN + 24)
_TOLD: Final = slice(_ASKED.stop, _ASKED.stop + 8)
_RANKS: Final = slice(_TOLD.stop, _TOLD.stop + 2 * _N_RANKS)
N_NUMBERS: Final = _RANKS.stop


@dataclass(slots=True)
class Tally:
    """One vector, ``numbers`` (N_NUMBERS,), and its parts by name, in the same memory."""

    numbers: Floats = field(default_factory=lambda: np.zeros(N_NUMBERS))

    @classmethod
    def of(cls, stored: Sequence[float]) -> Tally:
        """Return what `list(numbers)` was; parts that an earlier release had not are 0."""
        tally = cls()
        n = min(len(stored), N_NUMBERS)
        tally.numbers[:n] = stored[:n]
        return tally

    @property
    def n_compared(self) -> float:
        """Payments that both have scored."""
        return self.numbers.item(0)

    @property
    def alerts(self) -> Floats:
        """Payments above a line, by `WHO` (3,): there is no count of what neither alerted."""
        return self.numbers[1:4]

    @property
    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU, the main line's from bytes to outcome, over the payments in `n_timed`."""
        return {"main": self.numbers.item(4), "challenger": self.numbers.item(5)}

    @property
    def n_timed(self) -> float:
        return self.numbers.item(6)

    @property
    def asked(self) -> Floats:
        """Judged payments that reviewers were asked about, (3, 4, 2): count, weight and weight², by
        `WHO`, legitimate and fraudulent."""
        return self.numbers[_ASKED].reshape(3, 4, 2)

    @property
    def told(self) -> Floats:
        """Judged payments that nobody was asked about, (4, 2)."""
        return self.numbers[_TOLD].reshape(4, 2)

    @property
    def ranks(self) -> Floats:
        """Recent scores by twentieths, (2, 20): of the main line and of the challenger."""
        return self.numbers[_RANKS].reshape(2, _N_RANKS)

    def score_psi(self, side: Side) -> float:
        """Return how far scores are from what their versions expect, 0 before there are any."""
        counts = self.ranks[0 if side == "main" else 1]
        if not counts.any():
            return 0.0
        return float(stability_index(np.full(_N_RANKS, 1.0 / _N_RANKS), counts / counts.sum()))

    def add_alerts(self, n: int, is_main: Flags, is_own: Flags) -> None:
        """Count ``n`` payments, and m among them, all that are above a line, by whose, each (m,)."""
        self.numbers[0] += n
        n_both = np.count_nonzero(is_main & is_own)
        n_main, n_own = np.count_nonzero(is_main), np.count_nonzero(is_own)
        self.alerts[:] += n_both, n_main - n_both, n_own - n_both

    def add_ranks(self, main: Floats, own: Floats) -> None:
        """Count some of the ranks that both gave, each (n,)."""
        for row, scores in enumerate((main, own)):
            at = np.minimum(scores * _N_RANKS, _N_RANKS - 1).astype(np.int64)
            self.ranks[row] += np.bincount(at, minlength=_N_RANKS)

    def add_cpu(self, main_s: float, own_s: float, n: int) -> None:
        """Count the seconds that ``n`` payments took."""
        self.numbers[4:7] += main_s, own_s, n

    def add_judged(self, who: int, is_fraud: bool, weight: float, sign: float) -> None:
        """Count a verdict; ``weight`` 0 where nobody was asked, ``sign`` -1 to take one back."""
        if weight <= 0.0:
            self.told[who, int(is_fraud)] += sign
            return
        self.asked[:, who, int(is_fraud)] += sign, sign * weight, sign * weight * weight

    def merged(self, later: Tally) -> Tally:
        """Return the counts of both, of which ``later`` came after."""
        numbers = self.numbers.copy()
        numbers[_RANKS] *= 0.5 ** (later.n_compared / _RANKS_HALF_LIFE)
        return Tally(numbers + later.numbers)

    @property
    def is_empty(self) -> bool:
        return not self.numbers.any()


def who_of(is_main: bool, is_own: bool) -> int:
    """Return who had alerted a payment.

    >>> [WHO[who_of(*each)] for each in ((True, True), (True, False), (False, True), (False, False))]
    ['both', 'only main', 'only challenger', 'neither']
    """
    if is_main:
        return BOTH if is_own else ONLY_MAIN
    return ONLY_CHALLENGER if is_own else NEITHER
