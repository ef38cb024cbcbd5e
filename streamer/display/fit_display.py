"""A fit as one object, for ``--json``, and as a table for a person."""

from __future__ import annotations

import shlex
from typing import Any, Final

from rich.bar import Bar
from rich.console import Group
from rich.table import Table
from rich.text import Text

from streamer.fitting.choosing import quality, strength
from streamer.fitting.fit import Fit

__all__ = ["next_steps", "render", "report"]

_BAR_WIDTH: Final = 24


def report(fit: Fit) -> dict[str, Any]:
    """Return what was measured and chosen, and the version's id and figures."""
    return {
        "payments": fit.n_fitting + fit.n_held_back,
        "held_back": fit.n_held_back,
        "curve": [
            {
                "n_clusters": point.n_clusters,
                "silhouette": point.silhouette,
                "stability": point.stability,
                "stability_error": point.stability_error,
                "quality": quality(point),
            }
            for point in fit.points
        ],
        "n_clusters": fit.chosen.n_clusters,
        "structure": strength(fit.chosen.silhouette or 0.0),
        "version": fit.version_id,
        "size_bytes": len(fit.version),
        "transactions_seen": fit.transactions_seen,
        "dead_lettered": fit.dead_lettered,
        "model_versions": fit.model_versions,
    }


def render(result: dict[str, Any], path: str) -> Group:
    """Return the curve with the choice marked, and what it means."""
    k = result["n_clusters"]
    chosen = next(point for point in result["curve"] if point["n_clusters"] == k)
    notes = [Text(f"- {note}") for note in result["notes"]]
    return Group(
        _curve(result),
        *([Text(), *notes] if notes else []),
        Text(),
        Text.assemble(
            (f"k = {k}", "bold"),
            ", the largest product of silhouette and stability. A silhouette of "
            f"{chosen['silhouette']:.2f} stands for {result['structure']} (Kaufman and Rousseeuw).",
        ),
        Text(
            "k says how the traffic falls apart, not how well frauds are found; where there are "
            "labels, `streamer evaluate` says that, for any STREAMER_N_CLUSTERS."
        ),
        Text(),
        Text(
            f"Version {result['version'][:12]} has seen {result['transactions_seen']:,} payments "
            f"and is in {path}. A service that has a head already takes it by `streamer model import` "
            "and `streamer model promote VERSION --payments FILE`, which compares the two. To start "
            "the workers of a new one from it:"
        ),
    )


def next_steps(result: dict[str, Any], path: str) -> list[str]:
    """Return the commands that start a worker from the version at ``path``."""
    return [
        f"export STREAMER_N_CLUSTERS={result['n_clusters']}",
        f"streamer model import {shlex.quote(path)} --promote",
        "streamer worker",
    ]


def _curve(result: dict[str, Any]) -> Table:
    table = Table(
        title=(
            f"Fitted to the first {result['payments'] - result['held_back']:,} payments, measured on "
            f"the last {result['held_back']:,}"
        ),
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("k", justify="right")
    table.add_column("silhouette", justify="right")
    table.add_column("stability", justify="right")
    table.add_column("product", justify="right")
    table.add_column("", width=_BAR_WIDTH)
    table.add_column("")
    most = max(point["quality"] or 0.0 for point in result["curve"])
    for point in result["curve"]:
        is_chosen = point["n_clusters"] == result["n_clusters"]
        value = point["quality"] or 0.0
        table.add_row(
            str(point["n_clusters"]),
            _figure(point["silhouette"]),
            f"{point['stability']:.3f} ± {point['stability_error']:.3f}",
            _figure(point["quality"]),
            Bar(most or 1.0, 0, value, width=_BAR_WIDTH, color="green" if is_chosen else "blue"),
            "chosen" if is_chosen else "",
            style="bold" if is_chosen else "",
        )
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
