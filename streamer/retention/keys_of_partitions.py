"""What workers keep in Redis of each partition, and how long."""

from __future__ import annotations

from typing import Final

from streamer.retention.kept_row import kept

__all__ = ["KEYS_OF_PARTITIONS"]

_PLACE: Final = r"[A-Za-z0-9._-]{1,249}:\d+"
_CHECKPOINT: Final = "the owner's next checkpoint"

KEYS_OF_PARTITIONS: Final = (
    kept(
        "partition:*",
        f"partition:{_PLACE}",
        "offset, ledger; 128 cards that the reserve told of, waves of 512 alerts",
        "others take the place",
        _CHECKPOINT,
        of_card=True,
    ),
    kept(
        "cards:*",
        f"cards:{_PLACE}",
        "decayed counts and amounts, last place, hours, under 63 bits of the id",
        "the card was not seen for so long",
        _CHECKPOINT,
        "cards_retention_s",
        of_card=True,
    ),
    kept(
        "card_verdicts:*",
        f"card_verdicts:{_PLACE}",
        "what verdicts said of a card",
        "none came for so long",
        _CHECKPOINT,
        "cards_retention_s",
        of_card=True,
    ),
    kept(
        "merchants:*",
        f"merchants:{_PLACE}",
        "sums over all cards of a merchant",
        "it was not seen for so long",
        _CHECKPOINT,
        "cards_retention_s",
    ),
    kept(
        "merchant_verdicts:*",
        f"merchant_verdicts:{_PLACE}",
        "what verdicts said of a merchant's payments",
        "none came for so long",
        _CHECKPOINT,
        "cards_retention_s",
    ),
    kept(
        "repeats:*",
        f"repeats:{_PLACE}",
        "63 bits made of card and payment together",
        "two windows of offsets are read",
        _CHECKPOINT,
        "duplicate_window_offsets",
        of_card=True,
    ),
    kept(
        "labels:*",
        f"labels:{_PLACE}",
        "payments that wait for a verdict: card, merchant, time, features",
        "180 days of event time; of most a sample after 30",
        _CHECKPOINT,
        "label_horizon_s",
        "label_whole_s",
        "label_capacity",
        of_card=True,
    ),
    kept(
        "rulings:*",
        f"rulings:{_PLACE}",
        "verdicts that stand",
        "newer ones need the room",
        _CHECKPOINT,
        "label_capacity",
        of_card=True,
    ),
    kept(
        "challenged:*",
        f"challenged:{_PLACE}",
        "63 bits of payments that challengers alerted",
        "32,768 more have come, or it is ended",
        _CHECKPOINT,
        of_card=True,
    ),
    kept(
        "feedback:*",
        f"feedback:{_PLACE}",
        "verdicts as they came",
        "newer ones need the room",
        "the next verdict",
        "feedback_max_entries",
        of_card=True,
    ),
    kept(
        "lessons:*",
        f"lessons:{_PLACE}",
        "what a verdict taught, by payment",
        "newer ones need the room",
        _CHECKPOINT,
        "lessons_max_entries",
        of_card=True,
    ),
)
"""The rows, in the order of the page."""
