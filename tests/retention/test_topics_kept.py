"""Topics that are created keep messages as is stated, and status says which others do not."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streamer.embedded import EmbeddedKafka
from streamer.errors import ConfigurationError
from streamer.retention.kept_topics import KEPT_TOPICS, differing, not_told, topic_config
from streamer.settings import Settings, load_settings
from streamer.status import gathering
from streamer.stream.kafka import topic_configs
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topic_configs import told_configs
from streamer.stream.kafka.topics import prepare_console_topics, prepare_topics
from tests.cli.test_commands import run
from tests.rig.waiting import wait_until


def environment(bootstrap_servers: str, redis_url: str) -> dict[str, str]:
    """Return settings with topics that nobody else has, all of them enabled but serve's."""
    unique = uuid.uuid4().hex[:10]
    names = [row.setting for row in KEPT_TOPICS if row.setting != "serve_decisions_topic"]
    own = {name: f"{name.removesuffix('_topic')}-{unique}" for name in names}
    own |= {"scores_enabled": "true", "features_enabled": "true", "create_topics": "true"}
    own |= {"topic_partitions": "1", "namespace": f"kept-{unique}", "redis_url": redis_url}
    return own | {"kafka_bootstrap_servers": bootstrap_servers}


def settings_of(own: dict[str, str]) -> Settings:
    return load_settings({f"STREAMER_{name.upper()}": text for name, text in own.items()})


def prepared(settings: Settings) -> bool:
    try:
        prepare_console_topics(settings)
    except ConfigurationError:
        return False
    return True


def created_and_told(own: dict[str, str]) -> list[str]:
    """Create all topics but the alerts', which somebody has made for 30 days, and hold them against
    the table; return what is said."""
    settings = settings_of(own)
    admin = AdminClient(librdkafka_config(settings))
    config = {"retention.ms": str(30 * 86_400_000)}
    admin.create_topics([NewTopic(settings.alerts_topic, 1, 1, config=config)])[
        settings.alerts_topic
    ].result()
    prepare_topics(settings)
    # A broker knows of a topic some moments after it has said that it is made.
    wait_until(lambda: prepared(settings), "the topics that the console needs")
    names = {getattr(settings, row.setting) for row in KEPT_TOPICS} - {None}
    told: dict[str, dict[str, str]] = wait_until(
        lambda: found if (found := told_configs(settings, names)).keys() == names else None,
        f"all of {sorted(names)} told of",
    )
    for name in names - {settings.alerts_topic}:
        assert topic_config(settings, name).items() <= told[name].items(), name
    return differing(settings, told)


def test_topics_are_created_as_stated_and_status_names_one_that_keeps_cards_for_longer(
    kafka: EmbeddedKafka, redis_url: str
) -> None:
    own = environment(kafka.bootstrap_servers, redis_url)
    [said] = created_and_told(own)
    assert said.startswith(f"topic {own['alerts_topic']} keeps what is of cards 30 days")
    status = run("status", "--json", **own)
    assert status.exit_code == 1
    troubles = {each["what"]: each["runbook"] for each in json.loads(status.stdout)["troubles"]}
    assert troubles[said] == "docs/retention.md#topics"
    # Whoever means it says so.
    meant = own | {"alerts_retention_s": str(30 * 86_400)}
    again = json.loads(run("status", "--json", **meant).stdout)["troubles"]
    assert not [each for each in again if "keeps" in each["what"]]


def test_who_may_not_ask_how_topics_are_kept_is_told_that_the_broker_does_not_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of alerts it may not be asked, verdicts are no topic, and of dead letters it is told."""
    codes = {
        "fraud-alerts": KafkaError.TOPIC_AUTHORIZATION_FAILED,
        "fraud-feedback": KafkaError.UNKNOWN_TOPIC_OR_PART,
    }

    class Admin:
        def __init__(self, _: object) -> None:
            pass

        def describe_configs(self, wanted: Any, **_: Any) -> dict[Any, Future[Any]]:
            answers = {each: Future[Any]() for each in wanted}
            for each, answer in answers.items():
                if code := codes.get(each.name):
                    answer.set_exception(KafkaException(KafkaError(code)))
                else:
                    answer.set_result({"retention.ms": SimpleNamespace(value="5")})
            return answers

    monkeypatch.setattr(topic_configs, "AdminClient", Admin)
    told, refused = topic_configs.told_or_refused(Settings(), [*codes, "transactions-dlq"])
    assert (told, refused) == ({"transactions-dlq": {"retention.ms": "5"}}, ["fraud-alerts"])
    [said] = not_told(refused)
    assert said.startswith("the broker does not tell how it keeps fraud-alerts")
    assert said in gathering._kept_otherwise(Settings())
    assert not_told([]) == []


def test_a_broker_that_is_away_tells_of_no_topic() -> None:
    away = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    assert told_configs(away, []) == {}
