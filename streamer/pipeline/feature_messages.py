"""What the features topic gets of a batch: one message for every transaction, with its features."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCIES
from streamer.contract.messages import FeatureRow, Source
from streamer.contract.pseudonyms import CardKey, names_of_card
from streamer.features import FEATURE_NAMES
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import CARD, ID, MERCHANT
from streamer.pipeline.partition_state import PartitionState

__all__ = ["feature_messages", "moment"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def feature_messages(
    decoded: Decoded, X: Floats, state: PartitionState, now_ms: int, card_key: CardKey | None
) -> list[FeatureRow]:
    """Return the message of every transaction of a batch; ``X`` (n, n_features) is what was scored."""
    topic, partition = decoded.batch.topic, decoded.batch.partition
    names, columns = decoded.payments.names, decoded.payments.columns
    created = moment(now_ms)
    rows = zip(
        decoded.offsets.tolist(),
        names.column(ID).strings(),
        [names_of_card(card_id, card_key) for card_id in names.column(CARD).strings()],
        names.column(MERCHANT).strings(),
        columns.merchants.tolist(),
        columns.times_ms.tolist(),
        columns.currencies.tolist(),
        X.tolist(),
        strict=True,
    )
    return [
        FeatureRow(
            transaction_id=transaction_id,
            card_id=called[0],
            merchant_id=None if merchant < 0 else merchant_id,
            currency=CURRENCIES[currency],
            event_timestamp=moment(time_ms),
            created_timestamp=created,
            features={
                name: None if math.isnan(value) else value
                for name, value in zip(FEATURE_NAMES, values, strict=True)
            },
            source=Source(topic, partition, offset, state.epoch),
            other_card_ids=called[1:],
        )
        for (
            offset,
            transaction_id,
            called,
            merchant_id,
            merchant,
            time_ms,
            currency,
            values,
        ) in rows
    ]


def moment(time_ms: int) -> datetime:
    """Return an epoch time in milliseconds as messages have it."""
    return _EPOCH + timedelta(milliseconds=time_ms)
