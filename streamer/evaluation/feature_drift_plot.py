"""The PSI of every feature over a pass, drawn: the worst in colour and by name, the rest in grey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamer.model import MOVED_PSI

if TYPE_CHECKING:
    from streamer.evaluation.evaluate import Evaluation

__all__ = ["COLOURS", "feature_drift"]

# Okabe and Ito's colours, which people who do not tell red from green can tell apart.
COLOURS: Final = ("#0072B2", "#555555", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
_N_NAMED: Final = 5
# On the logarithmic scale whatever is steadier lies on the floor.
_FLOOR: Final = 1e-3


def feature_drift(evaluation: Evaluation, figure: Any) -> None:
    """Draw the drift of a pass onto an empty matplotlib ``figure`` (IN/OUT)."""
    trace, config = evaluation.passed.drift, evaluation.request.passing.pipeline.model
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Drift: each feature's PSI against the reference, per model version", loc="left")
    n_without = next((i for i, at in enumerate(trace.references) if at), len(trace.references))
    times = np.array(trace.times_ms[n_without:], dtype="datetime64[ms]")
    if len(times) < 2:
        axes.text(0.5, 0.5, "too few model versions", ha="center", transform=axes.transAxes)
        return
    psi = np.maximum(np.array(trace.psi[n_without:]), _FLOOR)
    settled = np.array(trace.settled[n_without:])
    # By what counts: the settled stretch where there is one.
    counted = psi[settled] if settled.any() else psi
    highest = counted.max(axis=0)
    order = np.argsort(-highest, kind="stable")
    named = [index for index in order[:_N_NAMED].tolist() if highest[index] > _FLOOR]
    for index in order[len(named) :]:
        axes.plot(times, psi[:, index], color="0.8", linewidth=0.8, zorder=1)
    axes.plot([], [], color="0.8", linewidth=0.8, label="the other features")
    for index, colour in zip(named, (c for c in COLOURS if c != "#555555"), strict=False):
        name = config.feature_names[index].replace("_", " ")
        axes.plot(times, psi[:, index], color=colour, linewidth=1.4, label=name, zorder=2)
    axes.axhline(MOVED_PSI, color="black", linewidth=0.8, linestyle=":", label="moved: 0.2")
    _mark_references(axes, times, np.array(trace.references[n_without:]), settled)
    axes.set_yscale("log")
    axes.set_ylim(_FLOOR, max(1.0, 1.5 * float(psi.max())))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylabel("PSI (logarithmic)")
    axes.tick_params(axis="x", rotation=30)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def _mark_references(axes: Any, times: Any, references: Any, settled: Any) -> None:
    """Draw where a reference was frozen, and shade where it was provisional."""
    for at in np.flatnonzero(np.diff(references)) + 1:
        axes.axvline(times[at], color="0.6", linewidth=0.6, linestyle="--", zorder=0)
    if settled.all():
        return
    end = times[int(settled.argmax())] if settled.any() else times[-1]
    axes.axvspan(times[0], end, color="0.95", zorder=-1)
    axes.annotate(
        "provisional reference, frozen anew at each dashed line", (times[0], 0.98),
        xycoords=("data", "axes fraction"), fontsize=8, va="top", xytext=(4, 0),
        textcoords="offset points",
    )  # fmt: skip
