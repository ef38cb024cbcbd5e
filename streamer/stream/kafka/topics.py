"""The topics: are they there, do their partitions fit together, may they be created?"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streamer.errors import ConfigurationError, UnavailableError
from streamer.retention.kept_topics import topic_config
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = [
    "check_topics",
    "cluster_id",
    "create_topics",
    "mirrors_of_all",
    "partition_counts",
    "prepare_audit_topic",
    "prepare_console_topics",
    "prepare_topics",
    "topic_names",
]

_TIMEOUT_S: Final = 10.0
# One answer takes milliseconds; a handshake over TLS with many SCRAM iterations a good deal more.
_ATTEMPT_S: Final = 1.0
_LEAST_ATTEMPT_S: Final = 0.1
_ASK_AGAIN_S: Final = 0.1


def topic_names(settings: Settings) -> list[str]:
    """Return the topics that this configuration reads and writes."""
    names = [
        settings.transactions_topic,
        settings.alerts_topic,
        settings.overflow_topic,
        settings.dead_letters_topic,
        settings.feedback_topic,
        settings.feedback_dead_letters_topic,
    ]
    return [*names, *mirrors_of_all(settings)]


def mirrors_of_all(settings: Settings) -> list[str]:
    """Return the topics that get a message for every payment, none by default."""
    scores = [settings.scores_topic] if settings.scores_enabled else []
    return [*scores, settings.features_topic] if settings.features_enabled else scores


def prepare_topics(settings: Settings, timeout_s: float = _TIMEOUT_S) -> None:
    """Create what is missing if that is allowed, then check; blocks.

    Raises ConfigurationError with all faults, also when Kafka refuses the credentials;
    UnavailableError when it does not answer.
    """
    errors: list[KafkaError] = []
    admin = AdminClient(librdkafka_config(settings, error_cb=errors.append))
    _wait_accepted(admin, errors, timeout_s)
    counts = partition_counts(admin, timeout_s)
    if settings.create_topics:
        _create_audit_topic(settings, admin, counts)
        missing = [name for name in topic_names(settings) if name not in counts]
        # As many as the transactions have already: an alert keeps its partition's number.
        n = counts.get(settings.transactions_topic, settings.topic_partitions)
        create_topics(admin, dict.fromkeys(missing, n), settings.topic_replication_factor, settings)
        counts = _counts_with(admin, missing, timeout_s)
    check_topics(settings, counts)


def _counts_with(admin: AdminClient, names: Collection[str], timeout_s: float) -> dict[str, int]:
    """Return all topics' partitions once ``names`` are there, or when the time is over; blocks.

    A broker knows of a topic some moments after the controller has made it.
    """
    deadline = time.monotonic() + timeout_s
    while not (counts := partition_counts(admin, timeout_s)).keys() >= set(names):
        if time.monotonic() >= deadline:
            break
        time.sleep(_ASK_AGAIN_S)
    return counts


def prepare_console_topics(settings: Settings, timeout_s: float = _TIMEOUT_S) -> None:
    """Do as `prepare_topics` for what `streamer console` reads and writes; blocks."""
    errors: list[KafkaError] = []
    admin = AdminClient(librdkafka_config(settings, error_cb=errors.append))
    _wait_accepted(admin, errors, timeout_s)
    counts = partition_counts(admin, timeout_s)
    names = settings.alerts_topic, settings.feedback_topic, settings.proposals_topic
    missing = [name for name in names if name not in counts]
    if missing and settings.create_topics:
        n = counts.get(settings.transactions_topic, settings.topic_partitions)
        create_topics(admin, dict.fromkeys(missing, n), settings.topic_replication_factor, settings)
    elif missing or not (settings.create_topics or settings.audit_topic in counts):
        audit = [] if settings.audit_topic in counts else [settings.audit_topic]
        raise ConfigurationError("\n".join(map(_not_there, [*missing, *audit])))
    _create_audit_topic(settings, admin, counts)


def prepare_audit_topic(settings: Settings, timeout_s: float = _TIMEOUT_S) -> bool:
    """Create the audit topic if it is missing and that is allowed; blocks.

    Returns False where Kafka does not answer.  Raises ConfigurationError where the topic is missing and
    may not be created.
    """
    admin = AdminClient(librdkafka_config(settings))
    try:
        counts = partition_counts(admin, timeout_s)
    except UnavailableError:
        return False
    if settings.audit_topic not in counts and not settings.create_topics:
        raise ConfigurationError(_not_there(settings.audit_topic))
    _create_audit_topic(settings, admin, counts)
    return True


def _create_audit_topic(settings: Settings, admin: AdminClient, counts: Mapping[str, int]) -> None:
    """Create the audit topic where it is missing; nothing is removed from it but by age."""
    if settings.audit_topic in counts:
        return
    wanted = {settings.audit_topic: settings.topic_partitions}
    create_topics(admin, wanted, settings.topic_replication_factor, settings)


def _wait_accepted(admin: AdminClient, errors: Sequence[KafkaError], timeout_s: float) -> None:
    """Return when Kafka answers; ``errors`` are those that the client's callback has received.

    To the caller of a request, refused credentials look like a broker that is away: librdkafka tries
    again until the time is up.  Only its callback says so, so it is asked several times meanwhile.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        left_s = max(deadline - time.monotonic(), _LEAST_ATTEMPT_S)
        try:
            admin.list_topics(timeout=min(left_s, _ATTEMPT_S))
        except KafkaException as error:
            admin.poll(0)
            for told in errors:
                if told.code() == KafkaError._AUTHENTICATION:
                    raise ConfigurationError(
                        "STREAMER_KAFKA_SASL_USERNAME and STREAMER_KAFKA_SASL_PASSWORD must be "
                        f"credentials that Kafka accepts, got refused: {told.str()}"
                    ) from error
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"Kafka must answer within {timeout_s:g} s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
                    f"{in_words(error)}{_reason(errors)}"
                ) from error
        else:
            return


