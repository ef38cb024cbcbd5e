"""A backtest as an object of plain values: ``--json`` prints it, tables and page are made of it."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

from streamer.backtesting.comparison import Found
from streamer.backtesting.examples import KINDS, Example
from streamer.backtesting.two_runs import Backtest, Side
from streamer.datafiles import FileReport
from streamer.evaluation.alert_figures import BLOCKS, Workload

__all__ = ["report"]


def report(backtest: Backtest, file_report: FileReport) -> dict[str, Any]:
    """Return the figures, the examples and what became of the file's rows."""
    compared, request = backtest.comparison, backtest.request
    return {
        "changes": list(request.changes),
        "rows": backtest.n_rows,
        "from_row": backtest.first_row,
        "payments": compared.n_payments,
        "labelled": compared.n_labelled,
        "frauds": compared.n_frauds,
        "alerts": {
            name: {"n": n, "frauds": n_frauds if compared.n_labelled else None}
            for name, n, n_frauds in (
                ("kept", compared.kept, compared.kept_frauds),
                ("gained", compared.gained, compared.gained_frauds),
                ("lost", compared.lost, compared.lost_frauds),
            )
        },
        "jaccard": compared.jaccard,
        "base": _side(request.base, compared.base, compared.base_found, backtest.n_verdicts[0]),
        "changed": _side(
            request.changed, compared.changed, compared.changed_found, backtest.n_verdicts[1]
        ),
        "examples": {kind: list(map(_example, backtest.examples[kind])) for kind in KINDS},
        "elapsed_s": round(backtest.elapsed_s, 1),
    } | file_report.to_dict()


def _side(side: Side, load: Workload, found: Found | None, n_verdicts: int) -> dict[str, Any]:
    worst = zip(BLOCKS, load.worst, strict=True)
    said: dict[str, Any] = {
        "name": side.name,
        "alert_budget": side.budget,
        "alerts": load.n,
        "budget_ratio": _number(load.budget_ratio),
        **{f"worst_{size}": _number(ratio) for size, ratio in worst},
        "verdicts": n_verdicts,
    }
    if found is None:
        return said | {"confusion": None, "precision": None, "recall": None}
    return said | {
        "confusion": asdict(found),
        "precision": found.precision,
        "recall": found.recall,
    }


def _example(example: Example) -> dict[str, Any]:
    return asdict(example) | {"at": example.at.isoformat(), "why": example.why()}


def _number(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None
