"""Workers that come, go and come back in a group on Apache Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.rig.apache_kafka import ApacheKafka
from tests.stream.conftest import MakeService
from tests.stream.harness import Service, Worker, payments, wait_until


@pytest.fixture
def make(apache_kafka: ApacheKafka, redis_url: str) -> Iterator[MakeService]:
    """Makes services on Apache Kafka."""
    with ExitStack() as stack:

        def service(**options: Any) -> Service:
            made = Service(apache_kafka.bootstrap_servers, redis_url, **options)
            return stack.enter_context(made).create_topics()

        yield service


def _held(workers: list[Worker]) -> list[float]:
    return sorted(worker.metric("streamer_assigned_partitions") for worker in workers)


def test_partitions_go_round_and_a_worker_without_any_is_ready(make: MakeService) -> None:
    """Four partitions on three workers are 1, 1 and 2; on five, one worker waits and is ready."""
    service = make(n_partitions=4)
    workers = [service.worker() for _ in range(3)]
    wait_until(lambda: _held(workers) == [1, 1, 2], lambda: workers[0].log())
    workers += [service.worker() for _ in range(2)]
    wait_until(lambda: _held(workers) == [0, 1, 1, 1, 1], lambda: workers[0].log())
    for worker in workers:
        worker.wait_ready()
    service.produce(payments(4_000))
    service.wait_consumed()
    service.assert_exact()


def test_a_named_worker_scores_again_soon_after_kill_9(make: MakeService) -> None:
    """It gets its partitions at once; without a name the group waits for half an hour, its session."""
    named = {"kafka_group_instance_id": "worker-0", "kafka_session_timeout_s": "1800"}
    service = make(n_partitions=2, **named)
    worker = service.worker().wait_ready()
    service.produce(payments(1_000))
    service.wait_consumed()
    worker.kill()
    service.produce(payments(100, seed=2))
    again = service.worker()
    again.wait_scored(1)
    service.wait_consumed()
    service.assert_exact()
