"""Times and ages as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from streamer.durations import DAY_MS, HOUR_MS, MINUTE_MS

__all__ = ["age_text", "moment_text", "written_text"]


def moment_text(at_ms: int) -> str:
    """Return a time as people read it.

    >>> moment_text(1_773_454_320_000)
    '2026-03-14 02:12 UTC'
    """
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def written_text(at: str) -> str:
    """Return an RFC 3339 time as people read it.

    >>> written_text("2026-03-14T02:12:00.123Z")
    '2026-03-14 02:12 UTC'
    """
    return moment_text(round(datetime.fromisoformat(at).timestamp() * 1000))


def age_text(age_ms: float) -> str:
    """Return how long ago something was, in one unit.

    >>> [age_text(ms) for ms in (59_000, 3_599_000, 7_200_000, 200_000_000)]
    ['now', '59 min', '2 h', '2 d']
    """
    for unit_ms, name in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min")):
        if age_ms >= unit_ms:
            return f"{int(age_ms // unit_ms)} {name}"
    return "now"
