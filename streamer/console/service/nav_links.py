"""Which pages somebody may go to: what a page's head offers, and where they begin.

Each page asks for itself when it is opened; this only says what is worth a link, and may be some
seconds old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from streamer.access.decision import Asked
from streamer.access.guard import Guard

__all__ = ["LINKS", "Link", "NavLinks"]


@dataclass(frozen=True, slots=True)
class Link:
    """A page by its address and title, and the action that it is."""

    path: str
    title: str
    action: str


LINKS: Final = (
    Link("/", "Queue", "view_queue"),
    Link("/next", "Next alert", "claim"),
    Link("/team", "Team", "view_team"),
    Link("/budget", "Budget", "view_budget"),
    Link("/below", "Below the line", "view_below"),
    Link("/model", "Model", "view_model"),
    Link("/proposals", "Proposals", "view_proposals"),
    Link("/operations", "Operations", "view_operations"),
    Link("/help", "Help", "view_help"),
)
"""Those of the head, in their order."""

_FIRST: Final = {"model_owner": "/model", "operator": "/operations"}
_KEPT_S: Final = 10.0
_MOST_KEPT: Final = 1_000


class NavLinks:
    """Asks ``guard``, at most every ten seconds for each person with their roles."""

    def __init__(self, guard: Guard, clock: Callable[[], float] = time.monotonic) -> None:
        self._guard, self._clock = guard, clock
        self._kept: dict[tuple[str, tuple[str, ...]], tuple[float, tuple[Link, ...]]] = {}

    async def of(self, name: str, roles: Sequence[str]) -> tuple[Link, ...]:
        """Return the links that somebody may follow."""
        key, now = (name, tuple(roles)), self._clock()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < _KEPT_S:
            return kept[1]
        asked = [Asked(name, roles, link.action) for link in LINKS]
        may = await asyncio.gather(*map(self._guard.may, asked))
        found = tuple(link for link, is_allowed in zip(LINKS, may, strict=True) if is_allowed)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = now, found
        return found

    async def first(self, name: str, roles: Sequence[str]) -> str:
        """Return the page that somebody begins at, "" where they may see none but the help."""
        paths = [link.path for link in await self.of(name, roles) if link.action != "view_help"]
        if "/" in paths or not paths:
            return "/" if paths else ""
        wanted = (_FIRST[role] for role in roles if role in _FIRST)
        return next((path for path in wanted if path in paths), paths[0])
