"""Envelopes: what Kafka Connect, change capture and event routers wrap around a payment.

Each module knows one family; `unwrapping` tells them apart and goes inwards until nothing is left to
unwrap.
"""

from streamer.intake.envelopes.unwrapping import Item, unwrapped

__all__ = ["Item", "unwrapped"]
