"""A worker that is asked to end does so within its deadline, whoever does not answer.

Whoever does not answer here never does, so that a stop without a deadline has no end: how long one
takes is the machine's, and is not measured.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from streamer.embedded import EmbeddedRedis
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.broker import Listener
from tests.rig.ports import NOWHERE, stable_port
from tests.rig.proxy import Proxy
from tests.stream.harness import Service, payments, wait_until

pytestmark = pytest.mark.usefixtures("apache_kafka_installed")

SOON = "8"
# Where a request to Kafka says what it asks for, and what it says there when it brings records.
API_KEY = slice(4, 6)
PRODUCE = b"\x00\x00"


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    """A Redis that a test may stop in its tracks."""
    with EmbeddedRedis() as server:
        yield server
        server.process.send_signal(signal.SIGCONT)


def test_kafka_away(redis_url: str) -> None:
    """What has been published is checkpointed, and the goodbyes to Kafka are cut short."""
    with (
        ApacheKafka() as kafka,
        Service(kafka.bootstrap_servers, redis_url, shutdown_timeout_s=SOON) as service,
    ):
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(1_000))
        service.wait_consumed()
        kafka.kill()
        worker.terminate()
        assert service.totals().consumed == 1_000


def test_alerts_that_kafka_has_not_acknowledged(redis_url: str) -> None:
    """The code is 1, the line names the partitions, and the next worker publishes each alert once."""
    inside = stable_port()
    with Proxy(inside) as proxy:
        outside = Listener("PROXIED", "PLAINTEXT", inside, advertised_port=proxy.port)
        # Half a session is how long an alert may wait.
        settings = {"shutdown_timeout_s": SOON, "kafka_session_timeout_s": "1800"}
        with (
            ApacheKafka(listeners=[outside]) as kafka,
            Service(kafka.bootstrap_servers, redis_url, alert_budget="0.1", **settings) as service,
        ):
            proxied = kafka.servers("PROXIED")
            worker = service.create_topics().worker(kafka_bootstrap_servers=proxied).wait_ready()
            service.produce(payments(2_000))
            service.wait_consumed()
            proxy.hang_connections_that(lambda request: request[API_KEY] == PRODUCE)
            service.produce(payments(2_000, seed=3))
            queued = "streamer_publish_queue_messages"
            worker.wait_metric(lambda n: n > 0, queued)
            assert worker.terminate() == 1
            assert "every partition must be checkpointed, got partitions [" in worker.log()
            proxy.pass_on()
            service.successor()
            service.wait_consumed()
            assert service.assert_exact().alerted > 0


def test_redis_hangs_with_many_partitions(apache_kafka: ApacheKafka, redis: EmbeddedRedis) -> None:
    """Not ten seconds a partition: all of them within the deadline, with code 1 and their numbers."""
    with Service(
        apache_kafka.bootstrap_servers,
        redis.url,
        n_partitions=16,
        shutdown_timeout_s=SOON,
        redis_timeout_s="5",
    ) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(1_600))
        service.wait_consumed()
        redis.process.send_signal(signal.SIGSTOP)
        service.produce(payments(1_600, seed=2))
        worker.wait_scored(1_700)
        assert worker.terminate() == 1
        assert "every partition must be checkpointed, got partitions [" in worker.log()
        redis.process.send_signal(signal.SIGCONT)
        service.worker().wait_ready()
        service.wait_consumed()
        service.assert_exact()


def test_64_partitions(apache_kafka: ApacheKafka, redis_url: str) -> None:
    """Nothing is left over, and the code is 0."""
    with Service(
        apache_kafka.bootstrap_servers,
        redis_url,
        n_partitions=64,
        checkpoint_interval_s="3600",
        # Not what is tested: 64 checkpoints are as much work as there is.
        shutdown_timeout_s="100",
    ) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(3_200))
        worker.wait_scored(3_200)
        assert worker.terminate() == 0, worker.log()
        assert service.totals().scored == 3_200


def test_while_it_starts(redis_url: str) -> None:
    """It waits for a Kafka that is not there, and is not asked to wait for it to the end."""
    endless = {"startup_timeout_s": "3600", "shutdown_timeout_s": SOON}
    with Service(NOWHERE, redis_url, **endless) as service:
        worker = service.worker()
        wait_until(lambda: "waiting for Kafka" in worker.get("/readyz")[1], worker.log)
        worker.terminate()


def test_while_it_claims(apache_kafka: ApacheKafka, redis: EmbeddedRedis) -> None:
    """Redis hangs in the middle of the first claims, and then altogether."""
    proxy = Proxy(redis.port).start()
    try:
        proxy.hang_connections_that(lambda request: b"claimed_at_ms" in request)
        with Service(
            apache_kafka.bootstrap_servers,
            f"redis://127.0.0.1:{proxy.port}/0",
            shutdown_timeout_s=SOON,
            redis_timeout_s="1",
        ) as service:
            worker = service.create_topics().worker()
            wait_until(lambda: "waits to be claimed: " in worker.get("/readyz")[1], worker.log)
            proxy.hang()
            worker.terminate()
    finally:
        proxy.close()
