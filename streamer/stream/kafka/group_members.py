"""Before a worker joins: does its group, or a topic that it reads, belong to another namespace?

Kafka deals the partitions of every topic that any member reads among the members that read it.  A
worker of another namespace in the group takes its share of whatever topic both read, and its verdicts
are then stored where nobody looks for them; one in a group of its own reads all of them too.

A worker tells its namespace in its client id, which Kafka shows with the group's members.  Older
releases do not; what they read tells them apart.  Looked at are the group itself and those that are
named as by default, as far as the broker and its rights show them: the embedded broker knows no
members.  Two that start within the same second do not see one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streamer.errors import ConfigurationError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["Member", "check_group", "check_members", "client_id"]

_PREFIX: Final = "streamer.worker."
_DEFAULT: Final = "streamer"
# Of each a coordinator is asked.
_MOST_GROUPS: Final = 50


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a consumer group, and the topics of which Kafka has given it partitions."""

    group: str
    client_id: str
    host: str
    topics: frozenset[str]


def client_id(settings: Settings) -> str:
    """Return what a worker calls itself in its group.

    >>> client_id(Settings(namespace="acme"))
    'streamer.worker.acme'
    """
    return f"{_PREFIX}{settings.namespace}"


def check_group(settings: Settings, timeout_s: float) -> None:
    """Raise ConfigurationError if another namespace's workers are in the way; blocks.

    A broker that does not tell who is there is not waited for.
    """
    admin = AdminClient(librdkafka_config(settings))
    check_members(settings, _members(admin, settings.consumer_group, timeout_s))


def _members(admin: AdminClient, own: str, timeout_s: float) -> list[Member]:
    names = [own, *(name for name in _named_by_default(admin, timeout_s) if name != own)]
    asked = admin.describe_consumer_groups(names[:_MOST_GROUPS], request_timeout=timeout_s)
    members = []
    for name, future in asked.items():
        try:
            group = future.result(timeout_s)
        except (KafkaException, TimeoutError):
            continue
        for each in group.members:
            given = each.assignment.topic_partitions if each.assignment else ()
            topics = frozenset(part.topic for part in given)
            members.append(Member(name, each.client_id, each.host.lstrip("/"), topics))
    return members


def _named_by_default(admin: AdminClient, timeout_s: float) -> list[str]:
    try:
        listed = admin.list_consumer_groups(request_timeout=timeout_s).result(timeout_s)
    except (KafkaException, TimeoutError):
        return []
    names = sorted(group.group_id for group in listed.valid)
    return [name for name in names if name == _DEFAULT or name.endswith(f".{_DEFAULT}")]


def check_members(settings: Settings, members: Iterable[Member]) -> None:
    """Raise ConfigurationError with a line for each thing that another namespace's workers have."""
    ours = {settings.transactions_topic, settings.feedback_topic}
    faults = set()
    for each in members:
        told = each.client_id.startswith(_PREFIX)
        namespace = each.client_id.removeprefix(_PREFIX) if told else None
        if namespace == settings.namespace and each.group == settings.consumer_group:
            continue
        if each.group == settings.consumer_group:
            if told or each.topics - ours:
                faults.add(_in_our_group(settings, each, namespace, sorted(each.topics - ours)))
        elif namespace == settings.namespace or (
            not told and settings.transactions_topic in each.topics
        ):
            faults.add(_in_another_group(settings, each))
        elif told:
            faults |= {
                f"STREAMER_{kind.upper()} must be a topic of this service's own, as all of its topics "
                f"must, got {topic}: workers of the namespace {namespace} (group {each.group}, at "
                f"{each.host}) read it"
                for kind in ("transactions_topic", "feedback_topic")
                if (topic := getattr(settings, kind)) in each.topics
            }
    if faults:
        raise ConfigurationError("\n".join(sorted(faults)))


def _in_our_group(
    settings: Settings, each: Member, namespace: str | None, foreign: Sequence[str]
) -> str:
    whose = f"of the namespace {namespace}" if namespace else f"that read {', '.join(foreign)}"
    return (
        f"STREAMER_CONSUMER_GROUP must be one of the namespace {settings.namespace} alone, got "
        f"{each.group}: workers {whose} (at {each.host}) are in it, and each would take partitions "
        "of the other; set STREAMER_CONSUMER_GROUP and all topics, or the right STREAMER_NAMESPACE"
    )


def _in_another_group(settings: Settings, each: Member) -> str:
    return (
        f"STREAMER_CONSUMER_GROUP must be the group of the workers that are there, got "
        f"{settings.consumer_group}: those of {settings.transactions_topic} (at {each.host}) are in "
        f"{each.group}; set STREAMER_CONSUMER_GROUP={each.group}, or stop them first"
    )
