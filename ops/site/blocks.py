"""The blocks of commands and Python on pages, and what is to be done with each.

A block is fenced as ``sh``, ``console`` or ``python``.  It is run in the tests, unless a comment on the
line before its fence says otherwise:

* ``<!-- not run: REASON -->`` says what it needs that is not here, or what it would change;
* ``<!-- run by make docs-blocks: REASON -->`` says what makes it too dear for every run of the tests.

On a page that shows changes to files (`page_changes`) a block without a comment is run with these made,
in a copy of the repository.

Of a ``console`` block the lines that begin with ``$`` are commands, with those that follow one that
ends with a backslash; the others are what they printed.  What any other block printed may be in a block
of ``text``, the next one after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ops.site.page_changes import changes_of

__all__ = ["Block", "Run", "blocks_of", "pages_with_blocks"]

Run = Literal["test", "with changes", "make docs-blocks", "never"]

_LANGUAGES: Final = ("sh", "console", "python")
_FENCE: Final = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# The block after one, whatever is said between them.
_NEXT: Final = re.compile(
    r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_WORD: Final = re.compile(r"[A-Za-z_]{3,}")
_MARKS: Final = {"not run": "never", "run by make docs-blocks": "make docs-blocks"}


@dataclass(frozen=True, slots=True)
class Block:
    """One block; ``line`` is that of its fence, ``reason`` why it is not run in the tests."""

    page: str
    line: int
    language: str
    text: str
    run: Run
    reason: str
    follows: str = ""
    """The text of a block of ``text`` that comes next."""

    @property
    def commands(self) -> str:
        """What a shell is given, or Python.

        >>> Block("p.md", 1, "console", "$ a \\\\\\n  b\\nout\\n$ c\\n", "test", "").commands
        'a \\\\\\n  b\\nc\\n'
        """
        if self.language != "console":
            return self.text
        lines: list[str] = []
        goes_on = False
        for line in self.text.splitlines():
            if line.startswith("$ ") or goes_on:
                lines.append(line if goes_on else line[2:])
                goes_on = line.endswith("\\")
        return "\n".join(lines) + "\n"

    @property
    def output(self) -> list[str]:
        """The lines that the page says its commands print."""
        if self.language != "console":
            return self.follows.splitlines()
        lines: list[str] = []
        goes_on = False
        for line in self.text.splitlines():
            if line.startswith("$ ") or goes_on:
                goes_on = line.endswith("\\")
            else:
                lines.append(line)
        return lines

    def unlike(self, printed: str) -> list[str]:
        """Return the words of the shown output that were not printed; numbers and short words apart.

        What a service prints has other payments in it each time, but it has the same words.

        >>> block = Block("p.md", 1, "sh", "x\\n", "test", "", "3 payments scored, 1 refused\\n")
        >>> block.unlike("9 payments, 9 scored")
        ['refused']
        """
        there = set(_WORD.findall(printed))
        return [word for line in self.output for word in _WORD.findall(line) if word not in there]

    @property
    def n_words(self) -> int:
        """How many words the shown output has."""
        return sum(len(_WORD.findall(line)) for line in self.output)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    """Return the blocks of a page that are commands or Python.

    Raises ValueError where the comment before one is not one of the two.

    >>> [(b.line, b.run) for b in blocks_of("p.md", "<!-- not run: x -->\\n```sh\\nls\\n```\\n")]
    [(2, 'never')]
    """
    found: list[Block] = []
    unmarked: Run = "with changes" if changes_of(page, text) else "test"
    for match in _FENCE.finditer(text):
        if match["language"] not in _LANGUAGES:
            continue
        line = text.count("\n", 0, match.start()) + (2 if match["mark"] else 1)
        run, reason = _run_of(page, line, match["mark"], unmarked)
        after = _NEXT.search(text, match.end())
        follows = after["text"] if after and after["language"] == "text" else ""
        block = Block(page, line, match["language"], match["text"], run, reason, follows)
        # A console that shows an output alone asks for nothing.
        if block.commands.strip():
            found.append(block)
    return found


def _run_of(page: str, line: int, mark: str | None, unmarked: Run) -> tuple[Run, str]:
    if mark is None:
        return unmarked, ""
    kind, colon, reason = mark.partition(": ")
    run = _MARKS.get(kind)
    if not colon or run is None or not reason.strip():
        known = " or ".join(f"<!-- {each}: REASON -->" for each in _MARKS)
        raise ValueError(f"{page}:{line}: the comment must be {known}, got {mark!r}")
    return ("never" if run == "never" else "make docs-blocks"), reason


def pages_with_blocks(root: Path) -> list[Block]:
    """Return the blocks of README.md and of every page below docs and ops, decisions apart."""
    found: list[Block] = []
    pages = [
        root / "README.md",
        *sorted((root / "docs").glob("*.md")),
        *sorted((root / "ops").rglob("*.md")),
    ]
    for path in pages:
        found += blocks_of(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    return found
