"""How much is taken on at once, and who is told to come back.

What is answered is worth something only before its deadline.  So a request that would wait for longer
than that is refused at once, in less time than it would take to answer it, and a priority below the
others' is refused earlier.

Invariants: at most ``limit`` payments are being answered; who was admitted is answered or has run into
its deadline; a refusal costs no decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["PRIORITIES", "Admission", "Priority"]

Priority = Literal["high", "normal", "low"]
PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)

# Up to which share of the limit each is taken on.
_SHARES: Final[dict[Priority, float]] = {"high": 1.0, "normal": 0.9, "low": 0.5}


def _never() -> bool:
    return False


@dataclass(slots=True)
class Admission:
    """Counts what is being answered; ``limit`` is in payments, ``is_draining`` admits nobody.

    ``is_behind`` says whether answers are late by so much that who comes now would wait for too long.
    """

    limit: int
    in_flight: int = 0
    is_draining: bool = False
    is_behind: Callable[[], bool] = _never

    def has_room(self, n_payments: int, priority: Priority) -> bool:
        """Whether a request of ``n_payments`` is taken on; one beyond the limit only by itself."""
        if self.is_draining or (priority != "high" and self.is_behind()):
            return False
        return not self.in_flight or self.in_flight + n_payments <= self.limit * _SHARES[priority]

    @contextmanager
    def taken_on(self, n_payments: int) -> Iterator[None]:
        """Count a request until it is done."""
        self.in_flight += n_payments
        try:
            yield
        finally:
            self.in_flight -= n_payments
