"""What a page's head offers is asked for once in ten seconds, and never promises more than a page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamer.access.decision import Asked
from streamer.console.service import nav_links
from streamer.console.service.nav_links import NavLinks
from tests.console.conftest import Stand
from tests.console.test_access import known


class Guard:
    """Lets everybody do some actions."""

    def __init__(self, *actions: str) -> None:
        self.actions, self.n_asked = actions, 0

    async def may(self, asked: Asked) -> bool:
        self.n_asked += 1
        return asked.action in self.actions


def made(guard: Any, at: list[float]) -> NavLinks:
    return NavLinks(guard, lambda: at[0])


def test_links_are_asked_for_again_after_ten_seconds_and_for_other_roles_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard, at = Guard("view_model", "view_help"), [0.0]
    links = made(guard, at)

    async def paths(*roles: str) -> list[str]:
        return [each.path for each in await links.of("moss", roles)]

    assert asyncio.run(paths("model_owner")) == ["/model", "/help"]
    at[0] = 9.9
    guard.actions = ("view_help",)
    assert asyncio.run(paths("model_owner")) == ["/model", "/help"]
    assert guard.n_asked == len(nav_links.LINKS)
    assert asyncio.run(paths("auditor")) == ["/help"]
    at[0] = 10.0
    assert asyncio.run(paths("model_owner")) == ["/help"]
    # Bounded: the one that was asked for first makes room.
    monkeypatch.setattr(nav_links, "_MOST_KEPT", 2)
    asyncio.run(paths("lead"))
    assert len(links._kept) == 2


@pytest.mark.parametrize(
    ("actions", "roles", "first"),
    [
        (("view_queue", "view_model"), ("model_owner",), "/"),
        (("view_team", "view_model", "view_operations"), ("model_owner", "operator"), "/model"),
        (("view_team", "view_operations"), ("model_owner", "operator"), "/operations"),
        (("view_team",), ("operator",), "/team"),
        (("view_help",), ("reviewer",), ""),
    ],
)
def test_somebody_begins_at_the_queue_or_where_their_role_works(
    actions: tuple[str, ...], roles: tuple[str, ...], first: str
) -> None:
    links = made(Guard(*actions), [0.0])
    assert asyncio.run(links.first("moss", roles)) == first


def test_the_help_has_the_id_by_which_its_key_finds_it(stand: Stand) -> None:
    with stand.console() as (console, client):
        page = known(console, client, "mona").get("/team").text
    assert '<a href="/help" id="help">' in page
