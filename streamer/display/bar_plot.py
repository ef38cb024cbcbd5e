"""Columns of blocks in a terminal: shares between 0 and 1, one column for each stretch of time.

Works without colour, at any width, and in ASCII where the output cannot show blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["columns_of", "fits", "plot_lines"]

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_ASCII: Final = " ..::||##"
_MARGIN: Final = 7
"""Of the axis' figures: five characters, a blank and the axis itself."""


def fits(encoding: str) -> bool:
    """Whether text in ``encoding`` can have blocks.

    >>> fits("utf-8"), fits("ascii"), fits("latin-1")
    (True, False, False)
    """
    try:
        f"{_EIGHTHS}│└─▲".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def columns_of(values: Sequence[float | None], height: int, *, in_blocks: bool) -> list[str]:
    """Return ``height`` lines, the top one first, of one character for each value; None is a blank.

    A value above 0 is seen, however small.

    >>> columns_of([0.0, 0.25, 0.5, None, 1.0], 2, in_blocks=True)
    ['    █', ' ▄█ █']
    """
    marks = _EIGHTHS if in_blocks else _ASCII
    lines = []
    for row in reversed(range(height)):
        line = ""
        for value in values:
            eighths = 0 if not value else max(round(min(value, 1.0) * height * 8), 1)
            line += marks[min(max(eighths - 8 * row, 0), 8)]
        lines.append(line)
    return lines


def plot_lines(
    title: str,
    values: Sequence[float | None],
    *,
    height: int,
    wide: int,
    in_blocks: bool,
    mark: float | None = None,
) -> list[str]:
    """Return the lines of a plot: title, columns ``wide`` characters each beside an axis of per cent.

    ``mark`` is where to point at, as a share of the whole width, from below the axis.
    """
    pipe, corner, rule, arrow = "│└─▲" if in_blocks else "|+-^"
    stretched = [value for value in values for _ in range(wide)]
    rows = columns_of(stretched, height, in_blocks=in_blocks)
    labels = {0: "100%", height // 2: "50%" if height % 2 == 0 else ""}
    lines = [title]
    lines += [f"{labels.get(i, ''):>5} {pipe}{row}" for i, row in enumerate(rows)]
    lines.append(f"{'0%':>5} {corner}{rule * len(stretched)}")
    if mark is not None and stretched:
        at = min(int(mark * len(stretched)), len(stretched) - 1)
        lines.append(" " * (_MARGIN + at) + arrow)
    return lines
