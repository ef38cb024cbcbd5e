"""How much is taken on at once, and who is told to come back.

What is answered is worth something only before its deadline.  So a request that would wait for longer
than that is refused at once, in less time than it would take to answer it, and a priority below the
others' is refused earlier.  A request takes up the room of one payment before anything of it is read or
looked up, and that of its payments once they are known.

Invariants: at most ``limit`` requests are being read or looked up, and payments answered; no more than
``most_bytes`` of bodies are held; who was admitted is answered or has run into its deadline; a refusal
costs no decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["BODIES_HELD", "PRIORITIES", "Admission", "Place", "Priority"]

Priority = Literal["high", "normal", "low"]
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)

BODIES_HELD: Final = 64
"""Of the largest size, at once, which are 64 MiB by default; 1,000 payments have less than one."""
# Up to which share of the limit each is taken on.
_SHARES: Final[dict[Priority, float]] = {"high": 1.0, "normal": 0.9, "low": 0.5}


def _never() -> bool:
    return False


@dataclass(slots=True)
class Place:
    """What one request takes up: ``n_payments``, one until they are known, and ``n_bytes`` of body."""

    n_payments: int = 0
    n_bytes: int = 0


@dataclass(slots=True)
class Admission:
    """Counts what is being read and answered; ``limit`` is in payments, ``is_draining`` admits nobody.

    ``is_behind`` says whether answers are late by so much that who comes now would wait for too long.
    """

    limit: int
    most_bytes: int
    in_flight: int = 0
    n_bytes: int = 0
    is_draining: bool = False
    is_behind: Callable[[], bool] = _never

    def has_room(self, n_payments: int, priority: Priority, own: int = 0) -> bool:
        """Whether a request of ``n_payments`` is taken on; one beyond the limit only by itself.

        ``own`` of those in flight are its own.
        """
        if self.is_draining or (priority != "high" and self.is_behind()):
            return False
        others = self.in_flight - own
        return not others or others + n_payments <= self.limit * _SHARES[priority]

    @contextmanager
    def taken_on(self) -> Iterator[Place]:
        """Count a request until it is done, as one payment as long as nobody knows how many."""
        place = Place()
        try:
            self.count(place, 1)
            yield place
        finally:
            self.count(place, 0)
            self.hold(place, 0)

    def count(self, place: Place, n_payments: int) -> None:
        """Let a request take up the room of ``n_payments``."""
        self.in_flight += n_payments - place.n_payments
        place.n_payments = n_payments

    def hold(self, place: Place, n_bytes: int) -> bool:
        """Count ``n_bytes`` of a request's body; return whether they may be held."""
        self.n_bytes += n_bytes - place.n_bytes
        place.n_bytes = n_bytes
        return self.n_bytes <= self.most_bytes
