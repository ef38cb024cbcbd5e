"""Small builders that tests of several parts share."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.codes import CURRENCIES
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, FEATURES
from streamer.intake.decoding import TimestampRange
from streamer.model import ModelConfig
from streamer.pipeline import PartitionState, PipelineConfig

T0 = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
T0_MS = int(T0.timestamp() * 1000)
# Long after every event of the tests: nothing is in the future.
ARRIVAL_MS = T0_MS + 400 * 86_400_000


def payment(number: int = 0, after_s: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return a valid transaction as a dict; ``after_s`` seconds after `T0`."""
    moment = datetime.fromtimestamp(T0.timestamp() + after_s, tz=UTC)
    return {
        "transaction_id": f"t-{number}",
        "card_id": "card-1",
        "amount": 10.0,
        "currency": "EUR",
        "timestamp": moment.isoformat().replace("+00:00", "Z"),
    } | fields


def record(
    offset: int, value: dict[str, Any] | bytes | None, key: bytes | None = b""
) -> StoredRecord:
    """Return a record; a dict is encoded and keyed by its card unless ``key`` says otherwise."""
    encoded = json.dumps(value).encode() if isinstance(value, dict) else value
    if key == b"":
        key = value["card_id"].encode() if isinstance(value, dict) else None
    return StoredRecord(offset, ARRIVAL_MS, key, encoded)


def batch(values: Sequence[dict[str, Any] | bytes | None], first_offset: int = 0) -> Batch:
    """Return a batch of partition 0 with consecutive offsets."""
    records = [record(first_offset + i, value) for i, value in enumerate(values)]
    return Batch("transactions", 0, records, ARRIVAL_MS)


def model_config(**changes: Any) -> ModelConfig:
    """Return a configuration with this release's features, few clusters and no decay."""
    return ModelConfig(
        **{
            "feature_names": FEATURE_NAMES,
            "spread_floors": tuple(feature.spread_floor for feature in FEATURES),
            "sides": tuple(feature.side for feature in FEATURES),
            "n_currencies": len(CURRENCIES),
            "context_names": CONTEXT_NAMES,
            "n_clusters": 4,
            "half_life": math.inf,
            "score_half_life": math.inf,
            "warmup": 200,
            "alert_budget": 0.02,
            # Of a few hundred payments the tops are a handful.
            "agreement_floor": math.inf,
        }
        | changes
    )


def pipeline_config(**changes: Any) -> PipelineConfig:
    """Return a pipeline around `model_config` that believes every time since 2000."""
    believable = TimestampRange(earliest_ms=946_684_800_000, max_ahead_ms=86_400_000)
    return PipelineConfig(model=model_config(**changes), believable=believable)


def state_of(config: PipelineConfig, capacity: int = 10_000) -> PartitionState:
    """Return an empty partition."""
    return PartitionState.empty(config, capacity, capacity)
