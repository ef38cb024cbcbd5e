"""Partitions that stand still while the group answers: on Apache Kafka, each with what health says."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streamer.stream.kafka.topics import topic_names
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.ports import stable_port
from tests.rig.proxy import Proxy
from tests.rig.topics import delete_topic, leader
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, Worker, payments, wait_until
from tests.stream.impatient import IMPATIENT

pytestmark = pytest.mark.usefixtures("apache_kafka_installed")

# Where a request says what it asks for, and what a fetch says there.
_API_KEY = slice(4, 6)
_FETCH = b"\x00\x01"
_NOT_JSON = (b"card-1", b"not JSON")


def said(worker: Worker, what: str, *texts: str) -> bool:
    """Whether one line of /readyz has all of these texts."""
    lines = worker.json("/readyz").get(what, [])
    return any(all(text in line for text in texts) for line in lines)


def wait_said(worker: Worker, what: str, *texts: str) -> None:
    wait_until(lambda: said(worker, what, *texts), lambda: f"{texts}, got {worker.get('/readyz')}")


def test_a_fetch_that_hangs_while_heartbeats_are_answered_is_told_of_and_passes(
    redis_url: str,
) -> None:
    """Both partitions of payments and both of verdicts: no fetch of any of them is answered."""
    inside = stable_port()
    with Proxy(inside) as proxy:
        outside = Listener("PROXIED", "PLAINTEXT", inside, advertised_port=proxy.port)
        with (
            ApacheKafka(listeners=[outside]) as kafka,
            Service(kafka.bootstrap_servers, redis_url, kafka_session_timeout_s="30") as service,
        ):
            proxied = kafka.servers("PROXIED")
            worker = service.create_topics().worker(IMPATIENT, kafka_bootstrap_servers=proxied)
            service.produce(payments(400))
            service.wait_consumed()
            wait_until(lambda: worker.json("/readyz") == {"status": "ready"}, worker.log)
            proxy.hang_connections_that(lambda request: request[_API_KEY] == _FETCH)
            for topic in (service.settings.transactions_topic, service.settings.feedback_topic):
                for p in range(2):
                    place = f"partition {p} of {topic} must answer fetches, got no answer for "
                    wait_said(worker, "because", place, "broker 1 leads it; look at that broker")
            assert worker.get("/readyz")[0] == 503
            assert not said(worker, "because", "the consumer group must answer")
            topic = service.settings.transactions_topic
            stalled = "streamer_partition_stalled_seconds"
            worker.wait_metric(lambda n: n > 4, stalled, topic=topic, partition="0")
            proxy.pass_on()
            service.produce(payments(400, seed=2))
            service.wait_consumed()
            worker.wait_ready()
            worker.wait_metric(lambda n: n == 0, stalled, topic=topic, partition="0")
            service.assert_exact()


def test_a_topic_that_was_deleted_is_told_of_also_when_no_partition_of_it_is_left(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Kafka takes its partitions away from the workers: one without any is ready otherwise."""
    with Service(apache_kafka.bootstrap_servers, redis_url) as service:
        worker = service.create_topics().worker().wait_ready()
        topic = service.settings.transactions_topic
        delete_topic(apache_kafka.admin(), topic)
        wait_said(worker, "because", f"topic {topic} must exist, got none: it was deleted")
        assert worker.get("/readyz")[0] == 503
        service.create_topics()
        service.produce(payments(400))
        service.wait_consumed()
        worker.wait_ready()


def _create(admin: AdminClient, names: Iterable[str], brokers: list[int]) -> None:
    """Create topics whose partition i lies on broker ``brokers[i]`` alone."""
    assignment = [[node_id] for node_id in brokers]
    wanted = [NewTopic(n, len(brokers), replica_assignment=assignment) for n in names]
    created = admin.create_topics(wanted)
    for done in created.values():
        done.result(DEADLINE_S)


def _coordinator(service: Service, admin: AdminClient) -> int:
    """Return which broker coordinates every group; the first question makes Kafka choose one."""

    def chosen() -> tuple[int] | None:
        try:
            service.committed()
        except KafkaException:
            return None
        found = leader(admin, "__consumer_offsets")
        return None if found is None else (found,)

    found: tuple[int] = wait_until(chosen, "a coordinator")
    return found[0]


def test_a_partition_and_a_topic_without_a_leader_are_told_of_and_go_on_with_it(
    redis_url: str,
) -> None:
    """One broker of three dies, with partition 1 of the payments and all of the dead letters."""
    with (
        ApacheKafka(3, offsets_topic_num_partitions=1) as kafka,
        Service(kafka.bootstrap_servers, redis_url) as service,
    ):
        settings, admin = service.settings, kafka.admin()
        coordinator = _coordinator(service, admin)
        victim = (coordinator + 1) % 3
        good, bad = coordinator + 1, victim + 1
        _create(admin, [settings.transactions_topic], [good, bad])
        _create(admin, [settings.dead_letters_topic], [bad, bad])
        there = {settings.transactions_topic, settings.dead_letters_topic}
        others = [*(set(topic_names(settings)) - there), settings.scores_topic]
        _create(admin, others, [good, good])
        kafka.wait_leaders()
        worker = service.worker(IMPATIENT).wait_ready()
        service.produce(payments(1_000))
        service.wait_consumed()
        kafka.kill(victim)
        service.produce([_NOT_JSON, *payments(300, seed=2)], partition=0)
        place = f"partition 1 of {settings.transactions_topic} must answer fetches, got no answer"
        wait_said(worker, "because", place, "it has no leader; start a broker that holds it")
        late = "partition 0 must be checkpointed every 0.3 s, got none for "
        wait_said(worker, "warnings", late, f"{settings.dead_letters_topic} has not taken")
        wait_until(lambda: worker.wrote("checkpoints wait"), worker.log)
        kafka.start_broker(victim)
        kafka.wait_leaders()
        service.produce(payments(300, seed=3))
        service.wait_consumed()
        worker.wait_ready()
        wait_until(lambda: not said(worker, "warnings", "must be checkpointed"), worker.log)
        service.assert_exact()
