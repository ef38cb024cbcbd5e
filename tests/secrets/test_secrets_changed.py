"""Secrets changed under traffic, and rights at Kafka and Redis that suffice and are no more than that.

One broker for all of it: a start of Apache Kafka takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.settings import load_settings
from tests.cli.test_commands import run
from tests.console.conftest import Reviewer, accounts_text, arrived
from tests.rig.swapped import SwappedFolder
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.secrets.rotation import Rotation
from tests.secrets.secret_stand import SecretStand
from tests.stream.harness import Service

pytestmark = pytest.mark.usefixtures("apache_kafka_installed", "debian_redis_installed")

_DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


_PAGES = "/ /model /budget /below /team /snoozed /proposals /operations /help /next".split()
_OF_AN_ALERT = ("", "/asked", "/recomputed", "/export.json", "/print")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretStand]:
    with SecretStand(tmp_path_factory.mktemp("stand")) as made:
        yield made


@pytest.fixture(scope="module")
def rotation(stand: SecretStand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    """All secrets, changed under traffic; its workers have ended in good order."""
    made = Rotation(stand, tmp_path_factory.mktemp("rotation"))
    with made.service:
        made.run()
        yield made


@pytest.fixture(scope="module")
def service(rotation: Rotation) -> Service:
    """The same service: with a model, alerts and verdicts."""
    return rotation.service


def as_role(
    stand: SecretStand, service: Service, folder: Path, role: str, **changes: str
) -> tuple[SwappedFolder, dict[str, str]]:
    """Return a role's secrets directory, and all other settings of a process of it."""
    secrets = SwappedFolder(folder / role, stand.secrets_of(role))
    env = {
        name.removeprefix("STREAMER_").lower(): text
        for name, text in service.env.items()
        if name.startswith("STREAMER_")
    }
    return secrets, env | stand.settings_of(role) | {"secrets_dir": str(secrets.path)} | changes


def test_nothing_is_lost_and_no_good_key_refused_while_every_secret_is_changed(
    rotation: Rotation,
) -> None:
    """By file what is taken up while running, by a rolling restart what is not; all under the rights
    of `ops/access`."""
    assert rotation.findings() == []
    assert sum(rotation.judged.values()) > 0
    assert sum(rotation.answers.statuses.values()) > 0


def test_a_console_keeps_its_pages_while_its_password_at_redis_is_changed(
    stand: SecretStand, service: Service, tmp_path: Path
) -> None:
    """With the rights of `ops/access`: alerts are read, judged and audited."""
    role, folder = "streamer-console", tmp_path
    accounts = folder / "accounts"
    accounts.write_text(accounts_text())
    changes = {"console_accounts_file": str(accounts), "console_least_look_s": "0"}
    secrets, told = as_role(stand, service, folder, role, **changes)
    settings = load_settings({f"STREAMER_{name.upper()}": text for name, text in told.items()})
    console = Console(settings)
    with TestClient(console_app(console), base_url="https://testserver") as client:
        n_alerts = len(service.alerts())
        arrived(console, client, n_alerts)
        lea = Reviewer(client, "lea")
        lea.login()
        [first, second, *_] = service.alerts()
        of_an_alert = [f"/alerts/{first.alert_id}{each}" for each in _OF_AN_ALERT]
        for path in (*_PAGES, *of_an_alert):
            page = lea.get(path)
            assert page.status_code == 200, (path, page.status_code, page.text)
        assert lea.judge(first.alert_id, "fraud").status_code == 200
        password = stand.secret("redis-console-2")
        with stand.redis.client() as redis:
            redis.execute_command("ACL", "SETUSER", role, f">{password}")
            secrets.swap(redis_url=stand.redis_url(role, password))
            line = 'taken_up_total{setting="redis_url"} 1'
            wait_until(lambda: line in lea.get("/metrics").text, line)
            redis.execute_command("ACL", "SETUSER", role, f"<{stand.redis_password(role)}")
            redis.execute_command("CLIENT", "KILL", "USER", role)
        assert lea.judge(second.alert_id, "fraud").status_code == 200
        denied = stand.redis_denials(role)
    assert denied == []


