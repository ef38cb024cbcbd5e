"""An evaluation as tables for a person, from the object that ``--json`` prints."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

__all__ = ["render"]

_PAIR_WIDTH: Final = len("0.000/0.000")
_HEADINGS: Final = {
    "auc_roc": "AUC ROC",
    "average_precision": "avg. precision",
    "cp_at_100": "CP@100",
    "precision_at_budget": "precision",
    "recall_at_budget": "recall",
}


def render(result: dict[str, Any]) -> Group:
    """Return the tables of detectors, scenarios and published figures, and the notes."""
    parts: list[Any] = [Text(_headline(result), style="bold"), Text(), _detectors(result)]
    if result["detectors"]["streamer"]["scenarios"]:
        parts += [Text(), _scenarios(result)]
    if result["published"]:
        parts += [Text(), _published(result)]
    parts.append(Text())
    parts += [Text(f"- {note}") for note in result["notes"]]
    return Group(*parts)


def _headline(result: dict[str, Any]) -> str:
    delay_s = result["label_delay_s"]
    labels = "no labels" if delay_s is None else f"labels {delay_s / 86_400:g} days late"
    return (
        f"{result['protocol']}: {result['frauds']:,} frauds in {result['rows']:,} payments of "
        f"{result['cards']:,} cards; {labels}"
    )


def _detectors(result: dict[str, Any]) -> Table:
    budget = f"{result['alert_budget']:.2%}"
    table = Table(
        title=f"Detectors; precision and recall with {budget} of payments alerted; 95% intervals",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("detector", no_wrap=True)
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right", min_width=_PAIR_WIDTH)
    for name, figures in result["detectors"].items():
        cells = [_with_interval(figures[m], figures["intervals"][m]) for m in _HEADINGS]
        table.add_row(name, *cells)
    return table


def _with_interval(value: float | None, ends: list[float | None]) -> Text:
    low, high = ends
    text = Text(_figure(value), style="bold")
    if low is not None and high is not None:
        text.append(f"\n{_figure(low)}-{_figure(high)}", style="not bold dim")
    return text


def _scenarios(result: dict[str, Any]) -> Table:
    table = Table(
        title="Fraud scenarios: AUC ROC against all legitimate payments/recall at the budget",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("scenario", no_wrap=True)
    table.add_column("frauds", justify="right")
    for name in result["detectors"]:
        table.add_column(name.replace("_", " "), justify="right", min_width=_PAIR_WIDTH)
    for scenario, own in result["scenarios"].items():
        cells = []
        for figures in result["detectors"].values():
            of_it = figures["scenarios"][scenario]
            cells.append(f"{_figure(of_it['auc_roc'])}/{_figure(of_it['recall_at_budget'])}")
        table.add_row(scenario, f"{own['frauds']:,}", *cells)
    return table


def _published(result: dict[str, Any]) -> Table:
    table = Table(title="Published", title_justify="left", box=None, pad_edge=False)
    table.add_column("detector", no_wrap=True)
    for heading in ("AUC ROC", "avg. precision", "CP@100"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trained")
    for row in result["published"]:
        figures = [_figure(row[m]) for m in ("auc_roc", "average_precision", "cp_at_100")]
        table.add_row(row["detector"], *figures, row["trained"])
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
