"""The stages of the pure pipeline one by one, and partitions to try them on.

`load.instructions` counts what each takes, `make microbench` measures it; worker, Kafka and Redis are
in neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from load.verdicts import verdicts
from streamer.contract.batch import Batch, StoredRecord
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.model import Scored
from streamer.offline.offline_partition import OfflinePartition
from streamer.pipeline import decide, learn_scored, prepare, process, remember_scored
from streamer.settings import load_settings
from streamer.simulator import Simulator
from streamer.simulator.payments import Payments
from streamer.starting.wiring import pipeline_config

__all__ = ["STAGES", "Stages", "batches_of", "trained", "whole"]

STAGES: Final = ("columns", "features", "score", "learn", "remember")
"""Methods of `Stages`, in the order of `streamer.pipeline.processing.process_prepared`."""

_WARM: Final = 40_000
_BATCH: Final = 2_000
_JUDGED_EVERY: Final = 10


class Stages:
    """A batch on its way through a partition, without alerts; each stage needs the ones before it."""

    def __init__(self, partition: OfflinePartition, batch: Batch) -> None:
        self.partition, self.batch = partition, batch
        self.decoded: Decoded
        self.history: History
        self.scored: Scored

    def until(self, stage: str) -> None:
        """Do the stages before one."""
        for name in STAGES[: STAGES.index(stage)]:
            getattr(self, name)()

    def columns(self) -> None:
        """From the records of Kafka to columns: decoding and validation, without known payments."""
        self.decoded = prepare(self.batch, self.partition.config).decoded
        _ = self.decoded.columns

    def features(self) -> None:
        """Find the rows of cards and merchants, and describe each payment by them."""
        self.history = History.observe(self.decoded.columns, self.partition.state.tables)

    def score(self) -> None:
        """Distances, odds and ranks."""
        columns, X, V = self.decoded.columns, self.history.X, self.history.V
        self.scored = self.partition.version.score(X, columns.currencies, V, columns.times_ms)

    def learn(self) -> None:
        """Decide which alert, and teach the delta."""
        state, version, history = self.partition.state, self.partition.version, self.history
        payments_1d = history.card_payments_1d
        self.decision = decide(self.decoded, state, version, self.scored, payments_1d)
        columns = self.decoded.columns
        learn_scored(state.delta, version, history.X, columns, self.scored, self.decision)

    def remember(self) -> None:
        """Keep the payments for their verdicts."""
        partition = self.partition
        of_verdicts = partition.config.verdicts
        scored, decision = self.scored, self.decision
        remember_scored(
            self.decoded, partition.state, partition.version, scored, decision, of_verdicts
        )


def whole(partition: OfflinePartition, batch: Batch) -> None:
    """From bytes to outcome, alerts included."""
    state, version, config = partition.state, partition.version, partition.config
    process(batch, state, version, config, now_ms=batch.received_at_ms)


def trained(simulator: Simulator, *, with_odds: bool, n_warm: int = _WARM) -> OfflinePartition:
    """Return a partition, its settings the defaults, that has seen ``n_warm`` payments."""
    settings = load_settings({})
    partition = OfflinePartition(
        pipeline_config(settings),
        settings.cards_capacity,
        settings.merchants_capacity,
        checkpoint_max_transactions=_BATCH,
    )
    for first in range(0, n_warm, _BATCH):
        payments = simulator.generate(_BATCH)
        for batch in batches_of(payments, _BATCH, first):
            for _ in partition.run(batch, now_ms=batch.received_at_ms):
                pass
        if with_odds and not partition.version.is_warming:
            partition.teach([verdict for _, verdict in verdicts(payments, _JUDGED_EVERY)])
    partition.renew()
    return partition


def batches_of(payments: Payments, size: int, first_offset: int) -> Iterator[Batch]:
    """Yield ``payments`` in batches of ``size``, as if they had just arrived."""
    arrived_ms = int(payments.timestamps_ms.max()) + 1
    records = [
        StoredRecord(first_offset + i, arrived_ms, key, value)
        for i, (key, value) in enumerate(payments.records())
    ]
    for first in range(0, len(records), size):
        yield Batch("transactions", 0, records[first : first + size], arrived_ms)
