"""One set of servers and one Chromium for all checks, and a console for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.integrations.browser.desk import Desk, Stand, browser_of, stood


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    with stood() as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, browser_of(playwright) as browser:
        yield browser


@contextmanager
def _watched(desk: Desk) -> Iterator[Desk]:
    """No page asked another host, did what the policy refuses, or had an error."""
    try:
        yield desk
        assert desk.complaints == []
    finally:
        desk.close()


@pytest.fixture(scope="session")
def shared_url(stand: Stand) -> str:
    return str(stand.ask("open"))


@pytest.fixture
def desk(
    stand: Stand, chromium: Browser, shared_url: str, first_numbers: Iterator[int]
) -> Iterator[Desk]:
    """A console that all checks share, whose queue is empty."""
    with _watched(Desk(stand, chromium, shared_url, next(first_numbers))) as found:
        yield found
        found.ask("empty")


@pytest.fixture(scope="session")
def first_numbers() -> Iterator[int]:
    return count(0, 1_000)


@pytest.fixture
def own_desk(stand: Stand, chromium: Browser) -> Iterator[Desk]:
    """A console of this check alone, to be ended."""
    with _watched(Desk(stand, chromium, stand.ask("open"))) as found:
        yield found
        found.ask("close")
