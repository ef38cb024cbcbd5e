"""A file's payments as the model would see them: features from the real pipeline, in file order.

No feature depends on the model, so one pass over the file serves every number of clusters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.batch import Batch, StoredRecord
from streamer.datafiles import FileBatch
from streamer.errors import ConfigurationError
from streamer.features import History, Tables, feature_matrix
from streamer.pipeline import PipelineConfig, prepare

__all__ = ["Traffic", "read_traffic"]

_TOPIC: Final = "file"


@dataclass(frozen=True, slots=True)
class Traffic:
    """n payments: ``X`` (n, n_features) float32, NaN where unknown; ``currencies`` (n,)."""

    X: NDArray[np.float32]
    currencies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.X)

    def at(self, rows: NDArray[np.int64] | slice) -> Traffic:
        """Return the payments of ``rows``."""
        return Traffic(self.X[rows], self.currencies[rows])

    def split(self, held_back_share: float) -> tuple[Traffic, Traffic]:
        """Return the payments before the last ``held_back_share`` of them, and those."""
        n_fitting = len(self) - round(len(self) * held_back_share)
        return self.at(slice(None, n_fitting)), self.at(slice(n_fitting, None))

    def sample(self, size: int, rng: np.random.Generator) -> Traffic:
        """Return ``size`` payments drawn without replacement, in order; all where there are fewer."""
        if len(self) <= size:
            return self
        return self.at(np.sort(rng.choice(len(self), size, replace=False)))


def read_traffic(
    batches: Iterable[FileBatch],
    config: PipelineConfig,
    *,
    cards_capacity: int,
    merchants_capacity: int,
    now_ms: int,
    on_progress: Callable[[int], None],
) -> Traffic:
    """Return the valid payments of ``batches``; ``on_progress`` gets the number of records read.

    Raises `ConfigurationError` when there is no valid one.
    """
    tables = Tables.empty(cards_capacity, merchants_capacity)
    parts: list[Traffic] = []
    refused: Counter[str] = Counter()
    offset = 0
    for file_batch in batches:
        records = [
            StoredRecord(offset + i, now_ms, key, value)
            for i, (key, value) in enumerate(zip(file_batch.keys, file_batch.values, strict=True))
        ]
        offset += len(records)
        if records:
            prepared = prepare(Batch(_TOPIC, 0, records, now_ms), config)
            refused.update(f"{d.reason} at {d.path}" for d in prepared.decoded.dead_letters)
            columns = prepared.columns
            if columns is not None:
                X = feature_matrix(columns, History.observe(columns, tables))
                parts.append(Traffic(X.astype(np.float32), columns.currencies))
        on_progress(len(records))
    if not parts:
        reasons = ", ".join(f"{n:,} x {reason}" for reason, n in refused.most_common(3))
        raise ConfigurationError(
            f"file must hold valid transactions, got {reasons or 'no record at all'}"
        )
    return Traffic(
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.currencies for part in parts]),
    )