def _reason(errors: Sequence[KafkaError]) -> str:
    """Return why no broker was of use, as the callback was told: a certificate, the wrong protocol."""
    told = [error for error in errors if error.code() != KafkaError._ALL_BROKERS_DOWN]
    return f"; {told[-1].str()}" if told else ""


def partition_counts(admin: AdminClient, timeout_s: float = _TIMEOUT_S) -> dict[str, int]:
    """Return every topic's number of partitions; blocks."""
    try:
        metadata = admin.list_topics(timeout=timeout_s)
    except KafkaException as error:
        raise UnavailableError(
            f"Kafka must answer within {timeout_s:g} s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
            f"{in_words(error)}"
        ) from error
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def cluster_id(settings: Settings, timeout_s: float = _TIMEOUT_S) -> str:
    """Return the id of the Kafka cluster, empty where the broker has none; blocks."""
    try:
        metadata = AdminClient(librdkafka_config(settings)).list_topics(timeout=timeout_s)
    except KafkaException as error:
        raise UnavailableError(
            f"Kafka must answer within {timeout_s:g} s (STREAMER_KAFKA_BOOTSTRAP_SERVERS), got "
            f"{in_words(error)}"
        ) from error
    return str(metadata.cluster_id or "")


def create_topics(
    admin: AdminClient,
    wanted: Mapping[str, int],
    replication_factor: int,
    settings: Settings | None = None,
) -> None:
    """Create topics with the given numbers of partitions; one that exists already is left alone.

    They keep messages as ``settings`` state (`streamer.retention.kept_topics`), without these as the
    broker does.
    """
    if not wanted:
        return
    requested = admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=n,
                replication_factor=replication_factor,
                config={} if settings is None else topic_config(settings, name),
            )
            for name, n in wanted.items()
        ],
        operation_timeout=_TIMEOUT_S,
    )
    for name, future in requested.items():
        try:
            future.result()
        except KafkaException as error:
            # Another worker that starts at the same moment may have been faster.
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise ConfigurationError(
                    f"topic {name} must be creatable (STREAMER_CREATE_TOPICS is on), got "
                    f"{in_words(error)}"
                ) from error


def check_topics(settings: Settings, counts: Mapping[str, int]) -> None:
    """Raise ConfigurationError with every fault of the topics, or return."""
    faults = [_not_there(name) for name in topic_names(settings) if name not in counts]
    mirrored = [settings.alerts_topic, settings.overflow_topic, *mirrors_of_all(settings)]
    n_in = counts.get(settings.transactions_topic, 0)
    faults += [
        f"topic {name} must have at least the {n_in} partitions of {settings.transactions_topic}, "
        f"got {counts[name]}; its messages keep the partition number of their transaction"
        for name in mirrored
        if name in counts and counts[name] < n_in
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))


def _not_there(name: str) -> str:
    return f"topic {name} must exist, got none; create it or set STREAMER_CREATE_TOPICS=true"
