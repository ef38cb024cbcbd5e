"""Makes attempts one after the other, and a table of what came of them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from tests.attack.attempts import Attempt
from tests.attack.site import Site

__all__ = ["Row", "made", "run_all", "table"]

_HEADS: Final = ("name", "against", "tried", "outcome", "held", "in CI")
_WIDEST: Final = 60


@dataclass(frozen=True, slots=True)
class Row:
    """What came of an attempt; where it did not hold, ``outcome`` is what was found instead."""

    attempt: Attempt
    outcome: str
    held: bool


def made(attempt: Attempt, site: Site) -> Row:
    """Make an attempt."""
    try:
        return Row(attempt, attempt.work(site), held=True)
    except AssertionError as error:
        [*_, last] = traceback.extract_tb(error.__traceback__)
        where = f"{last.name}:{last.lineno}: {last.line}"
        return Row(attempt, " ".join(f"{where} {error}".split())[:400], held=False)


def run_all(attempts: Iterable[Attempt], site: Site, progress: TextIO) -> list[Row]:
    """Make them in order, and tell of each."""
    rows = []
    chosen = list(attempts)
    for n, attempt in enumerate(chosen, 1):
        began = time.monotonic()
        row = made(attempt, site)
        rows.append(row)
        word = "held" if row.held else "DID NOT HOLD"
        took_s = time.monotonic() - began
        print(
            f"{n:3}/{len(chosen)} {attempt.against:<8} {attempt.name:<34} {word} {took_s:6.1f} s"
            f"{'' if row.held else f'  {row.outcome}'}",
            file=progress,
            flush=True,
        )
    return rows


def table(rows: Sequence[Row], *, markdown: bool) -> str:
    """Return the rows as text, or as a table of Markdown."""
    cells = [
        (
            *(r.attempt.name, r.attempt.against, r.attempt.tried, r.outcome),
            *("yes" if r.held else "NO", "" if r.attempt.is_dear else "yes"),
        )
        for r in rows
    ]
    if markdown:
        lines = [f"| {' | '.join(_HEADS)} |", "|---" * len(_HEADS) + "|"]
        lines += ["| " + " | ".join(map(_of_markdown, each)) + " |" for each in cells]
        return "\n".join(lines)
    widths = [
        min(_WIDEST, max(len(each[i]) for each in [_HEADS, *cells])) for i in range(len(_HEADS))
    ]
    return "\n".join(
        " | ".join(text[:width].ljust(width) for text, width in zip(each, widths, strict=True))
        for each in [tuple(head.upper() for head in _HEADS), *cells]
    )


def _of_markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
