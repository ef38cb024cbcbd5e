"""Browsers over real connections: of who is known, and of who is not."""

from __future__ import annotations

import re
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2 as httpx

from tests.attack.site import Console, Site
from tests.console.conftest import Reviewer
from tests.rig.waiting import DEADLINE_S

__all__ = ["SESSION", "Person", "known", "path_of", "stranger"]

SESSION: Final = "streamer_session"


class Person(Reviewer):
    """A reviewer of the console's tests whose browser is a client on the wire."""

    def __init__(
        self, site: Site, console: Console, name: str, address: str = "127.0.0.1", **headers: str
    ) -> None:
        self.name = name
        # A browser takes this machine for safe: cookies for https alone are kept and sent.
        policy = DefaultCookiePolicy(secure_protocols=("http", "https"))
        told = {"Sec-Fetch-Site": "same-origin"} | {
            each.replace("_", "-"): text for each, text in headers.items()
        }
        self.browser = httpx.Client(  # type: ignore[assignment]
            base_url=f"http://127.0.0.1:{console.port}",
            cookies=CookieJar(policy),
            headers=told,
            transport=httpx.HTTPTransport(local_address=address),
            event_hooks={"response": [site.hear]},
            follow_redirects=True,
            timeout=DEADLINE_S,
        )
        site.closes(self.browser)

    def holding(self, cookie: str) -> Person:
        """Return the same with a session's cookie."""
        self.browser.cookies.clear()
        self.browser.cookies.set(SESSION, cookie, domain="127.0.0.1", path="/")
        return self

    @property
    def cookie(self) -> str:
        """The session's cookie, "" without one."""
        return next((c.value or "" for c in self.browser.cookies.jar if c.name == SESSION), "")

    def is_in(self) -> bool:
        """Whether a page is shown to this browser that nobody else sees."""
        return 'action="/login"' not in self.get("/help").text

    def token(self) -> str:
        """Return the token of the forms that this browser is shown."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/help").text)
        assert found is not None
        return found[1]


def known(site: Site, console: Console, name: str) -> Person:
    """Return the browser of somebody who has logged in."""
    return Person(site, console, name).holding(console.signed(name))


def stranger(site: Site, console: Console, name: str = "mona", **headers: str) -> Person:
    """Return the browser of somebody who has not, at an address of their own."""
    return Person(site, console, name, site.new_address(), **headers)


def path_of(number: int, part: str = "") -> str:
    """Return the address of an alert, or of something of it."""
    return f"/alerts/transactions-0-{number}{part}"


def judged(console: Console, n: int) -> list[dict[str, Any]]:
    """Return the verdicts that were sent, once there are ``n``."""
    return console.stand.verdicts(n)
