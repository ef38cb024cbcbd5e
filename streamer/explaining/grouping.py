"""What an alert says of the alerts that it belongs to: a name to group them by, and a sentence.

The name is made of what the alert shows: where cards have pseudonyms it tells no more than these.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final, NamedTuple

from streamer.arrays import Integers
from streamer.contract.messages import Transaction

__all__ = ["Wave", "wave_id", "wave_of", "wave_sentence"]

_N_DIGITS: Final = 16
_ORDINALS: Final = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)


class Wave(NamedTuple):
    """The wave of an alert: whether it is a merchant's, since when, and which of its alerts this is.

    ``named_ms`` is what it is known by beside its card or merchant, the same in every partition;
    ``began_ms`` is the time of the first alert here.  ``n_alerts`` are those of the card or merchant
    since then, this one included.
    """

    of_merchant: bool
    named_ms: int
    began_ms: int
    n_alerts: int


def wave_of(found: Integers, row: int) -> Wave | None:
    """Return the wave in a ``row`` of (m, 4); None of an alert that is in none."""
    of_merchant, named_ms, began_ms, n_alerts = found[row].tolist()
    return Wave(bool(of_merchant), named_ms, began_ms, n_alerts) if n_alerts else None


def wave_id(wave: Wave, shown: Transaction) -> str:
    """Return the name of a wave, ``shown`` as in its alerts: the same whoever computes it."""
    kind, who = ("merchant", shown.merchant_id) if wave.of_merchant else ("card", shown.card_id)
    text = f"{wave.named_ms} {who}".encode()
    return f"{kind}-{hashlib.sha256(text).hexdigest()[:_N_DIGITS]}"


def wave_sentence(wave: Wave) -> str | None:
    """Return which alert of its wave this is; None of the first.

    >>> wave_sentence(Wave(True, 0, 50_700_000, 3)), wave_sentence(Wave(False, 0, 50_700_000, 22))
    ('The third alert of this merchant since 14:05 UTC', 'The 22nd alert of this card since 14:05 UTC')
    """
    if wave.n_alerts < 2:
        return None
    began = datetime.fromtimestamp(wave.began_ms / 1000, tz=UTC)
    whose = "merchant" if wave.of_merchant else "card"
    return f"The {_ordinal(wave.n_alerts)} alert of this {whose} since {began:%H:%M} UTC"


def _ordinal(n: int) -> str:
    if n <= len(_ORDINALS):
        return _ORDINALS[n - 1]
    is_teen = 10 <= n % 100 <= 20
    return f"{n}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
