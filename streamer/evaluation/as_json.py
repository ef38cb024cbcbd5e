"""An evaluation as the object that ``--json`` prints and ``--out`` keeps."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import Any

from streamer.datafiles import FileReport
from streamer.evaluation.alert_figures import BLOCKS, AlertFigures, Value, Workload
from streamer.evaluation.breaks import BreakFigures
from streamer.evaluation.evaluate import Evaluation
from streamer.evaluation.label_plan import LabelPlan
from streamer.evaluation.published import NOTE, published
from streamer.evaluation.resampling import METRICS

__all__ = ["report"]


def report(evaluation: Evaluation, file_report: FileReport) -> dict[str, Any]:
    """Return the figures as plain values; a figure that there is none of is None.

    Each detector is there under its own name, and all of them in order under ``detectors``.
    """
    request, labels = evaluation.request, evaluation.request.passing.labels
    detectors = {name: _detector(evaluation, name) for name in evaluation.figures}
    beside = published(request.protocol)
    return {
        "protocol": request.protocol,
        "labels": labels.which,
        "label_delay_s": labels.delay_ms / 1000 if labels.teaches else None,
        "judged_after_s": labels.judged_after_ms / 1000 if labels.which == "selective" else None,
        "chargebacks": _chargebacks(labels),
        "breaks": [
            {"kind": each.kind, "first_day": str(each.first_day), "victims": each.n_victims}
            for each in request.breaks
        ],
        "measured_rows": None if request.span is None else [request.span.first, request.span.last],
        "weeks": [fold.name for fold in evaluation.window.folds if fold.name],
        "rows": len(evaluation.sample),
        "frauds": int(evaluation.sample.frauds.sum()),
        "cards": int(evaluation.sample.cards.max()) + 1,
        "rows_in_file": len(evaluation.passed.rows),
        "alert_budget": request.budget,
        "reserve": request.passing.pipeline.model.reserve_share,
        "sample": request.passing.pipeline.model.sample_share,
        "rank_by": request.passing.pipeline.model.rank_by,
        "review_cost": request.passing.pipeline.model.review_cost,
        "review_spend_per_day": request.passing.pipeline.model.review_spend_per_day,
        "seed": request.seed,
        "resamples": request.n_resamples,
        "verdicts": evaluation.passed.n_verdicts,
        "detectors": detectors,
        "scenarios": detectors["streamer"]["scenarios"],
        "published": beside,
        "n_late": file_report.n_late,
        "refused": file_report.refused,
        "notes": [*([NOTE] if beside else []), *file_report.notes, *evaluation.notes],
        "elapsed_s": {name: round(s, 2) for name, s in evaluation.elapsed_s.items()},
        **detectors,
    }


def _chargebacks(labels: LabelPlan) -> dict[str, float] | None:
    if labels.which != "selective" or labels.chargebacks is None:
        return None
    coming = labels.chargebacks
    return {
        "share": coming.share,
        "after_s": coming.first_ms / 1000,
        "until_s": coming.last_ms / 1000,
    }


def _detector(evaluation: Evaluation, name: str) -> dict[str, Any]:
    figures, alerts = evaluation.figures[name], evaluation.alerts
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
    weeks = [fold.name for fold in evaluation.window.folds]
    if len(weeks) > 1:
        values["weeks"] = {
            week: {metric: _number(value) for metric, value in of_week.items()}
            for week, of_week in zip(weeks, figures.folds, strict=True)
        }
    own = alerts.by_detector[name]
    values["alerts"] = _alerts(own.figures)
    if name == "streamer":
        values["reliability"] = {
            how: [{key: _number(value) for key, value in each._asdict().items()} for each in groups]
            for how, groups in evaluation.reliability._asdict().items()
        }
        values["before_fuse"] = _workload(alerts.before_fuse)
        values["causal_threshold"] = _alerts(alerts.by_threshold.figures)
    if evaluation.request.breaks:
        values["breaks"] = {kind: _break(of_kind) for kind, of_kind in own.breaks.items()}
        values["other_frauds_recall"] = _number(own.other_recall)
    return values


def _alerts(figures: AlertFigures) -> dict[str, Any]:
    """Return alerts as an object; what only a sample below the threshold can say is None without it."""
    told = figures.estimate
    recall = None if told is None else told.recall
    interval = None if told is None else told.recall_interval
    return {
        **_workload(figures.workload),
        "precision": _number(figures.precision),
        "recall": _number(figures.recall),
        "recall_unbiased": None if recall is None else _number(recall),
        "interval": None if interval is None else [_number(end) for end in interval],
        "sampled": None if told is None else round(told.n_sampled),
        "sampled_frauds": None if told is None else round(told.n_found),
        "value": None if figures.value is None else _value(figures.value),
    }


def _value(value: Value) -> dict[str, float | None]:
    """Return in the reference currency what the frauds were worth that alerted, and the others."""
    return {name: _number(each) for name, each in asdict(value).items()}


def _workload(workload: Workload) -> dict[str, Any]:
    worst = zip(BLOCKS, workload.worst, strict=True)
    return {
        "n": workload.n,
        "budget_ratio": _number(workload.budget_ratio),
        **{f"worst_{size}": _number(ratio) for size, ratio in worst},
    }


def _break(figures: BreakFigures) -> dict[str, Any]:
    within = {
        f"within_{days}_days": {"victims": n_victims, "alerted": n_alerted}
        for days, n_victims, n_alerted in figures.within
    }
    return {"payments": figures.n_payments, **within}


def _number(value: float) -> float | None:
    return round(value, 6) if isfinite(value) else None
