"""Payments and verdicts for as long as a picture takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streamer.dev.people import Traffic
from streamer.dev.stack import Stack
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.publishing.alert_reader import AlertReader

__all__ = ["traffic_of"]

_SEED = 7


@contextmanager
def traffic_of(stack: Stack, payments_per_s: float, *, verdict_delay_s: float) -> Iterator[None]:
    """Send payments to a stack, and verdicts on its alerts, while the block runs."""
    settings = stack.settings
    config = librdkafka_config(settings)
    topics = settings.transactions_topic, settings.feedback_topic
    traffic = Traffic(config, topics, payments_per_s, _SEED, verdict_delay_s)
    reader = AlertReader(
        config, settings.alerts_topic, stack.n_partitions, lambda alert, _: traffic.judge(alert)
    )
    traffic.start()
    reader.start()
    try:
        yield
    finally:
        traffic.stop()
        reader.stop()
