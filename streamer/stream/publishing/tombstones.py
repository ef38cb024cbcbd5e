"""Messages without a value on topics that Kafka compacts: they let go of what a key had there; blocks.

On such a topic the last message of a key stays for ever.  A topic that goes by age needs none, and
would only get a message that says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topic_configs import told_configs

__all__ = ["compacted", "send_tombstones"]

_TIMEOUT_S: Final = 10.0
_POLICY: Final = "cleanup.policy"
Place = tuple[str, int, bytes]
"""A topic, a partition, and a key that has a message there."""


def compacted(settings: Settings, topics: Collection[str]) -> tuple[set[str], set[str]]:
    """Return those of ``topics`` that Kafka compacts, and those of which it does not say."""
    told = told_configs(settings, topics)
    policies = {name: config.get(_POLICY, "") for name, config in told.items()}
    is_compacted = {name for name, policy in policies.items() if "compact" in policy}
    return is_compacted, {name for name in topics if not policies.get(name)}


def send_tombstones(settings: Settings, places: Collection[Place]) -> int:
    """Send one for each of ``places`` and return how many; raises where Kafka does not take them."""
    producer = Producer(librdkafka_config(settings, **{"enable.idempotence": True}))
    faults: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            faults.append(error)

    for topic, partition, key in sorted(places):
        producer.produce(topic, None, key, partition, on_delivery=delivered)
    if producer.flush(_TIMEOUT_S) or faults:
        told = faults[0].str() if faults else "no answer"
        raise UnavailableError(
            f"Kafka must take {len(places)} messages without a value within {_TIMEOUT_S:g} s, got "
            f"{told}; say it again"
        )
    return len(places)
