"""What an evaluation found, as a program and a notebook want it: figures, columns, days, a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Flags
from streamer.durations import DAY_MS
from streamer.evaluation.alert_figures import AlertFigures
from streamer.evaluation.evaluate import Evaluation as Found
from streamer.evaluation.ranking_metrics import CardRanking, card_precision_at_k
from streamer.evaluation.resampling import Figures
from streamer.library.results import Refused

__all__ = ["Evaluation"]

_NAMES: Final = {
    "auc_roc": "AUC ROC",
    "average_precision": "average precision",
    "cp_at_100": "card precision at 100",
    "precision_at_budget": "precision at the budget",
    "recall_at_budget": "recall at the budget",
}


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """How well frauds were ranked, and what reviewers would have had; a figure that there is none of is
    NaN.

    ``refused`` are payments that could not be scored, ``passed_over`` counts refunds, declines and the
    like by reason: neither is measured.
    """

    _found: Found
    refused: tuple[Refused, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_measured(self) -> int:
        """How many payments were measured: scored, with a label, and after the first quarter."""
        return len(self._found.sample)

    @property
    def n_frauds(self) -> int:
        """How many of them are frauds."""
        return int(self._found.sample.frauds.sum())

    @property
    def n_verdicts(self) -> int:
        """How many labels taught, each when it was due."""
        return self._found.passed.n_verdicts

    @property
    def figures(self) -> dict[str, float]:
        """What the ranking is worth: ``auc_roc``, ``average_precision``, ``cp_at_100`` (of the 100
        cards ranked highest, the share that was compromised, averaged over days), and, where the
        budget's share is taken from the top, ``precision_at_budget`` and ``recall_at_budget``."""
        return dict(self._of_streamer.values)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% interval of each of the ``figures``, from drawing cards with replacement."""
        return dict(self._of_streamer.intervals)

    @property
    def auc_roc(self) -> float:
        """The share of pairs of a fraud and a legitimate payment in which the fraud ranks higher."""
        return self._of_streamer.values["auc_roc"]

    @property
    def average_precision(self) -> float:
        """The precision averaged over the frauds, as scikit-learn defines it."""
        return self._of_streamer.values["average_precision"]

    def card_precision(self, k: int) -> float:
        """Return the share of compromised cards among the ``k`` ranked highest, averaged over days.

        A card that was caught on a day is left out of later ones.
        """
        sample = self._found.sample
        order = sample.frauds, sample.cards, sample.periods
        return card_precision_at_k(CardRanking.of(self._found.scores["streamer"], *order), k)

    @property
    def n_alerts(self) -> int:
        """How many alerts reviewers would have had, from the first measured payment on."""
        return self._alerts.workload.n

    @property
    def budget_ratio(self) -> float:
        """How many there were, for each that was agreed."""
        return self._alerts.workload.budget_ratio

    @property
    def precision(self) -> float:
        """The share of frauds among the alerts."""
        return self._alerts.precision

    @property
    def recall(self) -> float:
        """The share of the frauds that alerted."""
        return self._alerts.recall

    @property
    def by_pattern(self) -> dict[str, dict[str, float]]:
        """For each kind of fraud its number, its AUC ROC against all legitimate payments, and its
        recall: ``n_frauds``, ``auc_roc``, ``recall``."""
        rows, at = self._found.passed.rows, self._measured
        alerted, kinds = rows.alerted[at], rows.scenarios[at]
        return {
            name: {
                "n_frauds": of_it.n_frauds,
                "auc_roc": of_it.auc_roc,
                "recall": float(alerted[kinds == rows.scenario_names.index(name)].mean()),
            }
            for name, of_it in self._of_streamer.scenarios.items()
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What was measured and what taught, in sentences."""
        return tuple(note for note in self._found.notes if not note.startswith("no rival"))

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a column each of what is known of every payment, (n,): for a data frame or a plot.

        ``score`` is what ranks, higher being more suspicious: the distance where no label teaches,
        else the log-odds.  ``score`` and ``probability`` are NaN where there is none; ``fraud`` is
        false where nobody knows.
        """
        rows = self._found.passed.rows
        times = np.where(rows.is_valid, rows.times_ms, np.iinfo(np.int64).min)
        return {
            "time": times.astype("datetime64[ms]"),
            "score": rows.scores.copy(),
            "probability": rows.probabilities.copy(),
            "alerted": rows.alerted.copy(),
            "held_back": rows.held_back.copy(),
            "fraud": rows.frauds.copy(),
            "measured": self._measured.copy(),
        }

    def per_day(self) -> dict[str, NDArray[Any]]:
        """Return a column each of the measured days (UTC), (n_days,): for a data frame or a plot.

        ``payments``, ``frauds``, ``alerts`` and ``caught`` are counts of what was measured;
        ``precision`` and ``recall`` are of the day's alerts and frauds, NaN where there are none.
        """
        rows, at = self._found.passed.rows, self._measured
        days = rows.times_ms[at] // DAY_MS
        first = int(days.min())
        n_days = int(days.max()) - first + 1
        alerted, frauds = rows.alerted[at], rows.frauds[at]

        def counted(which: Flags) -> NDArray[np.int64]:
            return np.bincount(days[which] - first, minlength=n_days)

        payments, n_frauds = counted(np.ones(len(days), dtype=bool)), counted(frauds)
        alerts, caught = counted(alerted), counted(alerted & frauds)
        with np.errstate(invalid="ignore"):
            precision, recall = caught / alerts, caught / n_frauds
        return {
            "day": (first + np.arange(n_days)).astype("datetime64[D]"),
            "payments": payments,
            "frauds": n_frauds,
            "alerts": alerts,
            "caught": caught,
            "precision": precision,
            "recall": recall,
        }

    def __repr__(self) -> str:
        """Return what was measured and the figures, on one line."""
        told = ", ".join(f"{_NAMES[name]} {value:.3f}" for name, value in self._shown().items())
        return f"<Evaluation of {self._headline()}: {told}; {self._of_alerts()}>"

    def _repr_html_(self) -> str:
        intervals = self.intervals
        rows = "".join(
            f"<tr><td>{_NAMES[name]}</td><td>{value:.3f}</td>"
            f"<td>{intervals[name][0]:.3f} to {intervals[name][1]:.3f}</td></tr>"
            for name, value in self.figures.items()
        )
        head = "<tr><th></th><th></th><th>95% interval</th></tr>"
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<p>{escape(self._headline())}; {escape(self._of_alerts())}</p>"
            f"<table>{head}{rows}</table><ul>{notes}</ul>"
        )

    def _shown(self) -> dict[str, float]:
        return {name: self.figures[name] for name in ("auc_roc", "average_precision", "cp_at_100")}

    def _headline(self) -> str:
        return f"{self.n_frauds:,} frauds in {self.n_measured:,} payments"

    def _of_alerts(self) -> str:
        return (
            f"{self.n_alerts:,} alerts ({self.budget_ratio:.2f} of the budget), precision "
            f"{self.precision:.3f}, recall {self.recall:.3f}"
        )

    @property
    def _of_streamer(self) -> Figures:
        return self._found.figures["streamer"]

    @property
    def _alerts(self) -> AlertFigures:
        return self._found.alerts.by_detector["streamer"].figures

    @property
    def _measured(self) -> Flags:
        return self._found.window.measured
