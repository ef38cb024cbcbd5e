"""What challengers have come to, for whoever scrapes.

Every worker says the same of them: what Redis held at its last checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from streamer.challenging.compared import compared
from streamer.challenging.standing import Standing
from streamer.telemetry.metrics import Metrics

__all__ = ["read_challengers"]


def read_challengers(metrics: Metrics, standings: Iterable[Standing]) -> None:
    """Read all of them; the series of those that have stopped go away."""
    found = [compared(each) for each in standings]
    metrics.challenger_payments.replace({each.name: each.payments_compared for each in found})
    metrics.challenger_cost_ratio.replace(
        {each.name: math.nan if each.cost_ratio is None else each.cost_ratio for each in found}
    )
    metrics.challenger_alerts.values = {
        (each.name, who): float(n) for each in found for who, n in each.alerts.items()
    }
    metrics.challenger_frauds.values = {
        (each.name, who): frauds.frauds + frauds.told
        for each in found
        for who, frauds in each.frauds.items()
    }
    metrics.challenger_score_psi.values = {
        (each.name, line): psi for each in found for line, psi in each.score_psi.items()
    }
