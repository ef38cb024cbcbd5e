"""A version that scores payments and learns nothing: what an `MLmodel` of it runs.

Invariant: a score is that of a worker which holds this version and has seen the same payments before,
to the bit; it depends on the payments that are given, in their order, and on nothing else.  Histories
begin with the first of them: who wants a card known gives its earlier payments too.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from streamer.contract.batch import Batch, StoredRecord
from streamer.errors import ConfigurationError
from streamer.model import Scorer
from streamer.model.codec import decode_version, state_id
from streamer.pipeline import PartitionState, PipelineConfig, process
from streamer.settings import POLICY_SETTINGS, PREFIX, Settings, load_settings
from streamer.starting.wiring import MODEL_SETTINGS, pipeline_config

__all__ = ["COLUMNS", "FrozenVersion", "scoring_settings"]

COLUMNS: Final = {
    "transaction_id": "string",
    "score": "double",
    "distance": "double",
    "log_odds": "double",
    "probability": "double",
    "alerted": "boolean",
    "refused": "string",
}
"""What is returned for a payment, with MLflow's names of the types.  ``score``, ``distance``,
``log_odds`` and ``probability`` are those of the scores topic; all but ``refused``, the reason, are
empty for a row that is no payment."""

_BATCH: Final = 4_000
_SCORED_BY: Final = (
    *MODEL_SETTINGS.values(),
    *POLICY_SETTINGS,
    "earliest_event_year",
    "max_event_ahead_s",
    "cards_capacity",
    "merchants_capacity",
)


def scoring_settings(settings: Settings) -> dict[str, str]:
    """Return the variables that scores depend on, none of them a secret or an address."""
    values = {name: getattr(settings, name) for name in _SCORED_BY}
    return {f"{PREFIX}{n.upper()}": str(v) for n, v in sorted(values.items()) if v is not None}


@dataclass(frozen=True, slots=True)
class FrozenVersion:
    """A version with the configuration that it scores by."""

    version: Scorer
    config: PipelineConfig
    cards_capacity: int
    merchants_capacity: int

    @classmethod
    def load(cls, version: str | Path, settings: str | Path) -> FrozenVersion:
        """Return the version in one file, under the settings in the other, whatever those here are.

        Raises `ConfigurationError` where this release is not one that they were written for.
        """
        scored_by = load_settings(json.loads(Path(settings).read_text(encoding="utf-8")))
        config = pipeline_config(scored_by)
        sums, header = decode_version(Path(version).read_bytes(), config.model)
        if header.config_hash != config.model.hash:
            raise ConfigurationError(
                f"model version must be scored by the configuration {header.config_hash}, got "
                f"{config.model.hash} of this release; use the one that pushed it"
            )
        return cls(
            Scorer.of(state_id(sums), sums, config.model),
            replace(config, with_scores=True, card_key=None, repeat_window=0),
            scored_by.cards_capacity,
            scored_by.merchants_capacity,
        )

    def scores(self, payments: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a row of `COLUMNS` for each of ``payments``, which are the contract's JSON objects.

        They are in the order in which they were made.
        """
        values = [_message(payment) for payment in payments]
        state = PartitionState.empty(self.config, self.cards_capacity, self.merchants_capacity)
        now_ms = time.time_ns() // 1_000_000
        rows: list[dict[str, Any]] = []
        for first in range(0, len(values), _BATCH):
            rows += self._batch(values[first : first + _BATCH], first, state, now_ms)
        return rows

    def _batch(
        self, values: Sequence[bytes], first: int, state: PartitionState, now_ms: int
    ) -> list[dict[str, Any]]:
        records = [StoredRecord(i, now_ms, None, value) for i, value in enumerate(values, first)]
        outcome = process(
            Batch("payments", 0, records, now_ms), state, self.version, self.config, now_ms=now_ms
        )
        rows = [dict.fromkeys(COLUMNS) | {"refused": "not-a-payment"} for _ in values]
        if outcome is None:
            return rows
        for letter in outcome.dead_letters:
            rows[letter.record.offset - first]["refused"] = letter.reason
        for score in outcome.scores:
            rows[score.source.offset - first] = {
                "transaction_id": score.transaction_id,
                "score": score.score,
                "distance": score.distance,
                "log_odds": score.log_odds,
                "probability": score.probability,
                "alerted": score.alerted,
                "refused": None,
            }
        return rows

    def predict(self, payments: Any) -> Any:
        """Return `scores` as a data frame; ``payments`` is one, or a list of objects."""
        import pandas as pd

        if isinstance(payments, pd.DataFrame):
            payments = payments.to_dict("records")
        rows = self.scores(payments)
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        numbers = [name for name, kind in COLUMNS.items() if kind == "double"]
        return frame.astype(dict.fromkeys(numbers, "float64") | {"alerted": "boolean"})


def _message(payment: Mapping[str, Any]) -> bytes:
    # A data frame has NaN, or a type's own word for it, where an object has nothing.
    known = {name: value for name, value in payment.items() if not _is_missing(value)}
    return json.dumps(known, default=_told).encode()


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value)) or value != value


def _told(value: Any) -> Any:
    """Return a time as text and a number of numpy's as Python's."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else str(value)
