"""A reviewer's desk: a console that another interpreter runs, and browsers that watch what pages do."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

from tests.integrations.standing import PASSWORD, Stand, stood

__all__ = ["PASSWORD", "Desk", "Stand", "browser_of", "stood"]

_BROWSERS: Final = "chromium", "google-chrome", "chromium-browser"
# Small in memory; as root Chromium starts without its sandbox only.
_FLAGS: Final = ["--disable-gpu", "--disable-dev-shm-usage", "--renderer-process-limit=2"]
_TELL: Final = (
    "document.addEventListener('securitypolicyviolation', (event) => "
    "console.error('refused by the policy', event.violatedDirective, event.blockedURI))"
)
# What Chromium says of a page whose status is 400 or more, and of a server that is being started again.
_EXPECTED: Final = re.compile(
    r"Failed to load resource: (the server responded with a status of|net::ERR_(INCOMPLETE|CONNECTION))"
)


def browser_of(playwright: Playwright) -> Browser:
    """Return the Chromium of this machine."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    assert found is not None, "Chromium is not installed; run .ci/install-services"
    flags = ["--no-sandbox", *_FLAGS] if os.geteuid() == 0 else _FLAGS
    return playwright.chromium.launch(executable_path=found, args=flags)


class Desk:
    """A console of its own, and the browsers of those who work on it.

    ``complaints`` has every request to another host, refusal by the policy, and error of a script.
    """

    def __init__(self, stand: Stand, browser: Browser, url: str, first: int = 0) -> None:
        """``first`` is added to the numbers of alerts, which are shown once in a console."""
        self._stand, self._browser, self._first = stand, browser, first
        self.url = url
        self.published: list[str] = []
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what a method of `stand.Room` returns."""
        return self._stand.ask("ask", self.url, method, *arguments)

    def publish(self, *numbers: int, **changes: Any) -> None:
        """Put alerts on their topic; the lower the number, the higher the rank.

        With the score that it came with, None, an alert is what its parameters give.
        """
        ranked = [
            {"number": self._first + n, "score": 0.9999 - n * 1e-6} | changes for n in numbers
        ]
        made = [{k: v for k, v in each.items() if v is not None} for each in ranked]
        self.ask("publish", made)
        self.published += [f"transactions-0-{each['number']}" for each in made]

    def verdicts(self, n: int) -> list[dict[str, Any]]:
        """Return the verdicts on what was published here, once they are ``n``."""
        return list(self.ask("verdicts", n, self.published))

    def page(self) -> Page:
        """Return a page of a new browser, in which nobody has logged in."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(30_000)
        context.add_init_script(_TELL)
        context.on("request", lambda request: self._note_host(request.url))
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self._contexts.append(context)
        return context.new_page()

    def login(self, name: str, path: str = "/") -> Page:
        """Return a page on which somebody has logged in, by the keyboard."""
        page = self.page()
        page.goto(self.url + path)
        page.locator("#name:focus").wait_for()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("header .who")
        return page

    def follow(self, page: Page, path: str) -> None:
        """Go to a page of the console as by a link on one of its own."""
        with page.expect_navigation():
            page.evaluate("(path) => window.location.assign(path)", path)

    def queued(self, page: Page, n: int) -> None:
        """Load the queue until it has ``n`` open alerts."""
        for _ in range(600):
            page.goto(self.url)
            told = re.match(r"([\d,]+) open", page.inner_text(".counts"))
            if told and int(told[1].replace(",", "")) >= n:
                return
            page.wait_for_timeout(50)
        raise AssertionError(page.inner_text("main"))

    def close(self) -> None:
        """Close the browsers."""
        for context in self._contexts:
            context.close()

    def _note_host(self, url: str) -> None:
        if not url.startswith(f"{self.url}/"):
            self.complaints.append(f"asked for {url}")

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _EXPECTED.match(message.text):
            self.complaints.append(message.text)
