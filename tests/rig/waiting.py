"""Waiting for a condition, with a deadline: nothing in the tests sleeps for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["DEADLINE_S", "wait_until"]

# Ten times what the slowest of these waits takes here: a deadline costs time only where a test fails.
DEADLINE_S: Final = 120.0
_INTERVAL_S: Final = 0.05


def wait_until(
    condition: Callable[[], Any], what: str | Callable[[], str], timeout_s: float = DEADLINE_S
) -> Any:
    """Return the condition's first true value; fail with ``what`` after the deadline."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() >= deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:g} s: {said}")
        time.sleep(_INTERVAL_S)
    return value
