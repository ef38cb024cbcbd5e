"""Which judged alerts get a second opinion: a draw that nobody chooses and that comes out again."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

__all__ = ["is_drawn"]

_ALL: Final = 2**64


def is_drawn(key: bytes, alert_id: str, share: float) -> bool:
    """Return whether an alert is among the ``share`` that is drawn.

    By HMAC-SHA256 of its id under ``key``: a fair draw for each, which a larger share only adds to.

    >>> [is_drawn(b"secret", "a-1", share) for share in (0.0, 1.0)]
    [False, True]
    """
    told = hmac.new(key, f"second:{alert_id}".encode(), hashlib.sha256).digest()
    return int.from_bytes(told[:8], "big") < share * _ALL
