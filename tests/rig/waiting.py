"""Waiting for a condition, with a deadline: nothing in the tests sleeps for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["DEADLINE_S", "rest", "wait_until"]

# Ten times what the slowest of these waits takes here: a deadline costs time only where a test fails.
DEADLINE_S: Final = 120.0
_INTERVAL_S: Final = 0.05
_LONGEST_REST_S: Final = 1.0


def rest(asked_s: float) -> None:
    """Wait for the next question, four times as long as the last one took.

    An answer takes a worker's time and the asker's: on a machine with no time to spare those who ask
    without pause are what the others wait for.
    """
    time.sleep(min(max(_INTERVAL_S, 4.0 * asked_s), _LONGEST_REST_S))


def wait_until(
    condition: Callable[[], Any], what: str | Callable[[], str], timeout_s: float = DEADLINE_S
) -> Any:
    """Return the condition's first true value; fail with ``what`` after the deadline."""
    deadline = time.monotonic() + timeout_s
    asked = time.monotonic()
    while not (value := condition()):
        now = time.monotonic()
        if now >= deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:g} s: {said}")
        rest(now - asked)
        asked = time.monotonic()
    return value
