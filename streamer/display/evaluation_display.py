"""An evaluation as tables for a person, from the object that ``--json`` prints."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streamer.durations import DAY_S

__all__ = ["render"]

_PAIR_WIDTH: Final = len("0.000/0.000")
# More detectors than these do not fit beside each other in a hundred columns.
_SIDE_BY_SIDE: Final = 5
_WEEKLY: Final = ("auc_roc", "average_precision", "cp_at_100", "recall_at_budget")
_CP_AT_100: Final = (
    "CP@100: of the 100 cards that rank highest on a day, the share with a fraud that day, averaged; a "
    "card found is left out of later days"
)
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
    if result["weeks"][1:]:
        parts += [Text(), _weeks(result)]
    parts += [Text(), _alerts(result)]
    if reliability := result["detectors"]["streamer"]["reliability"]["by_expected_frauds"]:
        parts += [Text(), _reliability(reliability)]
    if result["breaks"]:
        parts += [Text(), _breaks(result)]
    if result["scenarios"]:
        names = list(result["detectors"])
        for first in range(0, len(names), _SIDE_BY_SIDE):
            parts += [Text(), _scenarios(result, names[first : first + _SIDE_BY_SIDE])]
    if result["published"]:
        parts += [Text(), _published(result)]
    parts.append(Text())
    parts += [Text(f"- {note}") for note in result["notes"]]
    return Group(*parts)


def _headline(result: dict[str, Any]) -> str:
    return (
        f"{result['protocol']}: {result['frauds']:,} frauds in {result['rows']:,} payments of "
        f"{result['cards']:,} cards; {_labels(result)}"
    )


def _labels(result: dict[str, Any]) -> str:
    if result["labels"] == "none":
        return "no labels"
    if result["labels"] == "all":
        return f"labels {_days(result['label_delay_s'])} late"
    said = f"alerts judged after {_days(result['judged_after_s'])}"
    coming = result["chargebacks"]
    if coming is None:
        return f"{said}, no chargebacks"
    after, until = _days(coming["after_s"]), _days(coming["until_s"])
    when = after if after == until else f"{coming['after_s'] / DAY_S:g} to {until}"
    return f"{said}, {coming['share']:.0%} of other frauds after {when}"


def _days(seconds: float) -> str:
    days = seconds / DAY_S
    return f"{days:g} day{'' if days == 1 else 's'}"


def _detectors(result: dict[str, Any]) -> Group:
    budget = f"{result['alert_budget']:.2%}"
    title = f"Detectors; precision and recall with {budget} of payments alerted; 95% intervals"
    table = _table("detector")
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right", min_width=_PAIR_WIDTH)
    for name, figures in result["detectors"].items():
        cells = [_with_interval(figures[m], figures["intervals"][m]) for m in _HEADINGS]
        table.add_row(name, *cells)
    return Group(_titled(title, table), Text(_CP_AT_100, style="dim"))


def _weeks(result: dict[str, Any]) -> Group:
    table = _table("detector")
    for week in result["weeks"]:
        table.add_column(week, justify="right", no_wrap=True)
    for name, figures in result["detectors"].items():
        cells = [
            "/".join(_short(of_week[m]) for m in _WEEKLY) for of_week in figures["weeks"].values()
        ]
        table.add_row(name, *cells)
    return _titled("Week by week: AUC ROC/avg. precision/CP@100/recall", table)


def _alerts(result: dict[str, Any]) -> Group:
    title = (
        "Alerts, also as a multiple of the budget: of all payments, of the worst 5,000 and 50,000"
    )
    table = _table("detector")
    headings = ("alerts", "of all", "of 5,000", "of 50,000", "precision", "recall", "of losses")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    own = result["detectors"]["streamer"]
    rows = {"streamer, as sent": own["alerts"], "  without the fuse": own["before_fuse"]}
    rows["  by one causal threshold"] = own["causal_threshold"]
    rows |= {n: of["alerts"] for n, of in result["detectors"].items() if n != "streamer"}
    for name, of_it in rows.items():
        ratios = [_ratio(of_it[m]) for m in ("budget_ratio", "worst_5000", "worst_50000")]
        right = [_figure(of_it.get(m)) for m in ("precision", "recall")]
        right.append(_figure((of_it.get("value") or {}).get("share")))
        table.add_row(name, f"{of_it['n']:,}", *ratios, *right)
    told = own["alerts"]
    if told["interval"] is not None:
        low, high = map(_figure, told["interval"])
        # With no fraud among the sampled the estimate is 1, which says nothing.
        found = f"{_figure(told['recall_unbiased'])} ({low} to {high})"
        recall = found if told["sampled_frauds"] else f"at least {low}, none of these is fraud"
        title += f"\nRecall by verdicts on alerts and {told['sampled']:,} sampled: {recall}"
    return _titled(title, table)


def _reliability(groups: list[dict[str, Any]]) -> Group:
    title = (
        "Probabilities: what was told, and how many were frauds, by tenths of the frauds expected"
    )
    table = _table("payments")
    for heading in ("told", "frauds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in groups:
        shares = (f"{100 * each[name]:.2f}%" for name in ("probability", "fraud_share"))
        table.add_row(f"{each['n']:,}", *shares)
    return _titled(title, table)


def _breaks(result: dict[str, Any]) -> Group:
    title = "New modes of fraud: victims alerted in 2 days/in 8 days; recall of other frauds"
    table = _table("detector")
    for asked in result["breaks"]:
        table.add_column(asked["kind"], justify="right", no_wrap=True)
    table.add_column("others", justify="right", no_wrap=True)
    for name, figures in result["detectors"].items():
        cells = [
            "/".join(f"{w['alerted']} of {w['victims']}" for w in _within(of_kind))
            for of_kind in figures["breaks"].values()
        ]
        table.add_row(name, *cells, _figure(figures["other_frauds_recall"]))
    return _titled(title, table)


def _within(of_kind: dict[str, Any]) -> list[dict[str, int]]:
    return [value for name, value in of_kind.items() if name.startswith("within_")]


def _table(first_column: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first_column, no_wrap=True)
    return table


def _titled(title: str, table: Table) -> Group:
    """Return a table under its title: as the table's own it would be no wider than that."""
    return Group(Text(title, style="italic"), table)


def _with_interval(value: float | None, ends: list[float | None]) -> Text:
    low, high = ends
    text = Text(_figure(value), style="bold")
    if low is not None and high is not None:
        text.append(f"\n{_figure(low)}-{_figure(high)}", style="not bold dim")
    return text


def _scenarios(result: dict[str, Any], names: list[str]) -> Group:
    title = "Fraud scenarios: AUC ROC against all legitimate payments/recall at the budget"
    table = _table("scenario")
    table.add_column("frauds", justify="right")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right", min_width=_PAIR_WIDTH)
    for scenario, own in result["scenarios"].items():
        cells = []
        for name in names:
            of_it = result["detectors"][name]["scenarios"][scenario]
            cells.append(f"{_figure(of_it['auc_roc'])}/{_figure(of_it['recall_at_budget'])}")
        table.add_row(scenario, f"{own['frauds']:,}", *cells)
    return _titled(title, table)


def _published(result: dict[str, Any]) -> Group:
    table = _table("detector")
    for heading in ("AUC ROC", "avg. precision", "CP@100"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trained")
    for row in result["published"]:
        figures = [_figure(row[m]) for m in ("auc_roc", "average_precision", "cp_at_100")]
        table.add_row(row["detector"], *figures, row["trained"])
    return _titled("Published", table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".removeprefix("0")


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
