"""Messages without a value on topics that Kafka compacts: they let go of what a key had there; blocks.

On such a topic the last message of a key stays for ever.  A topic that goes by age needs none, and
would only get a message that says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, ConfigResource

from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["compacted", "send_tombstones"]

_TIMEOUT_S: Final = 10.0
_POLICY: Final = "cleanup.policy"
Place = tuple[str, int, bytes]
"""A topic, a partition, and a key that has a message there."""


def compacted(settings: Settings, topics: Collection[str]) -> set[str]:
    """Return those of ``topics`` that Kafka compacts; a broker that does not say compacts none."""
    if not topics:
        return set()
    admin = AdminClient(librdkafka_config(settings))
    wanted = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in sorted(topics)]
    found = set()
    try:
        asked = admin.describe_configs(wanted, request_timeout=_TIMEOUT_S)
        for resource, future in asked.items():
            policy = future.result().get(_POLICY)
            if policy is not None and "compact" in str(policy.value):
                found.add(str(resource.name))
    except KafkaException:
        return set()
    return found


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
