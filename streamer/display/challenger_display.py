"""Challengers for people: the list, and each against the main line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from streamer.challenging.compared import Compared, FoundFrauds
from streamer.challenging.standing import Standing
from streamer.display.output import table_console

__all__ = ["as_rows", "print_challengers", "print_compared"]


def as_rows(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """Return what JSON says; an end that is not known is null."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(list(found))
    for row in rows:
        for frauds in row["frauds"].values():
            frauds["high"] = frauds["high"] if math.isfinite(frauds["high"]) else None
    return rows


def print_challengers(standings: Sequence[Standing]) -> None:
    """Print one line for each."""
    table = Table("name", "differs in", "since", "by", "version", "transactions seen", box=None)
    for each in standings:
        table.add_row(
            each.name,
            each.challenge.told(),
            each.started_at,
            each.started_by,
            each.version[:12],
            f"{each.transactions_seen:,}",
        )
    table_console().print(table)


def print_compared(found: Sequence[Compared]) -> None:
    """Print each against the main line."""
    console = Console()
    for each in found:
        console.print(f"\n[bold]{each.name}[/bold] {each.differs_in}", highlight=False)
        for line in _lines(each):
            console.print(f"  {line}", highlight=False, soft_wrap=True)


def _lines(each: Compared) -> list[str]:
    alerts, psi = each.alerts, each.score_psi
    lines = [
        f"compared on {each.payments_compared:,} payments since {each.started_at}",
        f"alerts: {alerts['both']:,} of both, {alerts['only main']:,} of the main line alone, "
        f"{alerts['only challenger']:,} of the challenger alone; overlap {_percent(each.overlap)}",
    ]
    lines += [f"frauds, {who}: {_frauds(found)}" for who, found in each.frauds.items()]
    lines += [
        f"{what}: {_percent(shares['main'])} of the main line, {_percent(shares['challenger'])} of the "
        "challenger"
        for what, shares in (("precision", each.precision), ("recall", each.recall))
    ]
    return [
        *lines,
        f"scores have moved by a PSI of {psi['main']:.3f} and {psi['challenger']:.3f}",
        f"cost: {_percent(each.cost_ratio)} of the main line's CPU",
    ]


def _frauds(found: FoundFrauds) -> str:
    """Return a count, and its interval where it is an estimate."""
    text = f"{found.frauds:,.0f}"
    if found.low != found.high:
        high = f"{found.high:,.0f}" if math.isfinite(found.high) else "?"
        text += f" ({found.low:,.0f} to {high})"
    return f"{text} from {found.judged:,.0f} judged, {found.told:,.0f} told unasked"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"
