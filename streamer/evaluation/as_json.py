"""An evaluation as the object that ``--json`` prints and ``--out`` keeps."""

from __future__ import annotations

from math import isfinite
from typing import Any

from streamer.datafiles import FileReport
from streamer.evaluation.evaluate import Evaluation
from streamer.evaluation.published import NOTE, published
from streamer.evaluation.resampling import METRICS, Figures

__all__ = ["report"]


def report(evaluation: Evaluation, file_report: FileReport) -> dict[str, Any]:
    """Return the figures as plain values; a figure that there is none of is None.

    Each detector is there under its own name, and all of them in order under ``detectors``.
    """
    request = evaluation.request
    delay_ms = request.passing.label_delay_ms
    detectors = {name: _detector(figures) for name, figures in evaluation.figures.items()}
    beside = published(request.protocol)
    return {
        "protocol": request.protocol,
        "label_delay_s": None if delay_ms is None else delay_ms / 1000,
        "rows": len(evaluation.sample),
        "frauds": int(evaluation.sample.frauds.sum()),
        "cards": int(evaluation.sample.cards.max()) + 1,
        "rows_in_file": len(evaluation.passed.rows),
        "alert_budget": request.budget,
        "seed": request.seed,
        "resamples": request.n_resamples,
        "detectors": detectors,
        "scenarios": detectors["streamer"]["scenarios"],
        "published": beside,
        "n_late": file_report.n_late,
        "refused": file_report.refused,
        "notes": [*([NOTE] if beside else []), *file_report.notes, *evaluation.notes],
        "elapsed_s": {name: round(s, 2) for name, s in evaluation.elapsed_s.items()},
        **detectors,
    }


def _detector(figures: Figures) -> dict[str, Any]:
    values: dict[str, Any] = {name: _number(figures.values[name]) for name in METRICS}
    values["intervals"] = {
        name: [_number(end) for end in ends] for name, ends in figures.intervals.items()
    }
    values["scenarios"] = {
        name: {
            "frauds": scenario.n_frauds,
            "auc_roc": _number(scenario.auc_roc),
            "recall_at_budget": _number(scenario.recall_at_budget),
        }
        for name, scenario in figures.scenarios.items()
    }
    return values


def _number(value: float) -> float | None:
    return round(value, 6) if isfinite(value) else None
