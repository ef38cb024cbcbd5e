"""Streaming fraud scoring: online k-means over card payments, from Kafka to alerts.

Reading order: `streamer.events` (the contracts), `streamer.features` and `streamer.model` (numpy),
`streamer.pipeline` (the product as one function), `streamer.store` (Redis), `streamer.stream` (Faust
and Kafka), `streamer.cli`.
"""

__version__ = "0.1.0"
