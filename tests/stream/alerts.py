"""An alert as tests of what becomes of alerts need it: small, and told by its source."""

from __future__ import annotations

from datetime import UTC, datetime

from streamer.contract.messages import Alert, Center, Source, Transaction

__all__ = ["alert_of"]

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def alert_of(source: Source) -> Alert:
    """Return an alert on the transaction at ``source``."""
    return Alert(
        alert_id=f"a-{source.offset}",
        transaction=Transaction(f"t-{source.offset}", "card-1", 10.0, "EUR", NOW),
        score=0.99,
        distance=2.0,
        distance_sq=4.0,
        threshold=1.0,
        severity="high",
        reasons=[],
        other_contribution=4.0,
        nearest_center=Center(0, 1.0, []),
        model_version="v",
        source=source,
        event_time=NOW,
        scored_at=NOW,
        mode="normal",
    )
