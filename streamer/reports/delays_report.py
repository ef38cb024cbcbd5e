"""When frauds are found, for a person: by what age of the payment verdicts have come."""

from __future__ import annotations

from typing import Any, Final

from streamer.model import ALERTED, OTHERS, Sums, delays_of

__all__ = ["describe_delays"]

_TOLD_DAYS: Final = (1, 7, 30, 60, 90, 180)


def describe_delays(sums: Sums) -> dict[str, Any]:
    """Return for what alerted, and for the other payments, when frauds are found; None while unknown.

    Shares are of the frauds that are found by ``longest_days``, the longest delay that could be seen:
    what is later than that, or than the horizon of the buffer, is not known to exist.
    """
    return {
        name: _described(sums, which) for name, which in (("alerted", ALERTED), ("other", OTHERS))
    }


def _described(sums: Sums, which: int) -> dict[str, Any] | None:
    delays = delays_of(sums, which)
    if delays is None:
        return None
    return {
        "frauds": delays.n_frauds,
        "median_days": delays.median_days,
        "longest_days": delays.longest_days,
        "share_found_by_days": {
            str(days): delays.found_by(days) for days in _TOLD_DAYS if days <= delays.longest_days
        },
    }
