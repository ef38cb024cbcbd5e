"""A browser without a screen: cookies by origin, redirects and forms, one page after the other."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

__all__ = ["Page", "Visitor"]

_MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Page:
    """What came of an address, and where that was in the end."""

    url: str
    status: int
    text: str
    headers: dict[str, str]


class Visitor:
    """Follows redirects until an address that begins with ``halt``, if one is told."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}
        self.seen: list[str] = []

    def get(self, url: str, halt: str = "") -> Page:
        """Return the page of an address."""
        return self._go("GET", url, None, halt)

    def submit(self, page: Page, halt: str = "", **typed: str) -> Page:
        """Send the first form of a page, with what is typed into it."""
        form = re.search(r"<form[^>]*>.*?</form>", page.text, re.DOTALL)
        assert form is not None, page.text
        action = re.search(r'action="([^"]+)"', form[0])
        fields = {}
        for tag in re.findall(r"<(?:input|button)[^>]*>", form[0]):
            name, value = (re.search(rf'{each}="([^"]*)"', tag) for each in ("name", "value"))
            if name is not None:
                fields[name[1]] = html.unescape(value[1]) if value is not None else ""
        where = urljoin(page.url, html.unescape(action[1]) if action else page.url)
        return self._go("POST", where, fields | typed, halt)

    def _go(self, method: str, url: str, form: dict[str, str] | None, halt: str) -> Page:
        for _ in range(_MOST):
            if halt and url.startswith(halt):
                return Page(url, 0, "", {})
            page = self._ask(method, url, form)
            if page.status not in (301, 302, 303, 307):
                return page
            url = urljoin(url, page.headers["location"])
            method, form = "GET", None
        raise AssertionError(f"{url} leads nowhere: {self.seen[-_MOST:]}")

    def _ask(self, method: str, url: str, form: dict[str, str] | None) -> Page:
        self.seen.append(url)
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = HTTPConnection(parts.netloc, timeout=60)
        try:
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for each in answer.headers.get_all("Set-Cookie") or []:
                # Those of the console are for HTTPS, which is not spoken here.
                name, _, value = each.partition(";")[0].partition("=")
                is_gone = "max-age=0" in each.lower() or "01 jan 1970" in each.lower()
                jar.pop(name, None) if is_gone else jar.update({name: value})
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Page(url, answer.status, text, told)
        finally:
            connection.close()
