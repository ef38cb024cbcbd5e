"""What is noted of every answer of `streamer serve`, so that it can be held against the stream's."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from streamer.contract.answer_message import Answer
from streamer.contract.messages import Source, Timestamp

__all__ = ["DOORS", "Decision", "Door"]

Door = Literal["native", "open_inference", "mlflow", "grpc"]
DOORS: Final[tuple[Door, ...]] = get_args(Door)


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer that `streamer serve` gave, on STREAMER_SERVE_DECISIONS_TOPIC (key: ``card_id``; off by
    default).

    It lies in the partition with the number of the one that the card's payments are in, where that is
    known.  ``features`` are as in a `FeatureRow`, and so are ``merchant_id``, ``currency`` and
    ``event_timestamp``: what was answered about is held against what was scored.  ``state`` is the
    place up to which payments were in what was known of card and merchant: the end of the partition's
    last checkpoint.  ``client`` is who asked: which of the keys, or its address.  The
    ``other_card_ids`` are as in an `Alert`.
    """

    answer: Answer
    features: dict[str, float | None]
    merchant_id: str | None
    currency: str
    event_timestamp: Timestamp
    answered_at: Timestamp
    door: Door
    client: str
    state: Source | None = None
    other_card_ids: list[str] = []
