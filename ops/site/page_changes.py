"""The changes to files that a page shows, made to a copy of the repository, or to one's own clone.

A block with a title is about the file of that name.  One fenced as ``diff`` changes it: lines that
begin with a space are there, ``-`` goes and ``+`` comes in, ``@@`` parts places that lie apart.  Lines
have no numbers: what is there must be found once.  Any other block is the whole of a new file.

``python -m ops.site.page_changes docs/extend-feature.md`` makes those of a page here.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Change", "changes_of", "main", "make_changes"]

_TITLED: Final = re.compile(
    r'^```(?P<language>\w+) title="(?P<file>[^"\n]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_APART: Final = re.compile(r"^@@.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """What a block makes of a file; ``line`` is that of its fence on the page."""

    page: str
    line: int
    file: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def made_to(self, content: str | None) -> str:
        """Return the file with the change; ``content`` is None where there is no such file.

        Raises ValueError where that is not what the page says.
        """
        if self.language != "diff":
            if content is not None:
                raise ValueError(f"{self}: {self.file} must be new, got one; show a diff of it")
            return self.text
        if content is None:
            raise ValueError(f"{self}: {self.file} must be there to be changed, got none")
        for place in _APART.split(self.text):
            if place:
                content = self._changed(content, place)
        return content

    def _changed(self, content: str, place: str) -> str:
        lines = place.splitlines()
        before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        n = f"\n{content}".count(f"\n{before}")
        if n != 1 or not before or before == after:
            raise ValueError(
                f"{self}: {self.file} must have these lines once, and a change to them, got them "
                f"{n} times; write the page anew\n{before}"
            )
        return f"\n{content}".replace(f"\n{before}", f"\n{after}")[1:]


def changes_of(page: str, text: str) -> list[Change]:
    """Return the changes that a page shows, in order.

    >>> [(c.file, c.line) for c in changes_of("p.md", '```text title="a.txt"\\nx\\n```\\n')]
    [('a.txt', 1)]
    """
    return [
        Change(
            page,
            text.count("\n", 0, match.start()) + 1,
            match["file"],
            match["language"],
            match["text"],
        )
        for match in _TITLED.finditer(text)
    ]


def make_changes(changes: Sequence[Change], root: Path) -> list[Path]:
    """Make the changes to the files below ``root``, all or none; return which were written."""
    contents: dict[Path, str] = {}
    for change in changes:
        path = root / change.file
        there = path.read_text("utf-8") if path.is_file() else None
        contents[path] = change.made_to(contents.get(path, there))
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return list(contents)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the changes of a page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.site.page_changes", description=__doc__)
    parser.add_argument("page", type=Path, help="a page of docs/")
    parser.add_argument("--into", type=Path, default=Path(), help="the clone, or a copy of it")
    options = parser.parse_args(arguments)
    changes = changes_of(options.page.name, options.page.read_text("utf-8"))
    try:
        written = make_changes(changes, options.into)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(str(path) for path in written) or f"{options.page} shows no changes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
