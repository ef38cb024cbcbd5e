"""When payments are due in an open loop, and what became of each from then on; pure.

A payment is measured from when it was due, whatever held up the one that sends it.  Where a server
stands still for a second, everybody who came in that second has waited for what was left of it: a
generator that waits too, and measures from when it sent, would see a single slow payment (Tene calls
that coordinated omission).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from streamer.arrays import Floats, Integers

__all__ = ["LATE_S", "Lateness", "Profile", "Step", "due_times"]

# A generator that looks at the clock every millisecond is late by up to as much, and by a switch of
# the processor's; beyond this it was the limit itself, and its figures say so.
LATE_S: Final = 0.005


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many payments a second for so long."""

    rate: float
    seconds: float


Profile = Sequence[Step]


def due_times(profile: Profile) -> Floats:
    """Return when each payment of a profile is due, in seconds from its start, (n,) ascending.

    The first of a step is due with its beginning.

    >>> due_times([Step(2.0, 1.0), Step(4.0, 0.5)]).tolist()
    [0.0, 0.5, 1.0, 1.25]
    """
    parts, begun = [], 0.0
    for step in profile:
        n = math.floor(step.rate * step.seconds + 1e-9)
        parts.append(begun + np.arange(n) / step.rate if n else np.zeros(0))
        begun += step.seconds
    return np.concatenate(parts) if parts else np.zeros(0)


class Lateness(msgspec.Struct, frozen=True):
    """How much later than due payments were sent, in ms, and what sending took of a processor."""

    p50_ms: float
    p99_ms: float
    longest_ms: float
    busy: float

    @classmethod
    def of(cls, due_ns: Integers, sent_ns: Integers, busy: float) -> Lateness:
        """Return it of payments, (n,) each; ``busy`` is a share of one processor.

        >>> Lateness.of(np.array([0, 1_000_000]), np.array([1_000_000, 4_000_000]), 0.5)
        Lateness(p50_ms=1.0, p99_ms=3.0, longest_ms=3.0, busy=0.5)
        """
        if not len(due_ns):
            return cls(0.0, 0.0, 0.0, busy)
        late = np.sort(sent_ns - due_ns) / 1e6
        p50, p99 = (late[max(math.ceil(share * len(late)) - 1, 0)] for share in (0.5, 0.99))
        return cls(float(p50), float(p99), float(late[-1]), busy)

    @property
    def kept_up(self) -> bool:
        """Whether the figures are those of who was asked, not of who asked."""
        return self.p99_ms <= LATE_S * 1e3
