"""Two commits' figures side by side: medians, and the ratios of the rounds; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from load.figures import Spread
from load.scenario_figures import ScenarioFigures

__all__ = ["Compared", "compared", "markdown"]


class Compared(msgspec.Struct, frozen=True):
    """One figure of both commits; ``ratio`` is head over base, of each round."""

    name: str
    base: Spread
    head: Spread
    ratio: Spread


def compared(rounds: Sequence[Mapping[str, ScenarioFigures]]) -> list[Compared]:
    """Return each figure that every run has."""
    told = [{side: _figures(each) for side, each in done.items()} for done in rounds]
    names = [
        name for name in told[0]["base"] if all(name in one for t in told for one in t.values())
    ]
    found = []
    for name in names:
        base, head = ([done[side][name] for done in told] for side in ("base", "head"))
        ratios = [h / b for b, h in zip(base, head, strict=True) if b]
        if ratios:
            found.append(Compared(name, _spread(base), _spread(head), _spread(ratios)))
    return found


def markdown(rows: Sequence[Compared]) -> str:
    """Return the table: medians, and the median ratio with the least and the most."""
    lines = ["| | base | head | head / base, least to most |", "|---|---:|---:|---:|"]
    for row in rows:
        ratio = row.ratio
        lines.append(
            f"| {row.name} | {row.base.median:,.1f} | {row.head.median:,.1f} | "
            f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) |"
        )
    return "\n".join(lines)


def _figures(figures: ScenarioFigures) -> dict[str, float]:
    return {
        "messages/s": figures.per_second,
        "caught up after, s": figures.caught_up_s,
        "worker's CPU, µs a message": figures.cpu_us,
        "largest lag": float(figures.largest_lag),
        "alerts": float(figures.n_alerts),
        "sent late, p99, ms": figures.lateness.p99_ms,
        **{f"{name}, ms": ms for name, ms in figures.alerts.items()},
    }


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
