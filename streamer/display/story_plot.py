"""Did verdicts help?  Precision and recall over a run, as a small plot and two sentences."""

from __future__ import annotations

from typing import Final

from rich.console import Console, Group
from rich.text import Text

from streamer.display.bar_plot import fits, plot_lines
from streamer.display.demo_stages import share_text
from streamer.reports.over_time import OverTime, Slice

__all__ = ["render_story"]

_HEIGHT: Final = 6
_MARGIN: Final = 8
_MOST_SLICES: Final = 30
# Fewer alerts in a slice say nothing of their precision.
_FEW: Final = 4
# Frauds come in bursts of one pattern, so that a slice needs days.
_DAYS_OF_SLICE: Final = 1.0


def render_story(over_time: OverTime, console: Console) -> Group | None:
    """Return the plot for this console; None where there is nothing to tell, as without labels."""
    if over_time.latest.value is None:
        return None
    room = max(min(console.width, 100) - _MARGIN, 10)
    n = max(min(_MOST_SLICES, int(over_time.n_days / _DAYS_OF_SLICE)), 1)
    wide = max(room // n, 1)
    slices = over_time.slices(min(n, room))
    day, days = over_time.odds_since_day, over_time.n_days
    mark = None if day is None else day / days
    in_blocks = fits(console.encoding)
    lines = plot_lines(
        f"Alerts that were frauds (precision), by day of the payments, 0 to {days:.0f}",
        [_known(each) for each in slices],
        height=_HEIGHT,
        wide=wide,
        in_blocks=in_blocks,
        mark=mark,
    )
    if day is not None:
        at = lines[-1].index("▲" if in_blocks else "^")
        said = f"the odds take over: day {day:.1f}"
        lines[-1] += f" {said}"
        if len(lines[-1]) > console.width:
            lines[-1] = f"{said} ".rjust(at) + lines[-1][at]
    lines += plot_lines(
        "Frauds that were alerted (recall)",
        [each.recall.value for each in slices],
        height=_HEIGHT // 2,
        wide=wide,
        in_blocks=in_blocks,
    )
    return Group(*(Text(line, no_wrap=True) for line in lines), *map(Text, _said(over_time)))


def _known(each: Slice) -> float | None:
    return each.precision.value if each.precision.of >= _FEW else None


def _said(over_time: OverTime) -> list[str]:
    """Return what it came to, in sentences."""
    note = (
        "By the labels of all payments, judged or not; alerts drawn at random from below the line are "
        "not in it."
    )
    halves = over_time.before_and_after()
    if halves is None:
        whole = over_time.between(0.0, over_time.n_days + 1.0)
        return [
            f"The odds have not taken over: too few frauds were judged. {_of(whole)}.",
            note,
        ]
    before, after = halves
    last = over_time.between(over_time.n_days * 2 / 3, over_time.n_days * (1 + 1e-9))
    return [
        f"Before the odds took over: {_of(before)}.",
        f"Since then:                {_of(after)}.",
        f"In the last third of days: {_of(last)}.",
        note,
    ]


def _of(each: Slice) -> str:
    return f"{share_text(each.precision)} alerts frauds, {share_text(each.recall)} frauds alerted"
