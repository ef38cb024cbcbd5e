"""Redis: checkpoints, model versions, lineage and feedback.  The only package that imports redis.

Reading order: `keys`, `records` (what is stored), `client` (the connection), `checkpoints` (the atomic
step), `versions`, `feedback`, `store` (the calls the rest makes).
"""

from streamer.store.breaker import BREAKER_STATES, BreakerStatus
from streamer.store.records import (
    Checkpoint,
    LogIdentity,
    ModelHead,
    PartitionRecord,
    VersionInfo,
    rfc3339,
)
from streamer.store.reset import LogBounds, Reset, ResetRequest
from streamer.store.service import ServiceIdentity
from streamer.store.store import Store

__all__ = [
    "BREAKER_STATES",
    "BreakerStatus",
    "Checkpoint",
    "LogBounds",
    "LogIdentity",
    "ModelHead",
    "PartitionRecord",
    "Reset",
    "ResetRequest",
    "ServiceIdentity",
    "Store",
    "VersionInfo",
    "rfc3339",
]
