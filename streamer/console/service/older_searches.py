"""Searches of the alerts topic for people: one at a time for each, and a few for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from streamer.settings import Settings
from streamer.stream.publishing.alert_search import Limits, Searched, Span, search_alerts

__all__ = ["OlderSearches", "spans_in", "spans_text"]

_AT_ONCE: Final = 2
_MOST_PARTITIONS: Final = 1_000
_LONGEST_NUMBER: Final = 20
_END: Final = 2**63
# The year 9999.
_LATEST_MS: Final = 253_402_300_799_999


class OlderSearches:
    """Searches of one console, each in a thread and within `limits`."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.limits = settings, Limits()
        self._searching: set[str] = set()

    def _refusal(self, who: str) -> str:
        if who in self._searching:
            return "You have a search under way: wait for it to end."
        if len(self._searching) >= _AT_ONCE:
            return f"{_AT_ONCE} searches of others are under way: try again in a moment."
        return ""

    async def search(
        self,
        who: str,
        wanted: str,
        near_ms: int | None,
        before: Mapping[int, Span],
        is_ended: Callable[[], bool],
    ) -> Searched | str:
        """Search for ``who`` (see `search_alerts`), or return why they cannot search now."""
        # Nothing is awaited between the two.
        refusal = self._refusal(who)
        if refusal:
            return refusal
        self._searching.add(who)
        try:
            return await asyncio.to_thread(
                search_alerts, self._settings, wanted, near_ms, before, self.limits, is_ended
            )
        finally:
            self._searching.discard(who)


def spans_text(spans: Mapping[int, Span]) -> str:
    """Return what was read as a form carries it.

    >>> told = spans_text({0: Span(5, None, 1_000), 2: Span(7, 9)})
    >>> told, spans_in(told)[2]
    ('0:5:-1:1000 2:7:9:0', Span(first=7, after=9, oldest_ms=0))
    """
    return " ".join(
        f"{p}:{span.first}:{-1 if span.after is None else span.after}:{span.oldest_ms}"
        for p, span in sorted(spans.items())
    )


def spans_in(text: str) -> dict[int, Span]:
    """Return what a form says was read; none where it is no form of ours.

    >>> spans_in("0:5"), spans_in("0:5:-1:x"), spans_in("0:5:4:0"), spans_in("0:5:-1:9999999999999999")
    ({}, {}, {}, {})
    """
    found: dict[int, Span] = {}
    parts = text.split()
    if len(parts) > _MOST_PARTITIONS:
        return {}
    for part in parts:
        numbers = part.split(":")
        if len(numbers) != 4 or not all(map(_is_number, numbers)):
            return {}
        partition, first, after, oldest_ms = map(int, numbers)
        if min(partition, first, oldest_ms) < 0 or (after < first and after != -1):
            return {}
        if max(partition, first, after) >= _END or oldest_ms > _LATEST_MS:
            return {}
        found[partition] = Span(first, None if after == -1 else after, oldest_ms)
    return found


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER
