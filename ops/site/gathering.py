"""Gathers the pages into one folder, with links that lead to where things lie on the site.

A link of a source names a file of the repository, perhaps with an anchor.  If that is on a page, the
link goes there; another file is copied below ``files/`` and the link goes to the copy; of a folder the
text stays and the link goes.  A link to nothing is an error, as is a page that no link could reach.
"""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ops.site.markdown_text import (
    anchored,
    headings,
    relinked,
    section_of,
    titled,
    without_section,
)
from ops.site.site_pages import Source

__all__ = ["Gathered", "LinkError", "gather", "write"]

_FILES: Final = "files"
_OTHERS: Final = ("http://", "https://", "mailto:")
_MADE: Final = "made:"


class LinkError(Exception):
    """A link of a page leads nowhere."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Pages by place, and the files that they show or link to, by place; neither is written yet."""

    pages: dict[str, str]
    files: dict[str, Path]


def gather(root: Path, sources: Mapping[str, Source], made: Mapping[str, str]) -> Gathered:
    """Return the pages of ``sources``, files below ``root``, and those that are ``made`` of code.

    Links of a made page are relative to the root of the repository, or lead to another page of the site
    by ``made:`` and its place.  Raises LinkError with every link that leads nowhere.
    """
    texts = {place: _text(root, source, sources) for place, source in sources.items()}
    site = _Site(root, sources, texts)
    for place, text in made.items():
        site.link(place, PurePosixPath("."), anchored(text, {}))
    for place, (text, _) in texts.items():
        site.link(place, PurePosixPath(sources[place].file).parent, text)
    if site.faults:
        raise LinkError("every link must lead somewhere, got\n" + "\n".join(site.faults))
    return Gathered(site.pages, site.files)


def write(gathered: Gathered, folder: Path) -> None:
    """Write pages and files into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for place, text in gathered.pages.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for place, source in gathered.files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)


def _text(root: Path, source: Source, sources: Mapping[str, Source]) -> tuple[str, set[str]]:
    """Return a page's text with its anchors said, and the anchors that it has."""
    whole = (root / source.file).read_text("utf-8")
    others = {
        other.section: place
        for place, other in sources.items()
        if other.file == source.file and other.section not in ("", source.section)
    }
    if source.section:
        text = section_of(whole, source.section, frozenset(others))
    else:
        text = whole
        for section, place in others.items():
            told = f"It is [a page of its own]({_MADE}{place})."
            text = without_section(text, section, told)
    text = anchored(text, {each.text: each.anchor for each in headings(whole)})
    anchors = {each.anchor for each in headings(whole) if f"{{#{each.anchor}}}" in text}
    return (titled(text, source.title) if source.title else text), anchors


class _Site:
    def __init__(
        self,
        root: Path,
        sources: Mapping[str, Source],
        texts: Mapping[str, tuple[str, set[str]]],
    ) -> None:
        self._root = root
        self._whole = {each.file: place for place, each in sources.items() if not each.section}
        self._parts: dict[str, list[tuple[str, set[str]]]] = {}
        for place, source in sources.items():
            self._parts.setdefault(source.file, []).append((place, texts[place][1]))
        self.pages: dict[str, str] = {}
        self.files: dict[str, Path] = {}
        self.faults: list[str] = []

    def link(self, place: str, folder: PurePosixPath, text: str) -> None:
        """Add a page whose links are relative to ``folder`` of the repository."""
        self.pages[place] = relinked(text, lambda target: self._target(place, folder, target))

    def _target(self, place: str, folder: PurePosixPath, target: str) -> str | None:
        if target.startswith(_OTHERS):
            return target
        if target.startswith(_MADE):
            return posixpath.relpath(target.removeprefix(_MADE), posixpath.dirname(place) or ".")
        file, _, anchor = target.partition("#")
        if not file and place in self._whole.values():
            return target
        found = posixpath.normpath((folder / file).as_posix()) if file else self._file_of(place)
        if found is None:
            # Made of code: its own anchors, which the built pages are checked for.
            return target
        to = self._place_of(found, anchor)
        if to is None and (self._root / found).is_dir():
            return None
        if to is None:
            self.faults.append(f"{place}: {target}")
            return target
        relative = posixpath.relpath(to, posixpath.dirname(place) or ".")
        return f"{relative}#{anchor}" if anchor else relative

    def _file_of(self, place: str) -> str | None:
        for file, parts in self._parts.items():
            if any(place == part for part, _ in parts):
                return file
        return None

    def _place_of(self, file: str, anchor: str) -> str | None:
        """Return where a file is on the site, or the part of it that has the anchor."""
        if (self._root / file).is_dir() and f"{file}/README.md" in self._whole:
            return self._whole[f"{file}/README.md"]
        if anchor:
            for place, anchors in self._parts.get(file, []):
                if anchor in anchors and file not in self._whole:
                    return place
        if file in self._whole:
            return self._whole[file]
        if file in self._parts:
            return None if anchor else "index.md"
        path = self._root / file
        if path.suffix == ".md" or not path.is_file():
            return None
        copy = f"{_FILES}/{file}"
        self.files[copy] = path
        return copy
