"""The canonical line: with each checkpoint, all there is to know of a partition since its last one.

One line to search and to count by, instead of one per step: ops/LOGS.md lists its fields, whose names
stay.  Counts are since the partition's last line, or its claim; an idle partition makes no checkpoint
and is silent.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import structlog

from streamer.contract.ledger import Ledger
from streamer.model import Drift, Scorer
from streamer.store import Checkpoint
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.held import Held

__all__ = ["tell_checkpoint"]

_RANKED_BY: Final = {"distance": "distance", "log_odds": "odds", "expected_loss": "expected_loss"}

_log = structlog.get_logger(__name__)


def tell_checkpoint(
    held: Held, assigned: Assigned, written: Checkpoint, seconds: float, since_s: float
) -> None:
    """Log a checkpoint that took ``seconds``, the first one for ``since_s``; notes what was told."""
    _log.info(
        "checkpoint",
        topic=written.topic,
        partition=written.partition,
        offset=written.next_offset,
        generation=written.generation,
        since_s=round(since_s, 3),
        **_counts(written.ledger, assigned.told),
        learned=written.delta.transactions_seen,
        entities=sum(map(len, written.entities.values())),
        bytes=written.n_bytes,
        seconds=round(seconds, 3),
        lag=assigned.lag,
        mode=held.mode,
        **_model(held.version_of(written.partition), held.drift),
    )
    assigned.told = written.ledger


def _counts(now: Ledger, told: Ledger) -> dict[str, int]:
    return {
        "consumed": now.consumed - told.consumed,
        "scored": now.scored - told.scored,
        "warming": now.warming - told.warming,
        "alerts": now.alerted - told.alerted,
        "overflowed": now.overflowed - told.overflowed,
        "dead_letters": now.dead_lettered - told.dead_lettered,
        "repeated": now.repeated - told.repeated,
        "passed_over": now.skipped - told.skipped,
        "lost": now.lost - told.lost,
    }


def _model(version: Scorer, drift: Drift) -> dict[str, Any]:
    most = int(np.argmax(drift.psi))
    return {
        "model_version": version.id,
        "transactions_seen": version.sums.transactions_seen,
        "threshold": None if version.is_warming else round(version.threshold_sq**0.5, 4),
        "ranked_by": _RANKED_BY[version.ranked_by],
        "drift": round(float(drift.psi[most]), 4),
        "drift_feature": version.config.feature_names[most],
        "drift_settled": drift.is_settled,
    }
