"""A whole evaluation: one pass of the pipeline, the protocol's rows, the rivals, the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from streamer.arrays import Floats
from streamer.datafiles import FileBatch, FileReport
from streamer.errors import ConfigurationError
from streamer.evaluation.alert_figures import RECENT
from streamer.evaluation.alerting import Alerts, alerts_of
from streamer.evaluation.breaks import Break
from streamer.evaluation.injection import injected_payments, with_injected
from streamer.evaluation.material import Material
from streamer.evaluation.passing import Pass, PassConfig, run_pass
from streamer.evaluation.protocols import Protocol, Window, window_of
from streamer.evaluation.reliability import Reliability, reliability_of
from streamer.evaluation.resampling import N_RESAMPLES, Figures, Sample, measure
from streamer.evaluation.rivals import (
    DEFAULT_RIVALS,
    learn_from_labels,
    n_of_river,
    require_rivals,
    rival_scores,
)
from streamer.evaluation.river_rivals import first_river_row
from streamer.evaluation.row_range import RowRange, until
from streamer.evaluation.rows import Rows
from streamer.intake.decoding import Decoded, decode_batch

__all__ = ["Evaluation", "Request", "evaluate", "judged", "sample_of"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many rows of it are new, and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure; ``seed`` is that of the rivals, of the bootstrap and of what is drawn.

    ``span`` are the rows of the file that the prequential protocol measures, None for what follows its
    first quarter.  ``breaks`` are put into the file's traffic, each of another kind.
    """

    protocol: Protocol
    passing: PassConfig
    seed: int = 0
    batch_size: int = 4_000
    n_resamples: int = N_RESAMPLES
    span: RowRange | None = None
    rivals: tuple[str, ...] = DEFAULT_RIVALS
    breaks: tuple[Break, ...] = ()

    @property
    def budget(self) -> float:
        return self.passing.pipeline.model.alert_budget


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it; ``scores`` are each detector's, of the rows of ``sample``."""

    request: Request
    passed: Pass
    window: Window
    sample: Sample
    scores: dict[str, Floats]
    figures: dict[str, Figures]
    alerts: Alerts
    reliability: Reliability
    elapsed_s: dict[str, float]
    notes: tuple[str, ...]


def evaluate(
    request: Request, report: FileReport, *, now_ms: int, on_progress: Progress
) -> Evaluation:
    """Run everything that ``request`` asks for over the file of ``report``, which is IN/OUT."""
    require_rivals(request.rivals, with_labels=request.passing.labels.teaches)
    started = time.monotonic()
    passed = _pass(request, report, now_ms, on_progress)
    report.require_payments()
    took = {"streamer": time.monotonic() - started}
    return judged(request, passed, elapsed_s=took, on_progress=on_progress)


def judged(
    request: Request, passed: Pass, *, elapsed_s: dict[str, float], on_progress: Progress
) -> Evaluation:
    """Return the figures of a pass, and of the rivals over its rows.

    ``elapsed_s`` (IN/OUT) is what the pass took, by detector.
    """
    rows = passed.rows
    window = window_of(request.protocol, rows, request.span)
    _require_breaks(request, rows, window)
    compared = window.compared(rows)
    n_river = n_of_river(request.rivals) * (window.end - first_river_row(window))
    material = Material(
        rows,
        window,
        compared,
        request.passing.labels,
        request.seed,
        on_progress=lambda n: on_progress("rivals", n, n_river),
    )
    rivals = rival_scores(material, request.rivals)
    elapsed_s.update({name: rival.elapsed_s for name, rival in rivals.items()})
    of_compared = {"streamer": rows.scores[compared]}
    of_compared |= {name: rival.scores for name, rival in rivals.items()}
    is_measured = window.measured[compared]
    scores = {name: of_detector[is_measured] for name, of_detector in of_compared.items()}
    sample = sample_of(rows, window)
    started = time.monotonic()
    figures = {}
    for name, of_detector in scores.items():
        figures[name] = measure(
            of_detector,
            sample,
            budget=request.budget,
            rng=np.random.default_rng(request.seed),
            n_resamples=request.n_resamples,
        )
        on_progress("intervals", 1, len(scores))
    alerts = alerts_of(of_compared, compared, rows, window, request.budget, request.breaks)
    reliability = reliability_of(rows.probabilities[window.measured], sample.frauds)
    elapsed_s["metrics"] = time.monotonic() - started
    notes = _notes(request, passed, window)
    found = scores, figures, alerts, reliability
    return Evaluation(request, passed, window, sample, *found, elapsed_s, notes)


