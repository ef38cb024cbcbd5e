"""A circuit breaker: after a few calls without an answer, the next ones fail at once.

closed, where every call goes through; open, where none does until the pause is over; half-open, where
one call tries and the others still fail.  An answer closes it; a server that is out of memory is there.
One that is no primary any more, or does not let this user write any more, has failed all the same: then
only a write that was done closes it, since reads may be answered all the while.  Pauses double, up to a
bound, and are shortened at random so that workers do not come back all at the same moment (M. Nygard,
Release It!, 2007).

redis-py has a breaker for its clients of several databases only, which chooses between them and repeats
commands by itself.

Invariants: at most one call is under way in half-open; no pause is longer than the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

__all__ = ["BREAKER_STATES", "Breaker", "BreakerState", "BreakerStatus"]

BreakerState = Literal["closed", "open", "half-open"]
BREAKER_STATES: Final[tuple[BreakerState, ...]] = get_args(BreakerState)

# One lost connection is no outage: a server that restarts in a second is found again by the third.
_FAILURES_ALLOWED: Final = 3
_FIRST_PAUSE_S: Final = 0.25
# What an outage may last longer for a worker than for others.
_LONGEST_PAUSE_S: Final = 5.0
_LEAST_JITTER: Final = 0.5


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """State, failures in a row, the monotonic time since which it is not closed, and the last error.

    ``mended_at`` is when the last failures came to an end, minus infinity where there were none.
    """

    state: BreakerState
    failures: int
    opened_at: float | None
    error: str = ""
    mended_at: float = -math.inf


class Breaker:
    """Ask `admits` before a call and tell it afterwards: `answered`, `failed` or `abandoned`."""

    def __init__(self, rng: np.random.Generator, monotonic: Callable[[], float]) -> None:
        self._rng = rng
        self._monotonic = monotonic
        self._failures = 0
        self._opened_at: float | None = None
        self._mended_at = -math.inf
        self._retry_at = 0.0
        self._is_probing = False
        self.last_error = ""
        self.refuses_writes = False
        """Whether only a write that is done can close it."""

    @property
    def status(self) -> BreakerStatus:
        """What to show of it."""
        state: BreakerState = "closed"
        if self._opened_at is not None:
            state = "half-open" if self._is_probing or self.retry_in_s == 0.0 else "open"
        error = self.last_error if self._failures else ""
        return BreakerStatus(state, self._failures, self._opened_at, error, self._mended_at)

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next call may try."""
        return max(self._retry_at - self._monotonic(), 0.0)

    def admits(self) -> bool:
        """Return whether a call may be made; in half-open the caller then holds the only try."""
        if self._opened_at is None:
            return True
        if self._is_probing or self.retry_in_s > 0.0:
            return False
        self._is_probing = True
        return True

    def answered(self, *, has_written: bool = False) -> None:
        """Note that there was an answer."""
        self._is_probing = False
        if has_written or not self.refuses_writes:
            if self._failures:
                self._mended_at = self._monotonic()
            self._failures, self._opened_at, self.refuses_writes = 0, None, False

    def failed(self, error: str, *, refuses_writes: bool = False) -> None:
        """Note that there was none, or one that says that no write would be taken."""
        self._failures += 1
        self._is_probing = False
        self.last_error = error
        self.refuses_writes |= refuses_writes
        n_pauses = self._failures - _FAILURES_ALLOWED
        if n_pauses < 0:
            return
        if self._opened_at is None:
            self._opened_at = self._monotonic()
        # The exponent is bounded first: an outage of days must not overflow it.
        longest_s = min(_FIRST_PAUSE_S * 2.0 ** min(n_pauses, 32), _LONGEST_PAUSE_S)
        pause_s = longest_s * float(self._rng.uniform(_LEAST_JITTER, 1.0))
        self._retry_at = self._monotonic() + pause_s

    def abandoned(self) -> None:
        """Note that the call was cancelled and says nothing; the next one may try."""
        self._is_probing = False
