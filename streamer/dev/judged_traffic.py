"""Simulated payments to a service that is there, with the people who judge its alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from confluent_kafka.admin import AdminClient

from streamer.contract.messages import Alert
from streamer.dev.people import Traffic
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import partition_counts
from streamer.stream.publishing.alert_reader import AlertReader

__all__ = ["judged_traffic"]


@contextmanager
def judged_traffic(
    settings: Settings,
    rate: float,
    seed: int,
    verdict_delay_s: float,
    *,
    sends_payments: bool = True,
) -> Iterator[tuple[Traffic, AlertReader]]:
    """Send payments and verdicts within the block; the topics must exist.

    Alerts that were there before are nobody's to judge: whether they were frauds is not known here.
    Without ``sends_payments`` nothing is sent: of what others pay, nothing is known either.  With a
    ``verdict_delay_s`` of infinity nobody judges.
    """
    config = librdkafka_config(settings)
    topics = settings.transactions_topic, settings.feedback_topic
    traffic = Traffic(config, topics, rate, seed, verdict_delay_s)
    began = datetime.now(UTC)

    def judge(alert: Alert, _: float) -> None:
        if sends_payments and alert.scored_at >= began:
            traffic.judge(alert)

    n_partitions = partition_counts(AdminClient(config))[settings.alerts_topic]
    reader = AlertReader(config, settings.alerts_topic, n_partitions, judge)
    if sends_payments:
        traffic.start()
    reader.start()
    try:
        yield traffic, reader
    finally:
        if sends_payments:
            traffic.stop()
        reader.stop()
