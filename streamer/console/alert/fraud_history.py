"""What verdicts have said of a merchant or card: when the alert was scored, and as it is kept now.

Pure, but for the stream's own loops.  A share is of the payments that could have been judged; of the
sums nothing is rounded but in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamer.contract.messages import Alert
from streamer.durations import DAY_S
from streamer.features import JUDGED, VERDICT_FEATURES, Judged, percent
from streamer.features.equations import decay
from streamer.features.fraud_shares import let_mature
from streamer.features.kinds import MERCHANT_VERDICTS
from streamer.features.records import as_records
from streamer.store import Review

__all__ = ["Known", "count_text", "known_at_alert", "known_now", "share_sentence", "without"]

# What weighs less has been forgotten.
_NOTHING: Final = 0.05
# What is left of a count by the rounding of logarithms and powers.
_ROUNDING: Final = 1e-9
# A share of fewer says little.
_TELLING: Final = 5.0
_PRIOR_FRAUDS: Final = 0.01
_PRIOR_LEGITIMATE: Final = 0.99


@dataclass(frozen=True, slots=True)
class Known:
    """Decayed counts at one half-life: known ``frauds``, all ``verdicts``, and the payments that
    ``could`` be judged by their age."""

    days: int
    frauds: float
    could: float
    verdicts: float = 0.0

    @property
    def payments(self) -> float:
        """What frauds are a share of: where more were judged than could be, the judged ones."""
        return max(self.could, self.verdicts)

    @property
    def is_telling(self) -> bool:
        """Whether a share of so many payments is worth a number."""
        return self.payments >= _TELLING

    @property
    def share(self) -> float:
        """The share of frauds, 0 where there is nothing."""
        return min(self.frauds / self.payments, 1.0) if self.payments > _NOTHING else 0.0


def known_at_alert(alert: Alert, entity: str) -> tuple[Known, ...]:
    """Return what the alert's own features say of its "merchant" or "card"; () where they say nothing.

    A share is told as the log-odds L of f frauds among n payments and a prior of one, 1% fraud:
    f = (eᴸ (n + 0.99) - 0.01) / (1 + eᴸ).
    """
    [judged] = [each for each in JUDGED if each.entity == entity]
    found = []
    for j in range(judged.n_half_lives):
        share, count = _names(judged, j)
        if share not in alert.features or count not in alert.features:
            return ()
        odds, payments = math.exp(alert.features[share]), math.expm1(alert.features[count])
        frauds = (odds * (payments + _PRIOR_LEGITIMATE) - _PRIOR_FRAUDS) / (1 + odds)
        found.append(Known(_days(share), frauds if frauds > _ROUNDING else 0.0, payments))
    return tuple(found)


def known_now(state: bytes, now_ms: int, n_partitions: int) -> tuple[Known, ...]:
    """Return what a merchant's stored ``state`` says at ``now_ms``, as the stream would read it then.

    Its payments are spread over ``n_partitions``, its verdicts are not.
    """
    rows = as_records(
        np.frombuffer(bytearray(state), np.uint8).reshape(1, -1), MERCHANT_VERDICTS.row
    )
    let_mature(rows, np.zeros(1, np.int64), np.array([now_ms]))
    [row] = rows
    n = len(row["frauds"])
    return tuple(
        Known(
            round(float(MERCHANT_VERDICTS.half_lives_s[j]) / DAY_S),
            max(float(row["frauds"][j]), 0.0),
            max(float(row["payments"][j]) * n_partitions, 0.0),
            max(float(row["verdicts"][j]), 0.0),
        )
        for j in range(n)
    )


def without(known: Sequence[Known], review: Review, now_ms: int) -> tuple[Known, ...]:
    """Return the counts as they would be had ``review``, which is in them, not been given.

    A verdict counts at the time at which it was decided, and is half forgotten after each half-life.
    """
    found = []
    for each in known:
        left = decay.py_func(max(now_ms - review.decided_ms, 0) / 1000, each.days * DAY_S)
        verdicts = _taken(each.verdicts, left)
        frauds = _taken(each.frauds, left) if review.verdict == "fraud" else each.frauds
        found.append(Known(each.days, frauds, each.could, verdicts))
    return tuple(found)


def share_sentence(known: Known, entity: str = "merchant") -> str:
    """Return a share with its counts in words.

    >>> share_sentence(Known(7, 14.0, 40.0))
    '14 of 40 payments of this merchant that could have been judged are known frauds: 35%'
    >>> share_sentence(Known(7, 0.6, 0.6))
    '0.6 of 0.6 payments of this merchant that could have been judged are known frauds, of too few'
    >>> share_sentence(Known(7, 0.0, 0.01))
    'No recent payment of this merchant could have been judged'
    """
    if known.payments <= _NOTHING:
        return f"No recent payment of this {entity} could have been judged"
    share = f": {percent(100 * known.share)}" if known.is_telling else ", of too few"
    return (
        f"{count_text(known.frauds)} of {count_text(known.payments)} payments of this {entity} that "
        f"could have been judged are known frauds{share}"
    )


def counts_text(known: Known) -> str:
    """Return frauds and payments, short.

    >>> counts_text(Known(7, 1.0, 3.5)), counts_text(Known(7, 0.0, 0.001))
    ('1 of 3.5', 'none of none')
    """
    if known.payments <= _NOTHING:
        return "none of none"
    return f"{count_text(known.frauds)} of {count_text(known.payments)}"


def count_text(count: float) -> str:
    """Return a decayed count: whole where it nearly is, or where it is large.

    >>> [count_text(count) for count in (0.0, 0.02, 1.25, 13.96, 40.3, 12_345.6)]
    ['0', 'less than 0.1', '1.2', '14', '40', '12,346']
    """
    if 0 < count < 0.05:
        return "less than 0.1"
    text = f"{count:.1f}" if count < 20 else f"{count:,.0f}"
    return text.removesuffix(".0")


def _taken(count: float, left: float) -> float:
    rest = count - left
    return rest if rest > _ROUNDING else 0.0


def _names(judged: Judged, j: int) -> tuple[str, str]:
    first = judged.first + j
    return VERDICT_FEATURES[first].name, VERDICT_FEATURES[first + judged.n_half_lives].name


def _days(name: str) -> int:
    return int(name.rpartition("_")[2].removesuffix("d"))
