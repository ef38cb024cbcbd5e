"""New modes of fraud from a day on: what is asked for, and how soon their victims were alerted.

A break has victims, cards of the file's own traffic; their episodes begin spread evenly over its first
eight days, as a wave does.  Victims count when any of their injected payments alerted in time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal, get_args

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.durations import DAY_MS
from streamer.evaluation.rows import INJECTED, Rows

__all__ = ["BREAK_DAYS", "KINDS", "Break", "BreakFigures", "Kind", "break_figures"]

Kind = Literal["small-bursts", "large-at-odd-hours", "verified-then-high"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

BREAK_DAYS: Final = 8
_WITHIN_DAYS: Final = (2, BREAK_DAYS)
_BREAK: Final = re.compile(rf"({'|'.join(KINDS)}):(\d{{4}}-\d\d-\d\d):([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Break:
    """``n_victims`` cards, hit from ``first_day`` (UTC) on."""

    kind: Kind
    first_day: date
    n_victims: int

    @classmethod
    def parse(cls, text: str) -> Break:
        """Return the break that ``text`` says; raise `ValueError` where it says none.

        >>> Break.parse("small-bursts:2018-06-20:20").n_victims
        20
        """
        match = _BREAK.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            kind = next(kind for kind in KINDS if kind == match[1])
            return cls(kind, date.fromisoformat(match[2]), int(match[3]))
        except ValueError:
            raise ValueError(
                f"must be a kind ({', '.join(KINDS)}), a day and a number of victims, such as "
                f"small-bursts:2018-06-20:20; got {text}"
            ) from None

    @property
    def start_ms(self) -> int:
        moment = datetime(self.first_day.year, self.first_day.month, self.first_day.day, tzinfo=UTC)
        return int(moment.timestamp()) * 1000

    @property
    def scenario(self) -> str:
        """What its payments are labelled."""
        return f"{INJECTED}{self.kind}"


@dataclass(frozen=True, slots=True)
class BreakFigures:
    """``within`` has (days, victims until then, those of them alerted until then)."""

    n_payments: int
    within: tuple[tuple[int, int, int], ...]


def break_figures(
    breaks: Sequence[Break], rows: Rows, at: Integers, alerted: Flags
) -> dict[Kind, BreakFigures]:
    """Return the figures of each break over the rows ``at`` (n,), of which some ``alerted`` (n,)."""
    scenarios, times_ms, cards = rows.scenarios[at], rows.times_ms[at], rows.cards[at]
    figures = {}
    for each in breaks:
        if each.scenario not in rows.scenario_names:
            figures[each.kind] = BreakFigures(0, tuple((days, 0, 0) for days in _WITHIN_DAYS))
            continue
        own = scenarios == rows.scenario_names.index(each.scenario)
        within = []
        for days in _WITHIN_DAYS:
            early = own & (times_ms < each.start_ms + days * DAY_MS)
            victims, caught = np.unique(cards[early]), np.unique(cards[early & alerted])
            within.append((days, len(victims), len(caught)))
        figures[each.kind] = BreakFigures(int(own.sum()), tuple(within))
    return figures
