"""A backtest as one HTML file that needs nothing else: to be mailed, printed and kept."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any, Final

from streamer.backtesting.examples import KINDS

__all__ = ["page_of"]

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } .scroll { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #ddd; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
img { max-width: 100%; } .quiet { color: #595959; }
@media (prefers-color-scheme: dark) { body { background: #16181a; color: #e6e6e6; }
  th, td { border-color: #3a3d40; } .quiet { color: #a8a8a8; } img { background: #fff; } }
"""


def page_of(result: dict[str, Any], png: bytes) -> str:
    """Return the page of ``result`` (`backtest_report`), with the plot of its days."""
    picture = b64encode(png).decode()
    title = f"Backtest: {'; '.join(result['changes'])}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_about(result))}</p>",
        _sides(result),
        "<h2>What the change does to the alerts</h2>",
        _alerts(result),
        f'<p><img alt="Alerts a day of both configurations" src="data:image/png;base64,{picture}"></p>',
        *(_examples(KINDS[kind], result["examples"][kind]) for kind in KINDS),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
    )
    return f"{head}{''.join(parts)}</main></body></html>\n"


def _about(result: dict[str, Any]) -> str:
    labels = (
        f"{result['labelled']:,} of them have a label, {result['frauds']:,} are frauds."
        if result["labelled"]
        else "None of them has a label, so nobody can say which alerts were right."
    )
    return (
        f"Both configurations ran over {result['rows']:,} payments from the beginning; compared are "
        f"the {result['payments']:,} from row {result['from_row']:,} on. {labels}"
    )


def _sides(result: dict[str, Any]) -> str:
    sides = result["base"], result["changed"]
    known = [side["confusion"] or {} for side in sides]
    rows = [
        ["alerts", *(f"{side['alerts']:,}" for side in sides)],
        ["alert budget", *(f"{side['alert_budget']:.2%}" for side in sides)],
        ["alerts over budget", *(_ratio(side["budget_ratio"]) for side in sides)],
        ["the same, worst 5,000 payments", *(_ratio(side["worst_5000"]) for side in sides)],
        ["the same, worst 50,000 payments", *(_ratio(side["worst_50000"]) for side in sides)],
        ["frauds alerted", *(_count(each.get("frauds_alerted")) for each in known)],
        ["frauds missed", *(_count(each.get("frauds_missed")) for each in known)],
        ["legitimate alerted", *(_count(each.get("legitimate_alerted")) for each in known)],
        ["legitimate passed", *(_count(each.get("legitimate_passed")) for each in known)],
        ["precision", *(_share(side["precision"]) for side in sides)],
        ["recall", *(_share(side["recall"]) for side in sides)],
    ]
    return _table(("", *(side["name"] for side in sides)), rows)


def _alerts(result: dict[str, Any]) -> str:
    meaning = {"kept": "of both", "gained": "with the change alone", "lost": "without it alone"}
    rows = [
        [f"{name}: {meaning[name]}", f"{counts['n']:,}", _count(counts["frauds"])]
        for name, counts in result["alerts"].items()
    ]
    return _table(("alerts", "n", "of them frauds"), rows)


def _examples(title: str, examples: list[dict[str, Any]]) -> str:
    if not examples:
        return f'<h2>{escape(title)}</h2><p class="quiet">None.</p>'
    rows = []
    for each in examples:
        currency = f" {each['currency']}" if each["currency"] else ""
        rows.append(
            [
                f"{each['at'][:16].replace('T', ' ')}\n{each['transaction_id'] or ''}",
                f"{each['amount']:,.2f}{currency}",
                each["label"] or "not known",
                "\n".join([*each["sentences"], f"({each['why']})"]),
            ]
        )
    return f"<h2>{escape(title)}</h2>" + _table(("payment", "amount", "label", "why"), rows, (1,))


def _table(head: tuple[str, ...], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """Return a table, its columns behind the first of numbers unless it is said which are."""
    right = numbers or tuple(range(1, len(head)))

    def line(cells: tuple[str, ...] | list[str], tag: str) -> str:
        marked = (' class="n"' if i in right else "" for i in range(len(cells)))
        told = (escape(cell).replace("\n", "<br>") for cell in cells)
        return "".join(f"<{tag}{m}>{c}</{tag}>" for m, c in zip(marked, told, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{line(head, "th")}</tr>{body}</table></div>'


def _count(value: int | None) -> str:
    return "not known" if value is None else f"{value:,}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1%}"
