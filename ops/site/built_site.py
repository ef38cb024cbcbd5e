"""What is checked of the built pages: every link leads somewhere, and reading them asks no other host.

A page may *link* to another host: that is followed by a person's click.  Scripts, styles, fonts, images
and frames are fetched without one, so that none of them may name a host, in the pages or in the styles.
The theme's script names hosts for diagrams and galleries, which it fetches where a page has one: so no
page may have any (`_ON_DEMAND`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["Found", "check", "page_of"]

# What a browser fetches by itself.
_FETCHED: Final = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
}
# These are said to machines that look for them, and fetched by no browser.
_SAID: Final = {"canonical", "alternate", "prev", "next", "author", "license"}
_ON_DEMAND: Final = {"mermaid", "glightbox", "arithmatex"}
_IN_STYLE: Final = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass(slots=True)
class Found:
    """What one page has: ids, what it links to, and what is fetched for it."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    classes: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Found()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag has."""
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if "id" in given:
            self.found.ids.add(given["id"])
        if tag == "a" and "name" in given:
            self.found.ids.add(given["name"])
        if tag == "a" and "href" in given:
            self.found.links.append(given["href"])
        self.found.classes.update(given.get("class", "").split())
        if tag == "link" and set(given.get("rel", "").split()) & _SAID:
            return
        for name in _FETCHED.get(tag, ()):
            if given.get(name):
                each = given[name].split(",") if name == "srcset" else [given[name]]
                self.found.fetched += [part.split()[0] for part in each if part.strip()]
        self.found.fetched += _of_style(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Note what a style fetches."""
        if self._in_style:
            self.found.fetched += _of_style(data)


def page_of(text: str) -> Found:
    """Return what a page has.

    >>> page_of('<a href="b/#c">x</a><img src="https://h/i.png" id="d">').fetched
    ['https://h/i.png']
    """
    reader = _Reader()
    reader.feed(text)
    return reader.found


def _of_style(text: str) -> list[str]:
    found = (first or second for first, second in _IN_STYLE.findall(text))
    return [each for each in found if not each.startswith("data:")]


def check(site: Path) -> tuple[list[str], int]:
    """Return what is wrong with a built site, in sentences, and how many links were followed."""
    pages = {path.relative_to(site).as_posix(): path for path in sorted(site.rglob("*.html"))}
    found = {place: page_of(path.read_text("utf-8")) for place, path in pages.items()}
    faults: list[str] = []
    n_links = 0
    for place, page in found.items():
        for link in page.links:
            n_links += 1
            faults += _fault_of_link(site, found, place, link)
        for each in page.fetched:
            faults += _fault_of_fetched(site, place, each)
        faults += [f"{place}: has {name}, for which the theme asks another host"
                   for name in sorted(page.classes & _ON_DEMAND)]  # fmt: skip
    for path in sorted(site.rglob("*.css")):
        place = path.relative_to(site).as_posix()
        for each in _of_style(path.read_text("utf-8")):
            faults += _fault_of_fetched(site, place, each)
    return faults, n_links


def _is_elsewhere(target: str) -> bool:
    parts = urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "mailto")


def _fault_of_fetched(site: Path, place: str, target: str) -> Iterator[str]:
    if _is_elsewhere(target):
        yield f"{place}: fetches {target} of another host"
    elif not target.startswith("data:") and not _file(site, place, target).is_file():
        yield f"{place}: fetches {target}, which is not there"


def _fault_of_link(site: Path, found: dict[str, Found], place: str, target: str) -> Iterator[str]:
    if _is_elsewhere(target) or target.startswith("mailto:"):
        return
    path = _file(site, place, target)
    if path.is_dir():
        path /= "index.html"
    if not path.is_file():
        yield f"{place}: links to {target}, which is not there"
        return
    anchor = unquote(urlsplit(target).fragment)
    there = found.get(path.relative_to(site).as_posix())
    # The theme's own: the top of each page.
    if there and anchor and anchor not in there.ids | {"__skip"} and not anchor.startswith("__"):
        yield f"{place}: links to {target}, whose anchor is not there"


def _file(site: Path, place: str, target: str) -> Path:
    """Return where a target of the page at ``place`` lies; itself where it names no path."""
    path = unquote(urlsplit(target).path)
    if not path:
        return site / place
    if path.startswith("/"):
        return site / path.lstrip("/")
    return site / posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
