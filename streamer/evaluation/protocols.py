"""Which rows an evaluation is measured on, and which came before and may train a rival.

The Handbook's protocols (Le Borgne, Siblini, Lebichot, Bontempi, "Reproducible Machine Learning for
Credit Card Fraud Detection", 2022, chapters 3, 5 and 7) measure weeks and leave out, day by day, the
cards that are known to be compromised by then.  Protocol C measures four weeks in a row, each by
itself, and averages; a shorter file is measured on the last four that it covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Final, Literal, get_args

import numpy as np

from streamer.arrays import Flags, Integers
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.evaluation.row_range import RowRange
from streamer.evaluation.rows import Rows

__all__ = ["PROTOCOLS", "Fold", "Protocol", "Window", "window_of"]

Protocol = Literal["handbook-a", "handbook-b", "handbook-c", "prequential"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)

Mask = Flags

_FIRST_DAYS: Final = {"handbook-a": date(2018, 8, 8), "handbook-b": date(2018, 7, 25)}
# The first days of the weeks over which the Handbook averages.
_WEEKS_OF_C: Final = (date(2018, 8, 8), date(2018, 8, 15), date(2018, 8, 22), date(2018, 8, 29))
_WEEK: Final = 7
# From the first training day to the first measured one: a week of training, a week until its labels
# are known.
_LEAD: Final = 14
_TRAINING_SHARE: Final = 0.25
_STRETCHES: Final = 10
# Of every detector as many payments before the first measured one are scored: what its threshold and
# the days on which it is first renewed need.
_COMPARED_BEFORE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows that are ranked together, and those on which a rival may be trained for them: (n,) each."""

    name: str
    measured: Mask
    training: Mask


@dataclass(frozen=True)
class Window:
    """``folds`` are disjoint and in order of time; ``periods`` (n,) numbers the days over which card
    precision is averaged, -1 outside the measured rows."""

    folds: tuple[Fold, ...]
    periods: Integers
    notes: tuple[str, ...]

    @classmethod
    def of_one(
        cls, measured: Mask, training: Mask, periods: Integers, notes: tuple[str, ...]
    ) -> Window:
        """Return a window whose rows are all ranked together."""
        return cls((Fold("", measured, training),), periods, notes)

    @cached_property
    def measured(self) -> Mask:
        measured: Mask = np.logical_or.reduce([fold.measured for fold in self.folds])
        return measured

    @property
    def first_measured(self) -> int:
        return int(np.flatnonzero(self.measured)[0])

    @property
    def end(self) -> int:
        """The row after the last measured one."""
        return int(np.flatnonzero(self.measured)[-1]) + 1

    def compared(self, rows: Rows) -> Integers:
        """Return the rows that every detector scores: up to the last measured, and some before."""
        first = max(self.first_measured - _COMPARED_BEFORE, 0)
        return np.flatnonzero(rows.is_scored[first : self.end]) + first


def window_of(protocol: Protocol, rows: Rows, span: RowRange | None = None) -> Window:
    """Return the protocol's window over ``rows``; raise if the file does not have what it needs.

    ``span`` says which rows of the file the prequential protocol measures.
    """
    window = _prequential(rows, span) if protocol == "prequential" else _handbook(protocol, rows)
    for fold in window.folds:
        _require_both_classes(fold, rows)
    return window


def _require_both_classes(fold: Fold, rows: Rows) -> None:
    if not fold.training.any():
        raise ConfigurationError("file must have valid rows before the measured ones, got none")
    for what, rows_of_it in (("fraud", rows.frauds), ("legitimate", ~rows.frauds)):
        if not (fold.measured & rows_of_it).any():
            raise ConfigurationError(
                f"measured rows must hold a {what} one, got {int(fold.measured.sum()):,} without; "
                f"the warm-up is {int((rows.is_valid & ~rows.is_scored).sum()):,} rows"
            )


