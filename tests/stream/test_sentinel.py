"""A worker whose Redis fails over: it goes on at the new primary, and nothing is lost or doubled."""

from __future__ import annotations

from streamer.embedded import EmbeddedKafka
from tests.rig.sentinel import RedisSentinel
from tests.stream.harness import Service, payments


def test_a_failover_leaves_the_ledger_exact(
    kafka: EmbeddedKafka, debian_redis_installed: None
) -> None:
    """The primary is killed when all is stored and copied; the worker is not restarted."""
    with RedisSentinel() as sentinel:
        hosts = ",".join(f"{host}:{port}" for host, port in sentinel.addresses)
        url = f"redis+sentinel://{hosts}/{sentinel.service}/0"
        with Service(kafka.bootstrap_servers, url) as service:
            worker = service.create_topics().worker().wait_ready()
            records = iter(payments(6_000))
            service.produce([next(records) for _ in range(3_000)])
            service.wait_consumed()
            sentinel.wait_copied()
            sentinel.fail_over()
            service.produce([next(records) for _ in range(3_000)])
            worker.wait_metric(lambda n: n == 1, "streamer_dependency_up", name="redis")
            service.wait_consumed()
            service.assert_exact()
            assert worker.child.is_running()
            assert worker.metric("streamer_redis_breaker_state", state="closed") == 1
