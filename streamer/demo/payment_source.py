"""Where the demo's payments come from: the simulator, or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.datafiles import FileReport
from streamer.intake.decoding import TimestampRange, decode_batch
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


def from_file(
    report: FileReport,
    believable: TimestampRange,
    now_ms: Callable[[], int],
    cards: CardRule = REFUSED,
) -> Iterator[PaymentBatch]:
    """Yield the payments of a file in its order; ``report`` is IN/OUT.

    The worker refuses rows on its own, and knows nothing of a file: which they are is found out here,
    by the same function.
    """
    for batch in report.batches(_CHUNK):
        arrived_ms = now_ms()
        pairs = list(zip(batch.keys, batch.values, strict=True))
        stored = [StoredRecord(i, arrived_ms, *pair) for i, pair in enumerate(pairs)]
        fetched = Batch("file", 0, stored, arrived_ms)
        report.add(batch, 0, decode_batch(fetched, believable, cards=cards))
        yield PaymentBatch(pairs, batch.transaction_ids, batch.labels)
