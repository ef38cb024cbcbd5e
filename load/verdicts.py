"""What reviewers and banks say of simulated payments: verdicts for the measurements that teach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from streamer.contract.messages import Feedback
from streamer.simulator.payments import Payments

__all__ = ["verdicts"]


def verdicts(payments: Payments, every: int) -> Iterator[tuple[int, Feedback]]:
    """Yield a verdict on every fraud and on each ``every``-th payment, a day later; right ones.

    With each comes the place of its payment among ``payments``.
    """
    for i, transaction_id in enumerate(payments.transaction_ids):
        is_fraud = payments.patterns[i] is not None
        if is_fraud or i % every == 0:
            yield (
                i,
                Feedback(
                    transaction_id=transaction_id,
                    card_id=payments.card_ids[i],
                    verdict="fraud" if is_fraud else "legitimate",
                    origin="chargeback",
                    decided_at=datetime.fromtimestamp(int(payments.timestamps_ms[i]) / 1000, tz=UTC)
                    + timedelta(days=1),
                    merchant_id=payments.merchant_ids[i],
                ),
            )
