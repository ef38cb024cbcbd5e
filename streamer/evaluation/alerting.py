"""Each detector's alerts over the compared rows, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.evaluation.alert_figures import (
    AlertFigures,
    Workload,
    alert_figures,
    causal_alerts,
    workload,
)
from streamer.evaluation.breaks import Break, BreakFigures, Kind, break_figures
from streamer.evaluation.protocols import Window
from streamer.evaluation.rows import Rows

__all__ = ["Alerted", "Alerts", "alerts_of"]


@dataclass(frozen=True, slots=True)
class Alerted:
    """What came of one detector's alerts; ``other_recall`` is that of the file's own frauds."""

    figures: AlertFigures
    breaks: dict[Kind, BreakFigures]
    other_recall: float


@dataclass(frozen=True, slots=True)
class Alerts:
    """The alerts of each detector: the streamer's own, as they went out, and the others' by threshold.

    ``before_fuse`` is what the streamer would have sent without the fuse, ``by_threshold`` what one
    causal threshold on its scores makes of them.
    """

    by_detector: dict[str, Alerted]
    before_fuse: Workload
    by_threshold: Alerted


def alerts_of(
    scores: Mapping[str, Floats],
    compared: Integers,
    rows: Rows,
    window: Window,
    budget: float,
    breaks: Sequence[Break] = (),
) -> Alerts:
    """Return the figures of the payments from the first measured one on.

    ``scores`` are each detector's, of the ``compared`` rows (n,); the streamer is one of them.
    """
    is_late = compared >= window.first_measured
    at = compared[is_late]
    measured, frauds, periods = window.measured[at], rows.frauds[at], window.periods[compared]
    stakes = np.nan_to_num(rows.stakes[at])
    is_other = measured & ~rows.is_injected[at]

    def alerted(flags: Flags, sample_weights: Floats | None = None) -> Alerted:
        return Alerted(
            alert_figures(flags, measured, frauds, budget, sample_weights, stakes),
            break_figures(breaks, rows, at, flags),
            alert_figures(flags, is_other, frauds, budget).recall,
        )

    by_threshold = {
        name: alerted(causal_alerts(of_it, periods, budget)[is_late])
        for name, of_it in scores.items()
    }
    return Alerts(
        by_detector=by_threshold | {"streamer": alerted(rows.alerted[at], rows.sample_weights[at])},
        before_fuse=workload(rows.alerted[at] | rows.held_back[at], budget),
        by_threshold=by_threshold["streamer"],
    )
