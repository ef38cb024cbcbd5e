"""What the pages' Markdown is made of: headings with their anchors, sections, and links.

Anchors are those that GitHub gives headings, since that is where the sources are read too; on the site
each heading says its anchor itself, so that nobody's rule for making them matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = [
    "Heading",
    "anchored",
    "anchors_of",
    "headings",
    "relinked",
    "section_of",
    "titled",
    "without_section",
]

_HEADING: Final = re.compile(r"^(#{1,6}) (.+?)\s*$")
_FENCE: Final = re.compile(r"^\s*(```+|~~~+)")
_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading: the line that it is on, its level from 1, its text and its anchor."""

    line: int
    level: int
    text: str
    anchor: str


def headings(text: str) -> list[Heading]:
    """Return the headings outside of blocks; of equal ones the second's anchor ends with ``-1``.

    >>> [each.anchor for each in headings("# A `b` c\\n\\n## A b c\\n")]
    ['a-b-c', 'a-b-c-1']
    """
    found: list[Heading] = []
    given: dict[str, int] = {}
    for number, line, is_code in _lines(text):
        match = None if is_code else _HEADING.match(line)
        if match:
            anchor = _anchor(match[2])
            n_before = given.get(anchor, 0)
            given[anchor] = n_before + 1
            unique = f"{anchor}-{n_before}" if n_before else anchor
            found.append(Heading(number, len(match[1]), match[2], unique))
    return found


def anchors_of(text: str) -> set[str]:
    """Return the anchors of a page's headings."""
    return {each.anchor for each in headings(text)}


def section_of(text: str, section: str, apart: frozenset[str] = frozenset()) -> str:
    """Return the section under a heading, its own heading as level 1, less the sections ``apart``.

    Raises ValueError where there is no such heading, or more than one.

    >>> section_of("# T\\n\\n## A\\n\\na\\n\\n### B\\n\\nb\\n\\n## C\\n", "A", frozenset({"B"}))
    '# A\\n\\na\\n'
    """
    lines = text.split("\n")
    found = headings(text)
    start = _heading_of(found, section)
    kept: list[str] = []
    for this, line in _spans(found, start, len(lines)):
        if not any(each.text in apart for each in this):
            match = _HEADING.match(lines[line]) if line in {each.line for each in found} else None
            if match:
                kept.append(f"{'#' * (len(match[1]) - start.level + 1)} {match[2]}")
            else:
                kept.append(lines[line])
    return "\n".join(kept).rstrip() + "\n"


def without_section(text: str, section: str, told: str) -> str:
    """Return a page on which a sentence stands under a heading, in place of what stood there.

    >>> without_section("# T\\n\\n## A\\n\\na\\n\\n## C\\n", "A", "Elsewhere.")
    '# T\\n\\n## A\\n\\nElsewhere.\\n\\n## C\\n'
    """
    lines = text.split("\n")
    found = headings(text)
    start = _heading_of(found, section)
    inside = [line for _, line in _spans(found, start, len(lines))]
    return "\n".join([*lines[: start.line + 1], "", told, "", *lines[inside[-1] + 1 :]])


def titled(text: str, title: str) -> str:
    """Return a page with another text in its first heading, whose anchor stays.

    >>> titled("# A {#a}\\n\\na", "B")
    '# B {#a}\\n\\na'
    """
    return re.sub(r"\A# .+?(?= \{#|$)", lambda _: f"# {title}", text, count=1, flags=re.MULTILINE)


def anchored(text: str, anchors: dict[str, str]) -> str:
    """Return a page whose headings say their anchors; ``anchors`` maps a heading's line of text to it.

    >>> anchored("# A & b\\n", {"A & b": "a--b"})
    '# A & b {#a--b}\\n'
    """
    lines = text.split("\n")
    for each in headings(text):
        lines[each.line] = f"{lines[each.line].rstrip()} {{#{anchors.get(each.text, each.anchor)}}}"
    return "\n".join(lines)


def relinked(text: str, target_of: Callable[[str], str | None]) -> str:
    """Return a page with the target of each link replaced; None leaves the text of the link alone.

    Blocks are left as they are.
    """

    def replaced(match: re.Match[str]) -> str:
        target = target_of(match[3])
        shown = _LINK.sub(replaced, match[2])
        return shown if target is None else f"{match[1]}[{shown}]({target})"

    parts: list[str] = []
    prose: list[str] = []
    for _, line, is_code in _lines(text):
        if is_code:
            parts += [_LINK.sub(replaced, "\n".join(prose))] if prose else []
            prose = []
            parts.append(line)
        else:
            prose.append(line)
    parts += [_LINK.sub(replaced, "\n".join(prose))] if prose else []
    return "\n".join(parts)


def _heading_of(found: list[Heading], section: str) -> Heading:
    of_section = [each for each in found if each.text == section]
    if len(of_section) != 1:
        raise ValueError(
            f"a section must be one heading of the file, got {len(of_section)} of {section!r}"
        )
    return of_section[0]


def _anchor(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w -]", "", plain).replace(" ", "-")


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its number, and whether it belongs to a block."""
    fence = ""
    for number, line in enumerate(text.split("\n")):
        match = _FENCE.match(line)
        if fence:
            yield number, line, True
            if match and line.strip() == fence:
                fence = ""
        else:
            fence = match[1] if match else ""
            yield number, line, bool(fence)


def _spans(
    found: list[Heading], start: Heading, n_lines: int
) -> Iterator[tuple[tuple[Heading, ...], int]]:
    """Yield each line of a section with the headings that it is under, the section's own apart."""
    by_line = {each.line: each for each in found}
    under: list[Heading] = []
    for line in range(start.line, n_lines):
        heading = by_line.get(line)
        if heading and heading is not start:
            if heading.level <= start.level:
                return
            under = [each for each in under if each.level < heading.level] + [heading]
        yield tuple(under), line
