"""A file's payments as the model would see them: features from the real pipeline, in file order.

No feature depends on the model, so one pass over the file serves every number of clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Integers
from streamer.datafiles import FileBatch, OnDecoded
from streamer.features import FEATURE_NAMES, Columns, History, Tables
from streamer.pipeline import PipelineConfig, prepare

__all__ = ["Traffic", "read_traffic"]

_NO_X: Final = np.empty((0, len(FEATURE_NAMES)), np.float32)
_NO_CURRENCIES: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Traffic:
    """n payments: ``X`` (n, n_features) float32, NaN where unknown; ``currencies`` (n,)."""

    X: NDArray[np.float32]
    currencies: Integers

    def __len__(self) -> int:
        return len(self.X)

    def at(self, rows: Integers | slice) -> Traffic:
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

    @classmethod
    def joined(cls, parts: Sequence[Traffic]) -> Traffic:
        """Return the payments of all ``parts``, possibly none."""
        return cls(
            np.concatenate([_NO_X, *(part.X for part in parts)]),
            np.concatenate([_NO_CURRENCIES, *(part.currencies for part in parts)]),
        )


def read_traffic(
    batches: Iterable[FileBatch],
    config: PipelineConfig,
    *,
    cards_capacity: int,
    merchants_capacity: int,
    now_ms: int,
    cold_from: int,
    on_progress: Callable[[int], None],
    on_decoded: OnDecoded = lambda *_: None,
) -> tuple[Traffic, Traffic]:
    """Return the valid payments of ``batches``, and the last of them as if no card were known yet.

    The latter are those from record ``cold_from`` on, possibly none.  ``on_progress`` gets the number
    of records read, ``on_decoded`` what `FileReport.add` takes.
    """
    tables = Tables.empty(cards_capacity, merchants_capacity)
    cold_tables = Tables.empty(cards_capacity, merchants_capacity)
    parts: list[Traffic] = []
    cold: list[Traffic] = []
    offset = 0
    for file_batch in batches:
        batch = file_batch.as_fetched(offset, now_ms)
        n_warm = max(cold_from - offset, 0)
        for is_cold, records in ((False, batch.records[:n_warm]), (True, batch.records[n_warm:])):
            if not records:
                continue
            prepared = prepare(replace(batch, records=records), config)
            on_decoded(file_batch, offset, prepared.decoded)
            if prepared.columns is not None:
                parts.append(_observed(prepared.columns, tables))
                if is_cold:
                    cold.append(_observed(prepared.columns, cold_tables))
        offset += len(batch)
        on_progress(len(batch))
    return Traffic.joined(parts), Traffic.joined(cold)


def _observed(columns: Columns, tables: Tables) -> Traffic:
    X = History.observe(columns, tables).X
    return Traffic(X.astype(np.float32), columns.currencies)
