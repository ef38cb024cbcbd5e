"""Which rows an evaluation is measured on, and which came before and may train a rival.

The Handbook's protocols (Le Borgne, Siblini, Lebichot, Bontempi, "Reproducible Machine Learning for
Credit Card Fraud Detection", 2022, chapters 3 and 7) measure one week and leave out, day by day, the
cards that are known to be compromised by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.evaluation.rows import DAY_MS, Rows

__all__ = ["PROTOCOLS", "Protocol", "Window", "window_of"]

Protocol = Literal["handbook-a", "handbook-b", "prequential"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)

Mask = NDArray[np.bool_]

_FIRST_DAYS: Final = {"handbook-a": date(2018, 8, 8), "handbook-b": date(2018, 7, 25)}
_WEEK: Final = 7
# From the first training day to the first measured one: a week of training, a week until its labels
# are known.
_LEAD: Final = 14
_TRAINING_SHARE: Final = 0.25
_STRETCHES: Final = 10


@dataclass(frozen=True, slots=True)
class Window:
    """``measured`` and ``training`` (n,) mark rows; ``periods`` (n,) numbers the days over which card
    precision is averaged, -1 outside the measured rows."""

    measured: Mask
    training: Mask
    periods: NDArray[np.int64]
    notes: tuple[str, ...]

    @property
    def first_measured(self) -> int:
        return int(np.flatnonzero(self.measured)[0])


def window_of(protocol: Protocol, rows: Rows) -> Window:
    """Return the protocol's window over ``rows``; raise if the file does not have what it needs."""
    window = _prequential(rows) if protocol == "prequential" else _handbook(protocol, rows)
    if not window.training.any():
        raise ConfigurationError("file must have valid rows before the measured ones, got none")
    for what, rows_of_it in (("fraud", rows.frauds), ("legitimate", ~rows.frauds)):
        if not (window.measured & rows_of_it).any():
            raise ConfigurationError(
                f"measured rows must hold a {what} one, got {int(window.measured.sum()):,} without; "
                f"the warm-up is {int((rows.is_valid & ~rows.is_scored).sum()):,} rows"
            )
    return window


def _handbook(protocol: Protocol, rows: Rows) -> Window:
    first = _FIRST_DAYS[protocol]
    start = (first - date(1970, 1, 1)).days - rows.first_day
    days = rows.days
    if start < _LEAD or days.max() < start + _WEEK - 1:
        span = f"{_date(rows.first_day)} to {_date(rows.first_day + int(days.max()))}"
        raise ConfigurationError(
            f"file must cover {_date(rows.first_day + start - _LEAD)} to "
            f"{_date(rows.first_day + start + _WEEK - 1)} for {protocol}, got {span}; "
            f"for other files there is --protocol prequential"
        )
    measured = remaining(days, rows.cards, rows.frauds, start) & rows.is_measurable
    training = (days >= start - _LEAD) & (days < start - _LEAD + _WEEK) & rows.is_valid
    return Window(measured, training, np.where(measured, days, -1), ())


def remaining(days: NDArray[np.int64], cards: NDArray[np.int64], frauds: Mask, start: int) -> Mask:
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


def _prequential(rows: Rows) -> Window:
    n_training = int(len(rows) * _TRAINING_SHARE)
    later = np.arange(len(rows)) >= n_training
    measured = later & rows.is_measurable
    training = ~later & rows.is_valid
    note = (
        f"measured: the {int(measured.sum()):,} scored rows after the first quarter of the file "
        f"({n_training:,} rows), which is what the isolation forest is trained on"
    )
    days = rows.days
    periods = np.where(measured, days, -1)
    if len(np.unique(days[measured])) > 1:
        return Window(measured, training, periods, (note,))
    # Within one day an average over days is no average.
    at = np.flatnonzero(measured)
    periods[at] = np.arange(len(at)) * _STRETCHES // max(len(at), 1)
    stretches = (
        f"all measured rows are of one day: card precision is over {_STRETCHES} equal stretches"
    )
    return Window(measured, training, periods, (note, stretches))


def _date(days_since_epoch: int) -> str:
    moment = datetime.fromtimestamp(days_since_epoch * DAY_MS / 1000, tz=UTC)
    return moment.date().isoformat()
