"""A worker that cannot start says why in a line, on /readyz, and by its exit code."""

from __future__ import annotations

import socket
from collections.abc import Callable

from confluent_kafka.admin import AdminClient

from streamer.settings import load_settings
from streamer.starting.wiring import service_identity
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import cluster_id, create_topics, partition_counts, topic_names
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.ports import NOWHERE
from tests.rig.redis import DebianRedis
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, Worker, payments, wait_until

MakeService = Callable[..., Service]


def _complaints(worker: Worker) -> list[str]:
    """Return the lines of the end of the output that are about errors."""
    log = worker.log()
    assert "Traceback" not in log, log
    return [line for line in log.splitlines() if "critical" in line or line.startswith("streamer:")]


def _wait_told(worker: Worker, words: str) -> str:
    """Return what /readyz says once it is 503 with these words."""
    _, body = wait_until(
        lambda: (answer := worker.get("/readyz"))[0] == 503 and words in answer[1] and answer,
        lambda: f"{worker.get('/readyz')} {worker.log()}",
    )
    return str(body)


def test_without_kafka_readyz_says_what_it_waits_for_and_the_code_is_1(
    make_service: MakeService,
) -> None:
    """503 with the reason for as long as one waits; then one readable line and exit code 1."""
    service = make_service()
    nowhere = {"kafka_bootstrap_servers": NOWHERE}
    patient = service.worker(**nowhere, startup_timeout_s="3600")
    _wait_told(patient, "waiting for Kafka")
    impatient = service.worker(**nowhere, startup_timeout_s="1")
    assert impatient.child.wait(DEADLINE_S) == 1
    (line,) = _complaints(impatient)
    assert "STREAMER_STARTUP_TIMEOUT_S" in line


def test_without_redis_readyz_says_what_it_waits_for_and_the_code_is_1(
    make_service: MakeService,
) -> None:
    """The same for Redis."""
    service = make_service()
    nowhere = {"redis_url": f"redis://:hunter2@{NOWHERE}/0"}
    patient = service.worker(**nowhere, startup_timeout_s="3600")
    body = _wait_told(patient, "waiting for Redis")
    impatient = service.worker(**nowhere, startup_timeout_s="1")
    assert impatient.child.wait(DEADLINE_S) == 1
    (line,) = _complaints(impatient)
    assert "STREAMER_STARTUP_TIMEOUT_S" in line
    assert "hunter2" not in patient.log() + impatient.log() + body


def test_bad_settings_exit_with_2_and_all_faults_before_connecting(
    make_service: MakeService,
) -> None:
    """One line per fault, with addresses at which nothing listens."""
    service = make_service(starts_cold=True)
    worker = service.worker(
        kafka_bootstrap_servers="nowhere",
        alert_budget="3",
        web_port="0",
        redis_url=f"redis://{NOWHERE}/0",
    )
    assert worker.child.wait(DEADLINE_S) == 2
    lines = _complaints(worker)
    assert len(lines) == 3 == len(worker.log().splitlines())
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "ALERT_BUDGET", "WEB_PORT"):
        assert sum(f"STREAMER_{name}" in line for line in lines) == 1


def test_missing_topics_exit_with_2_and_a_line_per_topic(make_service: MakeService) -> None:
    """Every missing topic is named, with what to do about it."""
    service = make_service()
    names = {kind: f"missing-{kind}-{service.id}" for kind in ("alerts", "dead_letters")}
    worker = service.worker(**{f"{kind}_topic": name for kind, name in names.items()})
    assert worker.child.wait(DEADLINE_S) == 2
    log = worker.log()
    assert "Traceback" not in log
    for name in names.values():
        assert f"topic {name} must exist" in log
    assert "STREAMER_CREATE_TOPICS" in log


def test_fewer_alert_partitions_than_transactions_exit_with_2(make_service: MakeService) -> None:
    """Alerts keep their source's partition number, so there must be as many."""
    service = make_service(n_partitions=3)
    narrow = f"narrow-{service.id}"
    create_topics(AdminClient(librdkafka_config(service.settings)), {narrow: 2}, 1)
    worker = service.worker(alerts_topic=narrow)
    assert worker.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(worker)
    assert f"topic {narrow} must have at least the 3 partitions" in line


def test_a_wrong_redis_password_exits_with_2_at_once(
    make_service: MakeService, debian_redis_installed: None
) -> None:
    """Not after the hour that an outage may last here, and without showing any password."""
    with DebianRedis(password="right-one") as redis:
        worker = make_service().worker(redis_url=redis.url_of("hunter2"), startup_timeout_s="3600")
        assert worker.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(worker)
    assert "a wrong user or password" in line
    assert "hunter2" not in worker.log()


