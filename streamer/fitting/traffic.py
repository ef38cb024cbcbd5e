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
from streamer.features import Columns, History, Tables, feature_matrix
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
    cold_from: int,
    on_progress: Callable[[int], None],
) -> tuple[Traffic, Traffic]:
    """Return the valid payments of ``batches``, and the last of them as if no card were known yet.

    The latter are those from record ``cold_from`` on, possibly none.  ``on_progress`` gets the number
    of records read.  Raises `ConfigurationError` when there is no valid payment.
    """
    tables = Tables.empty(cards_capacity, merchants_capacity)
    cold_tables = Tables.empty(cards_capacity, merchants_capacity)
    parts: list[Traffic] = []
    cold: list[Traffic] = []
    refused: Counter[str] = Counter()
    offset = 0
    for file_batch in batches:
        records = [
            StoredRecord(offset + i, now_ms, key, value)
            for i, (key, value) in enumerate(zip(file_batch.keys, file_batch.values, strict=True))
        ]
        n_warm = max(cold_from - offset, 0)
        offset += len(records)
        for is_cold, piece in ((False, records[:n_warm]), (True, records[n_warm:])):
            if not piece:
                continue
            prepared = prepare(Batch(_TOPIC, 0, piece, now_ms), config)
            refused.update(f"{d.reason} at {d.path}" for d in prepared.decoded.dead_letters)
            if prepared.columns is not None:
                parts.append(_observed(prepared.columns, tables))
                if is_cold:
                    cold.append(_observed(prepared.columns, cold_tables))
        on_progress(len(records))
    if not parts:
        reasons = ", ".join(f"{n:,} x {reason}" for reason, n in refused.most_common(3))
        raise ConfigurationError(
            f"file must hold valid transactions, got {reasons or 'no record at all'}"
        )
    return _joined(parts), _joined(cold) if cold else parts[0].at(slice(0, 0))


def _observed(columns: Columns, tables: Tables) -> Traffic:
    X = feature_matrix(columns, History.observe(columns, tables))
    return Traffic(X.astype(np.float32), columns.currencies)


def _joined(parts: list[Traffic]) -> Traffic:
    return Traffic(
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.currencies for part in parts]),
    )