def _handbook(protocol: Protocol, rows: Rows) -> Window:
    weeks = _weeks_of_c(rows) if protocol == "handbook-c" else (_FIRST_DAYS[protocol],)
    starts = [_days_since(first) - rows.first_day for first in weeks]
    days = rows.days
    if starts[0] < _LEAD or days.max() < starts[-1] + _WEEK - 1:
        span = f"{_date(rows.first_day)} to {_date(rows.first_day + int(days.max()))}"
        raise ConfigurationError(
            f"file must cover {_date(rows.first_day + starts[0] - _LEAD)} to "
            f"{_date(rows.first_day + starts[-1] + _WEEK - 1)} for {protocol}, got {span}; "
            f"for other files there is --protocol prequential"
        )
    folds = tuple(_week(rows, days, start) for start in starts)
    window = Window(folds, np.full(len(rows), -1), _notes_on(weeks))
    window.periods[window.measured] = days[window.measured]
    return window


def _week(rows: Rows, days: Integers, start: int) -> Fold:
    measured = remaining(days, rows.cards, rows.frauds, start) & rows.is_measurable
    training = (days >= start - _LEAD) & (days < start - _LEAD + _WEEK) & rows.is_valid
    return Fold(_date(rows.first_day + start), measured, training)


def _weeks_of_c(rows: Rows) -> tuple[date, ...]:
    """Return the first days of the Handbook's weeks, or of the last four that the file covers."""
    last_day = rows.first_day + int(rows.days.max())
    n_beyond = max(-(-(_days_since(_WEEKS_OF_C[-1]) + _WEEK - 1 - last_day) // _WEEK), 0)
    # A file that ends before the first of them covers another time, and is told what it should.
    if n_beyond > len(_WEEKS_OF_C):
        return _WEEKS_OF_C
    return tuple(date.fromordinal(first.toordinal() - n_beyond * _WEEK) for first in _WEEKS_OF_C)


def _notes_on(weeks: tuple[date, ...]) -> tuple[str, ...]:
    if len(weeks) == 1:
        return ()
    note = f"averaged over the weeks from {', '.join(first.isoformat() for first in weeks)}"
    if weeks == _WEEKS_OF_C:
        return (note,)
    published = ", ".join(first.isoformat() for first in _WEEKS_OF_C)
    return (
        f"{note}: the file ends before the Handbook's last; published figures are of the weeks from "
        f"{published}",
    )


def remaining(days: Integers, cards: Integers, frauds: Mask, start: int) -> Mask:
    """Return which rows of the week from day ``start`` on are of cards not known by that day.

    Known are cards with a fraud in the week that began 14 days before, and as the days of the
    measured week pass, those with a fraud on the days after it: by then each is 8 days old, which is
    the Handbook's own reading of a delay of 7.
    """
    known = set(cards[frauds & (days >= start - _LEAD) & (days < start - _WEEK)].tolist())
    kept = np.zeros(len(days), dtype=bool)
    for d in range(_WEEK):
        if d > 0:
            known |= set(cards[frauds & (days == start - _WEEK + d - 1)].tolist())
        today = days == start + d
        kept[today] = ~np.isin(cards[today], list(known))
    return kept


def _prequential(rows: Rows, span: RowRange | None) -> Window:
    if span is None:
        n_training = int(len(rows) * _TRAINING_SHARE)
        later = np.arange(len(rows)) >= n_training
        which = f"scored rows after the first quarter of the file ({n_training:,} rows)"
        training = ~later & rows.is_valid
    else:
        later = span.holds(rows.file_rows)
        which = f"scored rows from {span.first:,} to {span.last:,} of the file"
        training = (rows.file_rows < span.first) & rows.is_valid
    measured = later & rows.is_measurable
    note = f"measured: the {int(measured.sum()):,} {which}"
    days = rows.days
    periods = np.where(measured, days, -1)
    if len(np.unique(days[measured])) > 1:
        return Window.of_one(measured, training, periods, (note,))
    # Within one day an average over days is no average.
    at = np.flatnonzero(measured)
    periods[at] = np.arange(len(at)) * _STRETCHES // max(len(at), 1)
    stretches = (
        f"all measured rows are of one day: card precision is over {_STRETCHES} equal stretches"
    )
    return Window.of_one(measured, training, periods, (note, stretches))


def _days_since(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _date(days_since_epoch: int) -> str:
    moment = datetime.fromtimestamp(days_since_epoch * DAY_MS / 1000, tz=UTC)
    return moment.date().isoformat()