def test_a_redis_that_evicts_anything_exits_with_2(
    make_service: MakeService, debian_redis_installed: None
) -> None:
    with DebianRedis(maxmemory_policy="allkeys-lru") as redis:
        worker = make_service().worker(redis_url=redis.url)
        assert worker.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(worker)
    assert "must be noeviction or volatile-*, got allkeys-lru" in line


def test_a_second_service_in_a_namespace_exits_with_2(make_service: MakeService) -> None:
    """Another topic always; other settings of the model while the first worker is alive."""
    first, second = make_service(), make_service()
    namespace = first.env["STREAMER_NAMESPACE"]
    running = first.worker().wait_ready()
    stranger = second.worker(namespace=namespace)
    assert stranger.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(stranger)
    for part in (*(s.settings.transactions_topic for s in (first, second)), "STREAMER_NAMESPACE"):
        assert part in line
    other = first.worker(warmup_transactions="400")
    assert other.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(other)
    assert "STREAMER_WARMUP_TRANSACTIONS: 300 -> 400" in line
    assert running.terminate() == 0
    # It has left in good order: its settings may be replaced at once.
    first.worker(warmup_transactions="400").wait_ready()
    [entry] = [e for e in first.ask(lambda store: store.lineage(10)) if e["reason"] == "settings"]
    assert "-> 400" in entry["changed"]


def test_a_web_port_that_is_taken_exits_with_2(make_service: MakeService) -> None:
    """The line names the setting and the port."""
    service = make_service()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = service.worker(web_port=str(port))
        assert worker.child.wait(DEADLINE_S) == 2
    (line,) = _complaints(worker)
    assert "STREAMER_WEB_PORT" in line
    assert str(port) in line


def test_missing_topics_are_created_where_that_is_allowed(make_service: MakeService) -> None:
    """STREAMER_CREATE_TOPICS=true makes every topic with the asked-for partitions, and it works."""
    service = make_service(starts_cold=True)
    for kind in ("transactions", "alerts", "dead_letters", "feedback"):
        service.env[f"STREAMER_{kind.upper()}_TOPIC"] = f"made-{kind}-{service.id}"
    service.env |= {"STREAMER_CREATE_TOPICS": "true", "STREAMER_TOPIC_PARTITIONS": "2"}
    service.worker().wait_ready()
    counts = partition_counts(AdminClient(librdkafka_config(service.settings)))
    assert {counts[name] for name in topic_names(service.settings)} == {2}
    service.produce(payments(100))
    assert service.wait_consumed().scored == 100


def test_faust_s_own_command_starts_a_worker_that_scores(make_service: MakeService) -> None:
    """`faust -A streamer.stream.app worker`, with the settings from the environment."""
    service = make_service()
    worker = service.worker(("-m", "faust", "-A", "streamer.stream.app", "worker")).wait_ready()
    service.produce(payments(500))
    service.wait_consumed()
    assert service.assert_exact().scored == 500
    assert worker.terminate() == 0


def test_the_id_of_the_cluster_is_known(apache_kafka: ApacheKafka) -> None:
    """Two services of one name on two clusters are not one."""
    settings = load_settings({"STREAMER_KAFKA_BOOTSTRAP_SERVERS": apache_kafka.bootstrap_servers})
    admin = AdminClient(librdkafka_config(settings))
    expected = admin.describe_cluster().result(DEADLINE_S).cluster_id
    assert len(expected) == 22
    assert service_identity(settings, cluster_id(settings)).kafka_cluster_id == expected


# A worker whose client refuses what exceeds 1,000 bytes, as a broker with a lower limit would.
REFUSING = """
import sys
from streamer.stream.publishing import publisher
publisher._CLIENT_MAX_BYTES = 1_000
sys.argv = ["streamer", "worker"]
from streamer.cli import main
main()
"""


def test_a_refused_message_ends_the_worker_with_what_to_look_at(make_service: MakeService) -> None:
    """It would wait for ever otherwise: nothing behind that message can be declared done."""
    service = make_service()
    worker = service.worker(("-c", REFUSING)).wait_ready()
    service.produce([(b"k", b"x" * 5_000)])
    assert worker.child.wait(DEADLINE_S) == 1, worker.log()
    assert "must take every message, got " in worker.log()
    assert "MSG_SIZE_TOO_LARGE" in worker.log()
    assert service.offsets() in ([None, None], [0, None])
