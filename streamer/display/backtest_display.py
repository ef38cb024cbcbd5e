"""A backtest in the terminal, from the object that ``--json`` prints."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

__all__ = ["render"]

_EXAMPLES: Final = 3


def render(result: dict[str, Any]) -> Group:
    """Return the headline, both sides, what changed, and a few examples."""
    parts: list[Any] = [Text(_headline(result), style="bold"), Text(), _sides(result), Text()]
    parts += [_changes(result), Text()]
    for title, kind in (("Gained", "gained"), ("Lost", "lost"), ("Missed", "missed_frauds")):
        for example in result["examples"][kind][:_EXAMPLES]:
            parts.append(Text(f"{title}: {told(example)}"))
    return Group(*parts)


def told(example: dict[str, Any]) -> str:
    """Return one payment in a line: when, what, how it was ranked, and the first reason."""
    currency = f" {example['currency']}" if example["currency"] else ""
    said = f"{example['at'][:16].replace('T', ' ')}  {example['amount']:,.2f}{currency}"
    if example["label"]:
        said += f" ({example['label']})"
    said += f", {example['why']}"
    return f"{said}. {example['sentences'][0]}" if example["sentences"] else said


def _headline(result: dict[str, Any]) -> str:
    frauds = f", {result['frauds']:,} frauds" if result["labelled"] else ", no labels"
    return (
        f"{'; '.join(result['changes'])}: {result['payments']:,} payments from row "
        f"{result['from_row']:,} on{frauds}"
    )


def _sides(result: dict[str, Any]) -> Table:
    table = Table("", box=None)
    for heading in ("alerts", "of the budget", "worst 5,000", "precision", "recall"):
        table.add_column(heading, justify="right")
    for name in ("base", "changed"):
        side = result[name]
        table.add_row(
            side["name"],
            f"{side['alerts']:,}",
            _ratio(side["budget_ratio"]),
            _ratio(side["worst_5000"]),
            _share(side["precision"]),
            _share(side["recall"]),
        )
    return table


def _changes(result: dict[str, Any]) -> Table:
    table = Table("alerts", box=None)
    table.add_column("n", justify="right")
    table.add_column("of them frauds", justify="right")
    for name, counts in result["alerts"].items():
        frauds = "not known" if counts["frauds"] is None else f"{counts['frauds']:,}"
        table.add_row(name, f"{counts['n']:,}", frauds)
    return table


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1%}"
