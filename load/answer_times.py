"""When questions are due, and what came of them: percentiles, rates and refusals; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

__all__ = ["Asked", "Percentiles", "Tally", "due_by", "due_s", "percentile"]

_OK: Final = 200
_OVERLOADED: Final = 429


class Percentiles(msgspec.Struct, frozen=True):
    """In milliseconds; all of them None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, took_s: Sequence[float]) -> Percentiles:
        """Return them of durations in seconds."""
        if not took_s:
            return cls()
        ordered = sorted(took_s)
        told = (percentile(ordered, share) * 1e3 for share in (0.5, 0.95, 0.99, 1.0))
        return cls(*(round(ms, 3) for ms in told))


class Asked(msgspec.Struct, frozen=True):
    """What came of the questions of one measurement.

    ``seconds`` are those measured, without the beginning; ``n_answered`` and ``n_refused`` are
    requests, the latter by status; ``n_late`` those answered after the deadline.  ``answers_per_s``
    are payments.  ``refusals`` is how long a refusal with 429 took.  ``busy`` is the share of a
    processor that asking took: from 0.9 on what asks is the limit and not what answers.
    """

    seconds: float
    n_answered: int
    n_late: int
    n_refused: dict[str, int]
    answers_per_s: float
    answers: Percentiles
    refusals: Percentiles
    busy: float = 0.0

    @property
    def refused_share(self) -> float:
        """Part of the requests that were refused."""
        n_refused = sum(self.n_refused.values())
        return n_refused / max(n_refused + self.n_answered, 1)


@dataclass(slots=True)
class Tally:
    """Takes note of each request as it is done."""

    n_payments: int
    deadline_s: float
    answered_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    n_refused: Counter[str] = field(default_factory=Counter)

    def note(self, status: int, took_s: float) -> None:
        """Note a request of which ``took_s`` went by since it was due."""
        if status == _OK:
            self.answered_s.append(took_s)
            return
        self.n_refused[str(status)] += 1
        if status == _OVERLOADED:
            self.refused_s.append(took_s)

    def result(self, seconds: float, busy: float = 0.0) -> Asked:
        """Return what came of ``seconds``."""
        n_late = sum(took > self.deadline_s for took in self.answered_s)
        return Asked(
            seconds=round(seconds, 3),
            n_answered=len(self.answered_s),
            n_late=n_late,
            n_refused=dict(self.n_refused),
            answers_per_s=round(len(self.answered_s) * self.n_payments / seconds, 1),
            answers=Percentiles.of(self.answered_s),
            refusals=Percentiles.of(self.refused_s),
            busy=round(busy, 3),
        )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of ``ordered`` values that at least ``share`` of them do not exceed.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0, 3.0, 4.0], 0.95)
    (2.0, 4.0)
    """
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def due_s(number: int, per_second: float) -> float:
    """Return when request ``number`` is due, in seconds from the first, whatever became of the others.

    >>> due_s(0, 50.0), due_s(5, 50.0)
    (0.0, 0.1)
    """
    return number / per_second


def due_by(elapsed_s: float, per_second: float) -> int:
    """Return how many requests are due by a moment: those that were not sent yet are late already.

    >>> due_by(0.0, 50.0), due_by(0.019, 50.0), due_by(0.1, 50.0)
    (1, 1, 6)
    """
    return math.floor(elapsed_s * per_second) + 1
