"""What amount and hour of a payment were compared with: sums of its card and merchant, in its alert.

They are as they were before the payment: of the card in the payment's currency, of the merchant, and
of the hours at which the card pays.  The hours are known where the currency is the card's first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from struct import Struct
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from streamer.features import CARDS, MERCHANTS, Record, angle_of
from streamer.features.kinds import EntityKind

__all__ = ["Before", "before_of", "read_before"]

_CARD: Final = ("payments", "logs", "logs_sq", "spent_1d", "spent_30d")
_MERCHANT: Final = ("payments", "logs", "logs_sq")
_MERCHANT_NAMES: Final = tuple(f"merchant_{name}" for name in _MERCHANT)
_HOURS: Final = ("hours_payments", "hours_x", "hours_y")


class _Wanted(NamedTuple):
    """The floats that a row begins with, and which of them are wanted."""

    floats: Struct
    pick: itemgetter[Any]

    @classmethod
    def of(cls, kind: EntityKind, names: Sequence[str]) -> _Wanted:
        offsets = {name: offset for name, (_, offset, *_) in (kind.row.fields or {}).items()}
        n = 1 + len(kind.half_lives_s)
        return cls(Struct(f"<{n}d"), itemgetter(*(offsets[name] // 8 for name in names)))


_OF_CARD: Final = _Wanted.of(CARDS, (*_CARD, "payments_30d", "hours_x", "hours_y"))
_OF_MERCHANT: Final = _Wanted.of(MERCHANTS, _MERCHANT)


class Before(NamedTuple):
    """What amounts are compared with, and the card's hours: Σ1, Σ cos and Σ sin, None if unknown."""

    habit: Record
    merchant: Record
    hours: tuple[float, ...] | None


def before_of(habit: Record, merchant: Record, local_hour: float) -> dict[str, float]:
    """Return the sums by name, without those of a merchant that the payment does not name.

    The rows are as `History` has them: without the payment's amount, and with its ``local_hour``.
    """
    # All at once: a field of a row costs as much as all of its floats.
    *spent, n, x, y = _sums(habit, _OF_CARD)
    sums = dict(zip(_CARD, spent, strict=True))
    if not math.isnan((taken := _sums(merchant, _OF_MERCHANT))[0]):
        sums |= zip(_MERCHANT_NAMES, taken, strict=True)
    # A row of another currency has no payments, and the card's own has this one.
    if n > 0:
        angle = angle_of.py_func(local_hour)
        sums |= zip(_HOURS, (n - 1, x - math.cos(angle), y - math.sin(angle)), strict=True)
    return sums


def _sums(row: Record, wanted: _Wanted) -> tuple[float, ...]:
    found: tuple[float, ...] = wanted.pick(wanted.floats.unpack_from(row.tobytes()))
    return found


def read_before(sums: Mapping[str, float]) -> Before | None:
    """Return what ``sums`` of an alert say; None where it carries none.

    What is not a finite number, which no release writes, counts as not there.
    """
    known = {name: value for name, value in sums.items() if math.isfinite(value)}
    if not known.keys() >= set(_CARD):
        return None
    habit = SimpleNamespace(**{name: known[name] for name in _CARD})
    shop = {name: known.get(f"merchant_{name}", math.nan) for name in _MERCHANT}
    hours = tuple(known[name] for name in _HOURS) if known.keys() >= set(_HOURS) else None
    return Before(habit, SimpleNamespace(**shop), hours)
