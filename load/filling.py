"""What a partition holds after very many payments, made without scoring them all.

The model has learned from real (simulated) payments; cards and merchants hold random sums
under the names that the payments of `records` ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Feedback, Transaction
from streamer.contract.record_columns import Spans
from streamer.features import Columns
from streamer.indexing.prints import fingerprints
from streamer.model import Scorer
from streamer.pipeline import PartitionState, PipelineConfig, process
from streamer.simulator import Simulator, SimulatorConfig
from streamer.verdicts import N_BESIDE, Waiting

__all__ = ["Filler", "records"]

_CHUNK: Final = 4_000
_START_MS: Final = 1_700_000_000_000
# A merchant for so many cards.
_CARDS_PER_MERCHANT: Final = 20
_RULINGS_SHARE: Final = 0.1


class Filler:
    """Changes a partition's state as payments of numbered cards would."""

    def __init__(self, state: PartitionState, config: PipelineConfig) -> None:
        self._state = state
        self._config = config
        self._rng = np.random.default_rng(0)
        self._n_paid = 0

    def learn_model(self) -> None:
        """Let the state's delta learn what ends the warm-up."""
        version = Scorer.of("", self._state.delta, self._config.model)
        simulated = Simulator(SimulatorConfig(seed=1)).generate(2 * self._config.model.warmup)
        stored = [StoredRecord(i, 0, *pair) for i, pair in enumerate(simulated.records())]
        apart = PartitionState.empty(self._config, 1_000_000, 100_000)
        process(Batch("", 0, stored, 0), apart, version, self._config, now_ms=_START_MS)
        self._state.delta = apart.delta

    def pay(self, cards: range) -> None:
        """Let each of ``cards`` pay once."""
        for first in range(cards.start, cards.stop, _CHUNK):
            self._pay(range(first, min(first + _CHUNK, cards.stop)))

    def _pay(self, cards: range) -> None:
        n, state = len(cards), self._state
        ids = [f"payment-{self._n_paid + i:010d}" for i in range(n)]
        paid = [_payment(name, card) for name, card in zip(ids, cards, strict=True)]
        times_ms = np.full(n, _START_MS + self._n_paid, dtype=np.int64)
        columns = Columns.of(paid, times_ms.tolist())
        tables = state.tables
        tables.rows(columns)
        for table, prints in (
            (tables.cards, columns.cards),
            (tables.merchants, np.unique(columns.tills)),
        ):
            rows = table.rows(prints, to_change=True)
            table.records["time_ms"][rows] = times_ms[: len(rows)]
            table.records["sums"][rows] = self._rng.random(
                (len(rows), len(table.kind.half_lives_s))
            )
        state.repeats.add(
            np.arange(self._n_paid, self._n_paid + n),
            self._rng.integers(0, 2**63, size=n),
        )
        inputs = self._rng.random((n, self._config.model.n_inputs))
        beside = np.full((n, N_BESIDE), np.nan)
        parties = Spans.of([p.card_id for p in paid], [p.merchant_id or "" for p in paid])
        is_alert = np.zeros(n, dtype=np.bool_)
        waiting = Waiting(times_ms, is_alert, inputs, beside, fingerprints(ids), parties)
        state.verdicts.buffer.add(self._rng.random(n), waiting)
        for payment in paid[: int(n * _RULINGS_SHARE)]:
            state.verdicts.rulings.put(_ruling(payment))
        self._n_paid += n


def records(cards: range) -> Iterator[tuple[bytes, bytes]]:
    """Return one payment of each card as it lies in Kafka; none of them is one of `Filler`'s."""
    for card in cards:
        payment = _payment(f"sent-{card:010d}", card)
        yield payment.card_id.encode(), msgspec.json.encode(payment)


def _payment(name: str, card: int) -> Transaction:
    return Transaction(
        transaction_id=name,
        card_id=f"card-{card:09d}",
        amount=1.0 + card % 100,
        currency="EUR",
        timestamp=datetime.fromtimestamp(_START_MS // 1000 + card % 86_400, tz=UTC),
        merchant_id=f"merchant-{card // _CARDS_PER_MERCHANT:07d}",
    )


def _ruling(payment: Transaction) -> Feedback:
    return Feedback(
        transaction_id=payment.transaction_id,
        card_id=payment.card_id,
        verdict="legitimate",
        origin="reviewer",
        decided_at=payment.timestamp,
    )
