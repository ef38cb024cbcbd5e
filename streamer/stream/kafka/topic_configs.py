"""What the broker tells of how topics are kept; blocks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["told_configs", "told_or_refused"]

_TIMEOUT_S: Final = 10.0


def told_configs(settings: Settings, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the settings of each of ``topics`` that the broker tells, itself or by its defaults.

    What is not there, or may not be asked for, is left out: a broker that is away tells of none.
    """
    return told_or_refused(settings, topics)[0]


def told_or_refused(
    settings: Settings, topics: Collection[str]
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the same, and the topics of which this principal may not ask for them."""
    if not topics:
        return {}, []
    admin = AdminClient(librdkafka_config(settings))
    wanted = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in sorted(topics)]
    found, refused = {}, []
    for resource, future in admin.describe_configs(wanted, request_timeout=_TIMEOUT_S).items():
        try:
            told = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                refused.append(str(resource.name))
            continue
        found[str(resource.name)] = {
            name: str(entry.value) for name, entry in told.items() if entry.value is not None
        }
    return found, refused
