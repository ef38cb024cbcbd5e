"""A comparison of groups as one HTML file that needs nothing else: to be mailed, printed and kept.

Each row has its ratio to the rest drawn on one logarithmic axis, so that half and twice are equally far
from 1, with the interval, and the band of four fifths behind it.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any, Final

from streamer.fairness.disparity import MEASURES
from streamer.fairness.fairness_findings import headline

__all__ = ["fairness_page"]

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; } h3 { font-size: 1rem;
  margin: 1.2rem 0 .2rem; }
table { border-collapse: collapse; width: 100%; } .scroll { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #ddd;
  vertical-align: middle; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.quiet { color: #595959; } .differs td, .differs th { font-weight: 600; }
svg { width: 15rem; height: 1.3rem; display: block; }
.fifths { fill: #e4e7eb; } .one { stroke: #8a8a8a; } .range { stroke: #0b6e99; stroke-width: 2; }
.at { fill: #0b6e99; } .differs .range { stroke: #b5531c; } .differs .at { fill: #b5531c; }
@media (prefers-color-scheme: dark) { body { background: #16181a; color: #e6e6e6; }
  th, td { border-color: #3a3d40; } .quiet { color: #a8a8a8; } .fifths { fill: #2b2f33; }
  .range { stroke: #58b4dc; } .at { fill: #58b4dc; } .differs .range { stroke: #e8915f; }
  .differs .at { fill: #e8915f; } }
@media print { section { break-inside: avoid; } }
"""
_WIDTH: Final = 240
_HEIGHT: Final = 20
_MOST: Final = 8.0
"""The ratio at the right end of the axis; its inverse is at the left one."""


def fairness_page(found: dict[str, Any]) -> str:
    """Return the page of what was ``found`` (`fairness_findings`)."""
    title = "Groups of payments side by side"
    parts = [
        f"<h1>{title}</h1>",
        f"<p><strong>{escape(headline(found))}</strong></p>",
        _findings(found["findings"]),
        f'<p class="quiet">{escape(_key(found["least"]))}</p>',
        *(_dimension(name, of_it) for name, of_it in found["dimensions"].items()),
        "<h2>How, and what it does not say</h2>",
        f"<p>{escape(found['method'])}</p>",
        f"<p>{escape(found['convention'])}</p>",
        "<p>What is compared is payments, by what they say of themselves. Nothing here knows who pays, "
        "nor why groups differ.</p>",
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
    )
    return f"{head}{''.join(parts)}</main></body></html>\n"


def _findings(sentences: list[str]) -> str:
    if not sentences:
        return "<p>No group differs from the rest by more than chance would.</p>"
    return "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in sentences) + "</ul>"


def _key(least: dict[str, int]) -> str:
    return (
        f"A group is told from {least['payments']:,} payments on, its precision from "
        f"{least['alerts']:,} judged alerts, its recall from {least['frauds']:,} frauds, its cards "
        f"from {least['cards']:,} on. Each is held against all other payments of its kind. Intervals "
        "are of 95%; what differs does so beyond chance among all that were compared, and is set in "
        f"bold. Drawn is the ratio, from 1/{_MOST:g} to {_MOST:g}, 1 in the middle and the band of "
        "four fifths."
    )


def _dimension(name: str, of_it: dict[str, Any]) -> str:
    parts = [f"<h2>By {escape(name)}</h2><p>{escape(_sentence(of_it['told']))}</p>"]
    for measure, meaning in MEASURES.items():
        rows = [
            _row(group["name"], each)
            for group in of_it["groups"]
            for each in group["compared"]
            if each["measure"] == measure
        ]
        if rows:
            heads = (
                f'<tr><th scope="col">{escape(name)}</th><th scope="col" class="n">share</th>'
                '<th scope="col" class="n">of</th><th scope="col" class="n">the rest</th>'
                '<th scope="col" class="n">ratio</th><th scope="col">drawn</th></tr>'
            )
            table = f'<div class="scroll"><table>{heads}{"".join(rows)}</table></div>'
            parts.append(f"<section><h3>{escape(_sentence(meaning))}</h3>{table}</section>")
    return "".join(parts)


def _row(name: str, each: dict[str, Any]) -> str:
    low, high = each["ratio_interval"]
    ratio = "" if each["ratio"] is None else f"{each['ratio']:.2f}"
    ends = f"{low:.2f} to {'any' if high is None else f'{high:.2f}'}"
    marked = ' class="differs"' if each["is_finding"] else ""
    return (
        f'<tr{marked}><th scope="row">{escape(name)}</th>'
        f'<td class="n">{_share(each["share"])} <span class="quiet">({_share(each["interval"][0])} to '
        f'{_share(each["interval"][1])})</span></td><td class="n">{each["of"]:,.0f}</td>'
        f'<td class="n">{_share(each["rest"])}</td>'
        f'<td class="n">{ratio} <span class="quiet">({ends})</span></td>'
        f"<td>{_drawn(each['ratio'], low, high)}</td></tr>"
    )


def _drawn(ratio: float | None, low: float | None, high: float | None) -> str:
    """Return the ratio on its axis; its words stand beside it."""
    left, right = _at(0.8), _at(1.25)
    ends = _at(low or 0.0), _at(_MOST if high is None else high)
    at = "" if ratio is None else f'<circle class="at" cx="{_at(ratio)}" cy="10" r="4"/>'
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true"><rect class="fifths" x="{left}" '
        f'width="{right - left:.1f}" height="{_HEIGHT}"/><line class="one" x1="{_at(1.0)}" '
        f'x2="{_at(1.0)}" y2="{_HEIGHT}"/><line class="range" x1="{ends[0]}" x2="{ends[1]}" y1="10" '
        f'y2="10"/>{at}</svg>'
    )


def _at(ratio: float) -> float:
    """Return where a ratio lies.

    >>> _at(0.125), _at(1.0), _at(8.0), _at(0.0), _at(100.0)
    (5.0, 120.0, 235.0, 5.0, 235.0)
    """
    log = math.log(min(max(ratio, 1.0 / _MOST), _MOST)) / math.log(_MOST)
    return round(_WIDTH / 2 + log * (_WIDTH / 2 - 5), 1)


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.3g}%"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
