"""The drift of a version as one HTML file that needs nothing else: to be mailed, printed and kept."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from streamer.drifting.drift_svg import feature_svg

__all__ = ["drift_page", "headline", "told_reference"]

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0; }
table { border-collapse: collapse; width: 100%; } .scroll { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #ddd; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.level { white-space: nowrap; } .quiet { color: #595959; } .moved { font-weight: 600; }
section { margin: 1.5rem 0; max-width: 42rem; }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: #595959; }
.before { fill: #c9ccd1; } .now { fill: none; stroke: #0b6e99; stroke-width: 2; }
.axis { stroke: #8a8a8a; } .latest { stroke: #b5531c; stroke-width: 2; } .dot { fill: #b5531c; }
.key span { display: inline-block; width: .9em; height: .7em; margin: 0 .3em 0 1em; }
@media (prefers-color-scheme: dark) { body { background: #16181a; color: #e6e6e6; }
  th, td { border-color: #3a3d40; } .quiet { color: #a8a8a8; } svg text { fill: #a8a8a8; }
  .before { fill: #4a4f55; } .now { stroke: #58b4dc; } .latest { stroke: #e8915f; }
  .dot { fill: #e8915f; } }
@media print { section { break-inside: avoid; } }
"""
_KEY: Final = (
    '<p class="quiet key"><span style="background:#c9ccd1"></span>reference'
    '<span style="background:#0b6e99"></span>now'
    '<span style="background:#b5531c"></span>nine of ten of the latest payments, and their median. '
    "Heights are shares of payments; amounts are held against the usual amount of their currency.</p>"
)


def drift_page(found: dict[str, Any]) -> str:
    """Return the page of what was ``found`` (`drift_findings`)."""
    title = f"Drift of version {found['version'][:12]}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="moved">{escape(headline(found))}</p>',
        f"<p>{escape(told_reference(found))}</p>",
        f'<p class="quiet">{escape(_limits(found))}</p>',
        _table(found["features"]),
        "<h2>What each feature was, and is</h2>",
        _KEY,
        *(_section(feature, found["currency"]) for feature in found["features"]),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
    )
    return f"{head}{''.join(parts)}</main></body></html>\n"


def headline(found: dict[str, Any]) -> str:
    """Return in a sentence what has moved."""
    if found["reference"] != "settled":
        return (
            "Nothing counts as moved yet: the reference has not settled, and young histories move by "
            "themselves."
        )
    moved = found["moved"]
    n, limit = len(found["features"]), found["limits"]["psi_moved"]
    if not moved:
        return f"None of {n} features has moved (PSI above {limit:g})."
    verb = "has" if len(moved) == 1 else "have"
    return f"{len(moved)} of {n} features {verb} moved, most of all {moved[0]}."


def told_reference(found: dict[str, Any]) -> str:
    """Return what is held against what, and since when."""
    seen, at = found["transactions_seen"], found["reference_transactions"]
    if found["reference"] == "none":
        return f"There is no reference yet, after {seen:,} payments."
    when = found["reference_frozen_at"]
    told = f", on {when[:16].replace('T', ' ')} UTC" if when else ""
    state = (
        "It has settled: only a promotion freezes another."
        if found["reference"] == "settled"
        else "It is provisional, and is frozen anew when there have been half as many payments again."
    )
    before, now = found["remembered"]["reference"], found["remembered"]["now"]
    return (
        f"The reference was frozen after {at:,} payments{told}, {seen - at:,} payments ago. {state} "
        f"It weighs {before:,} payments and recent traffic {now:,}, half of it younger than "
        f"{found['half_life_transactions']:,} payments; the latest are some "
        f"{found['latest_payments']:,}."
    )


def _limits(found: dict[str, Any]) -> str:
    limits = found["limits"]
    by_chance = limits["ks_by_chance"]
    chance = (
        ""
        if by_chance is None
        else f" By chance alone a KS is at most {by_chance:.3f} in 99 of 100 cases, if payments were "
        "independent of one another; those of one card are not, so it is a lower bound."
    )
    return (
        f"A PSI above {limits['psi_moved']:g} counts as moved, one above {limits['psi_watched']:g} is "
        f"to be watched.{chance}"
    )


def _table(features: list[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr class="{"moved" if each["level"] == "moved" else ""}">'
        f'<td>{escape(each["feature"])}</td><td class="n">{each["psi"]:.3f}</td>'
        f'<td class="n">{each["ks"]:.3f}</td><td class="level">{each["level"]}</td>'
        f"<td>{escape(_change(each))}</td></tr>"
        for each in features
    )
    head = (
        '<tr><th>feature</th><th class="n">PSI</th><th class="n">KS</th><th></th>'
        "<th>in words</th></tr>"
    )
    return f'<div class="scroll"><table>{head}{rows}</table></div>'


def _section(feature: dict[str, Any], currency: str) -> str:
    latest = feature["latest"]
    last = "no known value among the latest payments" if latest is None else latest["sentence"]
    known = (
        f"known in {feature['now_known']:.1%} of payments, in the reference "
        f"{feature['usually_known']:.1%}"
    )
    return (
        f"<section><h3>{escape(feature['feature'])}</h3>"
        f'<p class="quiet">{escape(_change(feature))}; {escape(known)}; {escape(last)}</p>'
        f"{feature_svg(feature, currency)}</section>"
    )


def _change(feature: dict[str, Any]) -> str:
    """Return the sentence without the name and the figures that stand beside it."""
    sentence: str = feature["sentence"]
    return sentence.removeprefix(f"{feature['feature']}: ").partition("; PSI")[0]