def _pass(request: Request, report: FileReport, now_ms: int, on_progress: Progress) -> Pass:
    batches, n_rows = report.batches(request.batch_size), report.file.n_rows
    if request.span is not None:
        batches, n_rows = until(batches, request.span.last), min(n_rows, request.span.last)
    if request.breaks:
        batches = _with_breaks(request, report, batches, now_ms)
    return run_pass(
        batches,
        n_rows,
        replace(request.passing, keeps_inputs=learn_from_labels(request.rivals)),
        now_ms=now_ms,
        on_progress=lambda n: on_progress("streamer", n, n_rows),
        on_decoded=report.add,
    )


def _with_breaks(
    request: Request, report: FileReport, batches: Iterator[FileBatch], now_ms: int
) -> Iterator[FileBatch]:
    pipeline = request.passing.pipeline

    def decode(batch: FileBatch) -> Decoded:
        fetched = batch.as_fetched(0, now_ms)
        return decode_batch(fetched, pipeline.believable, pipeline.intake, pipeline.cards)

    before = report.file.batches(request.batch_size)
    payments = injected_payments(before, decode, request.breaks, request.seed)
    return with_injected(batches, decode, payments)


def _require_breaks(request: Request, rows: Rows, window: Window) -> None:
    """Raise where a break begins before or behind the measured rows: none of it could be counted."""
    measured_ms = rows.times_ms[window.measured]
    first, last = (
        datetime.fromtimestamp(int(ms) / 1000, tz=UTC).date()
        for ms in (measured_ms.min(), measured_ms.max())
    )
    for each in request.breaks:
        if not first <= each.first_day <= last:
            raise ConfigurationError(
                f"first day of --break {each.kind} must lie in the measured rows, {first} to {last}; "
                f"got {each.first_day}"
            )


def sample_of(rows: Rows, window: Window) -> Sample:
    """Return the measured rows, their cards numbered without gaps."""
    measured = window.measured
    _, cards = np.unique(rows.cards[measured], return_inverse=True)
    folds = np.zeros(len(rows), dtype=np.int64)
    for number, fold in enumerate(window.folds):
        folds[fold.measured] = number
    return Sample(
        frauds=rows.frauds[measured],
        cards=cards,
        periods=window.periods[measured],
        scenarios=rows.scenarios[measured],
        scenario_names=rows.scenario_names,
        folds=folds[measured],
    )


def _notes(request: Request, passed: Pass, window: Window) -> tuple[str, ...]:
    notes, labels = list(window.notes), request.passing.labels
    first = first_river_row(window)
    if first:
        notes.append(
            f"detectors of river ran from row {first:,}, "
            f"{window.first_measured - first:,} rows before the first measured one"
        )
    if "isolation_forest" in request.rivals and request.protocol == "prequential":
        notes.append("the isolation forest was trained once, on the rows before the measured ones")
    if request.rivals:
        notes.append(
            f"rivals alert by one causal threshold: what the budget's share of their last {RECENT:,} "
            "scores exceeds, renewed daily; the streamer's alerts are its own"
        )
    if learn_from_labels(request.rivals):
        notes.append("rivals that learn get the labels and the inputs that the streamer's odds get")
    else:
        notes.append("no rival sees a label, or a feature that was learned from labels")
    if labels.teaches:
        notes.append(
            f"the streamer was taught {passed.n_verdicts:,} verdicts, each when it was due"
        )
    else:
        notes.append("labels were withheld from the streamer")
    return tuple(notes)
