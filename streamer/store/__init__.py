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
from streamer.store.service import ServiceIdentity
from streamer.store.store import Store

__all__ = [
    "BREAKER_STATES",
    "BreakerStatus",
    "Checkpoint",
    "LogIdentity",
    "ModelHead",
    "PartitionRecord",
    "ServiceIdentity",
    "Store",
    "VersionInfo",
    "rfc3339",
]
