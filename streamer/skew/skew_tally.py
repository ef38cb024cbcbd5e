"""What came of the answers that were compared: counts, metrics, words; a line for each unexplained."""

from __future__ import annotations

from collections import Counter as Counts
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from streamer.skew.meetings import Compared
from streamer.skew.skew_outcomes import OUTCOMES, UNSCORED, Outcome, differing

__all__ = ["SkewMetrics", "Tally"]

_log = structlog.get_logger(__name__)

_TOLD: Final = 20


class SkewMetrics:
    """The metrics of ``streamer skew --follow``, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.outcomes = Counter(
            "streamer_serve_skew",
            "Answers of `streamer serve` held against the stream's score, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in OUTCOMES:
            self.outcomes.labels(outcome)
        self.state_age_seconds = Gauge(
            "streamer_serve_skew_state_age_seconds",
            "How old the state of the latest answer was that other payments moved on.",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "streamer_serve_skew_waiting",
            "Answers that wait for the stream's score.",
            registry=self.registry,
        )


@dataclass(slots=True)
class Tally:
    """Counts outcomes; ``unexplained`` are the first so many of those, both sides of each."""

    metrics: SkewMetrics | None = None
    counts: Counts[Outcome] = field(default_factory=Counts)
    unexplained: list[dict[str, Any]] = field(default_factory=list)
    moved_ages_s: list[float] = field(default_factory=list)

    def add(self, compared: Compared) -> None:
        """Count one, and log it where nothing explains it."""
        outcome, answer = compared.outcome, compared.waited.decision.answer
        self.counts[outcome] += 1
        if outcome == "state_moved" and answer.state_age_s is not None:
            self.moved_ages_s.append(answer.state_age_s)
        if self.metrics is not None:
            self.metrics.outcomes.labels(outcome).inc()
            if outcome == "state_moved" and answer.state_age_s is not None:
                self.metrics.state_age_seconds.set(answer.state_age_s)
        if outcome == "unexplained":
            sides = both_sides(compared)
            _log.error("answer and score differ", sides=sides)
            if len(self.unexplained) < _TOLD:
                self.unexplained.append(sides)

    def told(self, n_waiting: int) -> dict[str, Any]:
        """Return the report as JSON has it."""
        compared = sum(n for outcome, n in self.counts.items() if outcome not in UNSCORED)
        return {
            "compared": compared,
            "outcomes": {outcome: self.counts[outcome] for outcome in OUTCOMES},
            "waiting": n_waiting,
            "state_moved_median_age_s": _median(self.moved_ages_s),
            "unexplained": self.unexplained,
        }

    def words(self, n_waiting: int) -> str:
        """Return the report in words."""
        told = self.told(n_waiting)
        lines = [f"{told['compared']:,} answers were held against the stream's scores."]
        for outcome, meaning in OUTCOMES.items():
            if self.counts[outcome]:
                lines.append(f"{self.counts[outcome]:>9,}  {outcome:<15} {meaning}")
        if n_waiting:
            lines.append(f"{n_waiting:>9,}  waiting         no score yet, and not late")
        median = told["state_moved_median_age_s"]
        if median is not None:
            lines.append(
                f"What was known was {median:g} s old in the median where it had moved on."
            )
        lines += [f"unexplained: {_sentence(sides)}" for sides in self.unexplained]
        return "\n".join(lines)


def both_sides(compared: Compared) -> dict[str, Any]:
    """Return an answer and a score with where they lie; no card, no merchant and no message."""
    decision, score, row = compared.waited.decision, compared.score, compared.row
    assert score is not None  # noqa: S101 - it was compared
    assert row is not None  # noqa: S101
    answer, source = decision.answer, row.source
    return {
        "decision": "{}@{}".format(*compared.waited.place),
        "payment": f"{source.topic}/{source.partition}@{source.offset}",
        "state": None if decision.state is None else decision.state.offset,
        "state_age_s": answer.state_age_s,
        "version": [answer.model_version, score.model_version],
        "score": [answer.score, score.score],
        "distance": [answer.distance, score.distance],
        "log_odds": [answer.log_odds, score.log_odds],
        "alert": [answer.decision == "alert", score.alerted],
        "features": {
            name: [decision.features.get(name), row.features.get(name)]
            for name in differing(decision, row)
        },
    }


def _sentence(sides: dict[str, Any]) -> str:
    features = [f"{name} {a!r} and {b!r}" for name, (a, b) in sides["features"].items()]
    parts = features or [f"score {sides['score'][0]!r} and {sides['score'][1]!r}"]
    return f"answer {sides['decision']}, payment {sides['payment']}: {'; '.join(parts)}"


def _median(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
