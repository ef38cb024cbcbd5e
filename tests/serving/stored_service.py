"""A service's state in Redis, and what the stream would make of a payment that came next."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from load.stored_service import NOW_MS, TOPIC, by_murmur2, made_up
from load.stored_service import StoredService as StoredPartitions
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import FeatureRow
from streamer.features.records import as_records
from streamer.pipeline import Outcome, PartitionState, process

__all__ = ["NOW_MS", "TOPIC", "StoredService", "by_murmur2", "made_up"]


class StoredService(StoredPartitions):
    """The same, asked what comes next; a busy machine has time for its answers."""

    def __init__(self, *where: Any, **changes: Any) -> None:
        super().__init__(*where, **{"serve_deadline_s": 10.0} | changes)

    def rows_next(self, record: tuple[bytes, bytes]) -> list[FeatureRow]:
        """Return what the stream would write to the features topic."""
        config, self.config = self.config, replace(self.config, with_features=True)
        try:
            return self.scored_next(record).features
        finally:
            self.config = config

    def scored_next(self, record: tuple[bytes, bytes]) -> Outcome:
        """Return what the stream would make of a payment if it came now; nothing changes."""
        [(p, batch)] = self.batches([record]).items()
        state = copy.deepcopy(self.states[p])
        for table in state.tables.all():
            # They are a view, which a copy is not.
            table.records = as_records(table._rows, table.kind.row)
        outcome = process(batch, state, self.version, self.config, now_ms=NOW_MS)
        assert outcome is not None
        return outcome

    def scored_as_new(self, record: tuple[bytes, bytes]) -> Outcome:
        """Return what the stream would make of a payment if it had seen nobody before."""
        state = PartitionState.empty(self.config, 10_000, 10_000)
        state.n_partitions = len(self.states)
        batch = Batch(TOPIC, 0, [StoredRecord(0, NOW_MS, *record)], NOW_MS)
        outcome = process(batch, state, self.version, self.config, now_ms=NOW_MS)
        assert outcome is not None
        return outcome
