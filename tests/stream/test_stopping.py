"""A worker that is asked to end does so within its deadline, whoever does not answer."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from streamer.embedded import EmbeddedRedis
from streamer.embedded.server import free_port
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.proxy import Proxy
from tests.stream.harness import Service, Worker, payments, wait_until

pytestmark = pytest.mark.usefixtures("apache_kafka_installed")

DEADLINE_S = 8.0
# A loaded machine may take its time between the deadline and the end.
SLACK_S = 4.0


def _stop(worker: Worker) -> tuple[int, float]:
    """Return the exit code after SIGTERM and the seconds that it took."""
    started = time.monotonic()
    code = worker.terminate()
    return code, time.monotonic() - started


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
        Service(
            kafka.bootstrap_servers, redis_url, shutdown_timeout_s=f"{DEADLINE_S:g}"
        ) as service,
    ):
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(1_000))
        service.wait_consumed()
        kafka.kill()
        _, took_s = _stop(worker)
        assert took_s < DEADLINE_S + SLACK_S, worker.log()
        service.totals()


def test_kafka_away_with_alerts_that_it_has_not_acknowledged(redis_url: str) -> None:
    """The code is 1, the line names the partitions, and the next worker publishes each alert once."""
    with (
        ApacheKafka() as kafka,
        Service(
            kafka.bootstrap_servers,
            redis_url,
            shutdown_timeout_s=f"{DEADLINE_S:g}",
            alert_budget="0.1",
        ) as service,
    ):
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(2_000))
        service.wait_consumed()
        service.produce(payments(2_000, seed=3))
        kafka.brokers[0].process.send_signal(signal.SIGSTOP)
        code, took_s = _stop(worker)
        kafka.brokers[0].process.send_signal(signal.SIGCONT)
        assert took_s < DEADLINE_S + SLACK_S, worker.log()
        assert code in (0, 1)
        again = service.worker().wait_ready()
        service.produce(payments(500, seed=2))
        assert again.terminate() == 0
        service.worker().wait_ready()
        ids = [alert.alert_id for alert in service.alerts()]
        assert len(ids) == len(set(ids))


def test_redis_hangs_with_many_partitions(apache_kafka: ApacheKafka, redis: EmbeddedRedis) -> None:
    """Not ten seconds a partition: all of them within the deadline, with code 1 and their numbers."""
    with Service(
        apache_kafka.bootstrap_servers,
        redis.url,
        n_partitions=16,
        shutdown_timeout_s=f"{DEADLINE_S:g}",
        redis_timeout_s="5",
    ) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(1_600))
        service.wait_consumed()
        redis.process.send_signal(signal.SIGSTOP)
        service.produce(payments(1_600, seed=2))
        scored = "streamer_transactions_scored_total"
        wait_until(lambda: worker.metric(scored, partition="15") > 100, worker.log)
        worker.child.send_signal(signal.SIGTERM)
        wait_until(lambda: worker.get("/readyz")[0] in (0, 503), worker.log)
        code, took_s = _stop(worker)
        assert took_s < DEADLINE_S + SLACK_S, worker.log()
        assert code == 1
        assert "every partition must be checkpointed, got partitions [" in worker.log()
        redis.process.send_signal(signal.SIGCONT)
        service.worker().wait_ready()
        service.wait_consumed()
        service.assert_exact()


def test_64_partitions(apache_kafka: ApacheKafka, redis_url: str) -> None:
    """Nothing is left over, and the code is 0."""
    with Service(
        apache_kafka.bootstrap_servers, redis_url, n_partitions=64, checkpoint_interval_s="3600"
    ) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(payments(3_200))
        scored = "streamer_transactions_scored_total"
        wait_until(
            lambda: all(worker.metric(scored, partition=str(p)) == 50 for p in range(64)),
            worker.log,
        )
        code, took_s = _stop(worker)
        assert code == 0, worker.log()
        assert took_s < 20 + SLACK_S
        assert service.totals().scored == 3_200


def test_while_it_starts(redis_url: str) -> None:
    """It waits for a Kafka that is not there, and is not asked to wait for it to the end."""
    with Service(
        f"127.0.0.1:{free_port()}", redis_url, shutdown_timeout_s=f"{DEADLINE_S:g}"
    ) as service:
        worker = service.worker()
        wait_until(lambda: "waiting for Kafka" in worker.get("/readyz")[1], worker.log)
        _, took_s = _stop(worker)
        assert took_s < DEADLINE_S + SLACK_S, worker.log()


def test_while_it_claims(apache_kafka: ApacheKafka, redis: EmbeddedRedis) -> None:
    """Redis hangs in the middle of the first claims, and then altogether."""
    proxy = Proxy(redis.port).start()
    try:
        proxy.hang_connections_that(lambda request: b"claimed_at_ms" in request)
        with Service(
            apache_kafka.bootstrap_servers,
            f"redis://127.0.0.1:{proxy.port}/0",
            shutdown_timeout_s=f"{DEADLINE_S:g}",
        ) as service:
            worker = service.create_topics().worker()
            wait_until(lambda: "waits to be claimed: " in worker.get("/readyz")[1], worker.log)
            proxy.hang()
            _, took_s = _stop(worker)
            assert took_s < DEADLINE_S + SLACK_S, worker.log()
    finally:
        proxy.close()
