"""Envelopes: what Kafka Connect, change capture and event routers wrap around a payment.

Each module knows one family; `unwrapping` tells them apart and goes inwards until nothing is left to
unwrap.
"""

from streamer.intake.envelopes.counted_changes import Counting, skipped_change
from streamer.intake.envelopes.events import EVENT_NAMES, name_of, told_by_itself, told_by_name
from streamer.intake.envelopes.flattened import MARKS, flattened_change
from streamer.intake.envelopes.nested import nested_in, text_in
from streamer.intake.envelopes.unwrapping import MARKERS, MAX_ITEMS, Item, unwrapped

__all__ = [
    "EVENT_NAMES",
    "MARKERS",
    "MARKS",
    "MAX_ITEMS",
    "Counting",
    "Item",
    "flattened_change",
    "name_of",
    "nested_in",
    "skipped_change",
    "text_in",
    "told_by_itself",
    "told_by_name",
    "unwrapped",
]
