"""Where the demo's payments come from: the simulator, or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.datafiles import UNLABELLED, FileReport
from streamer.intake.decoding import TimestampRange, decode_batch
from streamer.simulator import Simulator

__all__ = ["PaymentBatch", "from_file", "from_simulator"]

_CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True)
class PaymentBatch:
    """Payments to send, with what is known of them; the lists run in parallel.

    ``times_ms`` is None for what the worker will refuse.  ``merchant_ids`` are known of simulated
    payments: the others' verdicts go without, and the service completes them.
    """

    records: list[tuple[bytes | None, bytes]]
    transaction_ids: list[str]
    labels: list[str | None] | None
    times_ms: list[int | None]
    merchant_ids: list[str | None] | None = None

    def frauds(self) -> Iterator[tuple[str, str, str | None, int]]:
        """Yield id, card, merchant and time of each payment that is labelled a fraud."""
        for i, label in enumerate(self.labels or ()):
            (key, _), time_ms = self.records[i], self.times_ms[i]
            if label is None or label == UNLABELLED or key is None or time_ms is None:
                continue
            merchant = self.merchant_ids[i] if self.merchant_ids is not None else None
            yield self.transaction_ids[i], key.decode(), merchant, time_ms


def from_simulator(simulator: Simulator, n_total: int) -> Iterator[PaymentBatch]:
    """Yield the next ``n_total`` simulated payments in event-time order."""
    left = n_total
    while left > 0:
        payments = simulator.generate(min(_CHUNK, left))
        left -= len(payments)
        yield PaymentBatch(
            [(key, value) for key, value in payments.records()],
            payments.transaction_ids,
            payments.patterns,
            payments.timestamps_ms.tolist(),
            payments.merchant_ids,
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
        decoded = decode_batch(fetched, believable, cards=cards)
        report.add(batch, 0, decoded)
        times_ms: list[int | None] = [None] * len(pairs)
        for place, time_ms in zip(decoded.places.tolist(), decoded.times_ms.tolist(), strict=True):
            times_ms[place] = time_ms
        yield PaymentBatch(pairs, batch.transaction_ids, batch.labels, times_ms)
