"""Warnings that come again and again are written ever more rarely."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

from structlog.contextvars import get_contextvars

__all__ = ["RepeatFilter"]

# What makes two warnings of one logger the same.
_KIND: Final = ("event", "topic", "partition", "reason", "tenant")
_FIRST_REPEAT_S: Final = 5.0
_LONGEST_REPEAT_S: Final = 60.0


class RepeatFilter(logging.Filter):
    """Passes one warning of a kind in five seconds; it says how many of its kind came before it.

    While a broker is away the clients complain dozens of times a second, in half a dozen kinds.  So the
    pause doubles, up to a minute, while a kind goes on.  A kind is what the code says, whatever
    values it fills in; of our own events also the partition that they are about, and whose they are.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        # Bounded by the places in the code that warn, partitions, reasons of dead letters, and tenants.
        self._passed: dict[Hashable, tuple[float, float]] = {}
        self._n_suppressed: Counter[Hashable] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written; adds ``suppressed`` to it where it is."""
        if record.levelno < logging.WARNING or record.levelno >= logging.CRITICAL:
            return True
        event = record.msg
        if not isinstance(event, dict):
            # A library's line gets whose it is later, where it is formatted.
            event = {"event": str(event), "tenant": get_contextvars().get("tenant")}
        kind = (record.name, record.levelno, *(event.get(name) for name in _KIND))
        now = self._monotonic()
        passed_at, pause_s = self._passed.get(kind, (-math.inf, _FIRST_REPEAT_S))
        silent_s = now - passed_at
        if silent_s < pause_s:
            self._n_suppressed[kind] += 1
            return False
        goes_on = silent_s < 2 * pause_s
        next_s = min(2 * pause_s, _LONGEST_REPEAT_S) if goes_on else _FIRST_REPEAT_S
        self._passed[kind] = (now, next_s)
        if n_suppressed := self._n_suppressed.pop(kind, 0):
            if isinstance(record.msg, dict):
                record.msg = record.msg | {"suppressed": n_suppressed}
            else:
                record.suppressed = n_suppressed
        return True