def test_an_operators_commands_have_the_rights_that_they_need(
    stand: SecretStand, service: Service, tmp_path: Path
) -> None:
    _, told = as_role(stand, service, tmp_path, "streamer-operator")
    for command in (
        "status --json",
        "model list",
        "policy show",
        "policy apply --set alert_budget=0.019 --reason trying",
        "partition show",
        "dlq list",
        f"explain {service.alerts()[0].alert_id}",
        "audit verify",
    ):
        done = run(*command.split(), **told)
        assert done.exit_code in (0, 1), (command, done.output, done.stderr)
        assert "uthoriz" not in done.output + done.stderr, (command, done.stderr)
        assert "NOPERM" not in done.output + done.stderr, (command, done.stderr)
    assert stand.redis_denials("streamer-operator") == []


def test_no_user_of_redis_was_denied_anything_that_the_product_asked_for(
    stand: SecretStand, rotation: Rotation
) -> None:
    for user in ("streamer-worker", "streamer-serve"):
        assert stand.redis_denials(user) == []


def written(config: dict[str, Any], topic: str) -> int | None:
    """Return what Kafka has against a message of this client, None where it took it."""
    faults: list[KafkaError | None] = []
    producer = Producer(config | {"message.timeout.ms": 10_000})
    producer.produce(topic, b"{}", partition=0, on_delivery=lambda error, _: faults.append(error))
    producer.flush(DEADLINE_S)
    [fault] = faults
    return None if fault is None else int(fault.code())


def read(config: dict[str, Any], topic: str, group: str) -> int | None:
    """Return what Kafka has against this client's reading in a group, None where it may."""
    own = {"group.id": group, "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(config | own | {"auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        message: Message = wait_until(lambda: consumer.poll(0.2), "a message, or why there is none")
        fault = message.error()
        is_read = fault is None or fault.code() == KafkaError._PARTITION_EOF
        return None if is_read else int(fault.code())
    finally:
        consumer.close()


def test_each_role_may_write_at_kafka_what_it_has_to_and_nothing_else(
    stand: SecretStand, service: Service
) -> None:
    own = service.settings
    topics = {
        "transactions": own.transactions_topic,
        "alerts": own.alerts_topic,
        "dead letters": own.dead_letters_topic,
        "verdicts": own.feedback_topic,
        "audit": own.audit_topic,
        "proposals": own.proposals_topic,
    }
    may = {
        "payments": {"transactions"},
        "streamer-worker": {"alerts", "dead letters"},
        "streamer-serve": set(),
        "streamer-console": {"verdicts", "audit", "proposals"},
        "streamer-operator": {"transactions", "verdicts", "audit", "proposals"},
        "case-system": set(),
        "chargebacks": {"verdicts"},
        "auditor": set(),
    }
    for role, allowed in may.items():
        config = stand.client(role)
        found = {name for name, topic in topics.items() if written(config, topic) is None}
        assert found == allowed, role


def test_each_role_may_read_at_kafka_what_it_has_to_and_nothing_else(
    stand: SecretStand, service: Service
) -> None:
    own = service.settings
    group = own.consumer_group
    asked: list[tuple[str, str, str, bool]] = [
        ("streamer-worker", own.transactions_topic, group, True),
        ("streamer-worker", own.audit_topic, group, False),
        ("streamer-worker", own.transactions_topic, "others", False),
        ("payments", own.transactions_topic, "payments", False),
        ("streamer-console", own.alerts_topic, f"{group}-console", True),
        ("streamer-console", own.transactions_topic, f"{group}-console", False),
        ("case-system", own.alerts_topic, "case-1", True),
        ("case-system", own.feedback_topic, "case-1", False),
        ("case-system", own.alerts_topic, group, False),
        ("auditor", own.audit_topic, f"{group}-audit", True),
        ("auditor", own.alerts_topic, f"{group}-audit", False),
    ]
    for role, topic, name, is_allowed in asked:
        fault = read(stand.client(role), topic, name)
        assert (fault is None) == is_allowed, (role, topic, name, fault)
        assert is_allowed or fault in _DENIED, (role, topic, name, fault)


@pytest.mark.parametrize("role", ["streamer-worker", "streamer-console", "streamer-operator"])
def test_nobody_of_the_product_may_make_or_delete_a_topic(
    stand: SecretStand, service: Service, role: str
) -> None:
    admin = AdminClient(stand.client(role))
    wanted: list[Callable[[], Any]] = [
        lambda: admin.delete_topics([service.settings.alerts_topic]),
        lambda: admin.create_topics([NewTopic(f"another-{role}", 1, 1)]),
    ]
    for ask in wanted:
        [future] = ask().values()
        with pytest.raises(KafkaException) as raised:
            future.result(DEADLINE_S)
        assert raised.value.args[0].code() in _DENIED
