"""Where the demo's payments come from: the simulator, or a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamer.datafiles import ColumnMapping, read_batches
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["PaymentBatch", "from_file", "from_simulator"]

_CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True)
class PaymentBatch:
    """Payments to send, with what is known of them."""

    records: list[tuple[bytes | None, bytes]]
    transaction_ids: list[str]
    labels: list[str | None] | None


def from_simulator(seed: int, n_total: int) -> Iterator[PaymentBatch]:
    """Yield ``n_total`` simulated payments in event-time order."""
    simulator = Simulator(SimulatorConfig(seed=seed))
    left = n_total
    while left > 0:
        payments = simulator.generate(min(_CHUNK, left))
        left -= len(payments)
        yield PaymentBatch(
            [(key, value) for key, value in payments.records()],
            payments.transaction_ids,
            payments.patterns,
        )


def from_file(path: Path, mapping: ColumnMapping) -> Iterator[PaymentBatch]:
    """Yield the payments of a file in its order."""
    for batch in read_batches(path, mapping, batch_size=_CHUNK):
        yield PaymentBatch(
            list(zip(batch.keys, batch.values, strict=True)), batch.transaction_ids, batch.labels
        )
