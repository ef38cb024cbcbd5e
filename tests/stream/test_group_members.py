"""Two services that share a consumer group or a topic are told apart before a worker joins."""

from __future__ import annotations

import pytest

from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings
from streamer.stream.kafka.group_members import Member, check_members, client_id
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service

NORD = Settings(namespace="nord", transactions_topic="nord-payments")
OLD = "faust-0.11"


def faults(*members: Member, settings: Settings = NORD) -> list[str]:
    try:
        check_members(settings, members)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def member(group: str, name: str, *topics: str) -> Member:
    return Member(group, name, "10.0.0.7", frozenset(topics))


def test_the_group_follows_the_namespace_unless_it_is_set() -> None:
    """`default` keeps the group that every service had."""
    assert Settings().consumer_group == "streamer"
    assert load_settings({"STREAMER_NAMESPACE": "default"}).consumer_group == "streamer"
    assert load_settings({"STREAMER_NAMESPACE": "nord"}).consumer_group == "nord.streamer"
    told = {"STREAMER_NAMESPACE": "nord", "STREAMER_CONSUMER_GROUP": "streamer"}
    assert load_settings(told).consumer_group == "streamer"
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"STREAMER_NAMESPACE": "no.rd"})
    (line,) = str(caught.value).splitlines()
    assert "STREAMER_NAMESPACE" in line


@pytest.mark.parametrize(
    "other",
    [
        member("nord.streamer", client_id(NORD), "nord-payments"),
        # Its verdicts are moving to another topic.
        member("nord.streamer", client_id(NORD), "nord-payments", "fraud-feedback-old"),
        # An older release of this service, and one of another that shares nothing.
        member("nord.streamer", OLD, "nord-payments"),
        member("streamer", OLD, "transactions"),
        member("streamer", client_id(Settings()), "transactions", "verdicts"),
        # Who has been given nothing yet and does not say whose it is.
        member("nord.streamer", OLD),
    ],
)
def test_members_of_ones_own_service_and_strangers_elsewhere_are_no_fault(other: Member) -> None:
    assert faults(other) == []


def test_workers_of_another_namespace_in_the_group_are_a_fault() -> None:
    """By the namespace they tell, or by what they read."""
    (line,) = faults(member("nord.streamer", client_id(Settings())))
    assert "workers of the namespace default (at 10.0.0.7) are in it" in line
    assert "STREAMER_CONSUMER_GROUP must be one of the namespace nord alone, got nord" in line
    (line,) = faults(member("nord.streamer", OLD, "transactions", "fraud-feedback"))
    assert "workers that read transactions (at 10.0.0.7) are in it" in line


def test_another_namespace_that_reads_ones_topic_is_a_fault() -> None:
    (line,) = faults(member("streamer", client_id(Settings()), "transactions", "fraud-feedback"))
    assert line.startswith("STREAMER_FEEDBACK_TOPIC must be a topic of this service's own")
    assert "got fraud-feedback: workers of the namespace default (group streamer, " in line


@pytest.mark.parametrize("name", [OLD, client_id(NORD)])
def test_the_same_service_in_another_group_is_a_fault(name: str) -> None:
    """So it is when workers of a release that had one group for all namespaces are still there."""
    (line,) = faults(member("streamer", name, "nord-payments"))
    assert "set STREAMER_CONSUMER_GROUP=streamer, or stop them first" in line


def test_a_worker_of_another_namespace_in_a_group_exits_with_2(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """As it would by a copied setting; the worker that was there keeps all it has."""
    with Service(apache_kafka.bootstrap_servers, redis_url) as service:
        running = service.create_topics().worker().wait_ready()
        other = f"other-{service.id}"
        stranger = service.worker(namespace=other)
        assert stranger.child.wait(DEADLINE_S) == 2
        log = stranger.log()
        assert f"must be one of the namespace {other} alone, got group-{service.id}" in log
        assert f"workers of the namespace test-{service.id}" in log
        assert "Traceback" not in log
        assert running.metric("streamer_assigned_partitions") == service.n_partitions
        assert running.terminate() == 0
