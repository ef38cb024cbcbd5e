"""How the features drifted during a pass: their PSI against the reference, once per model version."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.arrays import Floats
from streamer.model import Drift

__all__ = ["DriftTrace"]


@dataclass(slots=True)
class DriftTrace:
    """Grows while a pass runs; ``times_ms`` are the latest event times that the versions had seen."""

    times_ms: list[int] = field(default_factory=list)
    psi: list[Floats] = field(default_factory=list)
    references: list[int] = field(default_factory=list)
    """After how many transactions the reference of each version was frozen."""
    settled: list[bool] = field(default_factory=list)

    def add(self, time_ms: int, drift: Drift) -> None:
        """Add the next version's drift."""
        self.times_ms.append(time_ms)
        self.psi.append(drift.psi)
        self.references.append(drift.reference_at)
        self.settled.append(drift.is_settled)
