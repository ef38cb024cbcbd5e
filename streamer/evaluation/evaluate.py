"""A whole evaluation: one pass of the pipeline, the protocol's rows, the rivals, the figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.datafiles import FileReport
from streamer.evaluation.passing import Pass, PassConfig, run_pass
from streamer.evaluation.protocols import Protocol, Window, window_of
from streamer.evaluation.resampling import N_RESAMPLES, Figures, Sample, measure
from streamer.evaluation.rivals import first_river_row, rival_scores
from streamer.evaluation.rows import Rows
from streamer.extra import require

__all__ = ["Evaluation", "Request", "evaluate"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many rows of it are new, and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure; ``seed`` is that of the rivals and of the bootstrap."""

    protocol: Protocol
    passing: PassConfig
    seed: int = 0
    batch_size: int = 4_000
    n_resamples: int = N_RESAMPLES

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
    scores: dict[str, NDArray[np.float64]]
    figures: dict[str, Figures]
    elapsed_s: dict[str, float]
    notes: tuple[str, ...]


def evaluate(
    request: Request, report: FileReport, *, now_ms: int, on_progress: Progress
) -> Evaluation:
    """Run everything that ``request`` asks for over the file of ``report``, which is IN/OUT."""
    require("sklearn.ensemble")
    n_rows = report.file.n_rows
    started = time.monotonic()
    passed = run_pass(
        report.batches(request.batch_size),
        n_rows,
        request.passing,
        now_ms=now_ms,
        on_progress=lambda n: on_progress("streamer", n, n_rows),
        on_decoded=report.add,
    )
    report.require_payments()
    elapsed_s = {"streamer": time.monotonic() - started}
    rows = passed.rows
    window = window_of(request.protocol, rows)
    n_river = int(np.flatnonzero(window.measured)[-1]) + 1 - first_river_row(window)
    rivals = rival_scores(
        rows,
        window,
        seed=request.seed,
        on_progress=lambda n: on_progress("rivals", n, 2 * n_river),
    )
    elapsed_s |= {name: rival.elapsed_s for name, rival in rivals.items()}
    scores = {"streamer": rows.scores[window.measured]}
    scores |= {name: rival.scores for name, rival in rivals.items()}
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
    elapsed_s["metrics"] = time.monotonic() - started
    notes = _notes(request, passed, window)
    return Evaluation(request, passed, window, sample, scores, figures, elapsed_s, notes)


def sample_of(rows: Rows, window: Window) -> Sample:
    """Return the measured rows, their cards numbered without gaps."""
    measured = window.measured
    _, cards = np.unique(rows.cards[measured], return_inverse=True)
    return Sample(
        frauds=rows.frauds[measured],
        cards=cards,
        periods=window.periods[measured],
        scenarios=rows.scenarios[measured],
        scenario_names=rows.scenario_names,
    )


def _notes(request: Request, passed: Pass, window: Window) -> tuple[str, ...]:
    notes = list(window.notes)
    first = first_river_row(window)
    notes.append(
        f"half_space_trees and river_kmeans ran from row {first:,}, "
        f"{window.first_measured - first:,} rows before the first measured one"
    )
    notes.append(
        "no rival sees a label; they get the streamer's features without those learned from labels"
    )
    if request.passing.label_delay_ms is None:
        notes.append("labels were withheld from the streamer")
    else:
        notes.append(
            f"the streamer was taught {passed.n_verdicts:,} verdicts, each when it was due"
        )
    return tuple(notes)
