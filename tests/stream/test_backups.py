"""docs/backups.md, step by step: a snapshot while all runs, Redis' disk lost, the snapshot restored."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig.apache_kafka import ApacheKafka
from tests.rig.redis import DebianRedis
from tests.stream.harness import Service, payments


@pytest.fixture
def redis(debian_redis_installed: None) -> Iterator[DebianRedis]:
    """One that appends every write, as a production's does."""
    with DebianRedis("aof-everysec") as server:
        yield server


def snapshot(redis: DebianRedis, path: Path) -> Path:
    """Take one as the page does: a copy over the wire, while workers write."""
    subprocess.run(
        [shutil.which("redis-cli") or "redis-cli", "-u", redis.url, "--rdb", str(path)],
        check=True,
        capture_output=True,
    )
    return path


def test_what_a_restored_snapshot_lacks_is_read_again_and_no_alert_comes_twice(
    apache_kafka: ApacheKafka, redis: DebianRedis, tmp_path: Path
) -> None:
    """Nothing is lost while the topic still has it: the ledger and the worker say so."""
    with Service(apache_kafka.bootstrap_servers, redis.url).create_topics() as service:
        service.worker().wait_ready()
        service.produce(payments(2_000))
        service.wait_consumed()
        file = snapshot(redis, tmp_path / "streamer.rdb")
        at_snapshot = service.offsets()
        service.produce(payments(2_000, seed=2))
        later = service.wait_consumed()
        assert later.alerted > 0
        assert service.workers[0].terminate() == 0
        redis.kill()
        redis.restore(file)
        assert service.offsets() == at_snapshot
        worker = service.worker().wait_ready()
        total = service.wait_consumed()
        assert total.lost == 0
        service.assert_exact()
        assert "Redis is older than what Kafka was told" in worker.get("/readyz")[1]


def test_redis_that_appends_starts_empty_beside_a_snapshot_that_was_put_there(
    redis: DebianRedis, tmp_path: Path
) -> None:
    """Why the page has the append-only files switched on last."""
    with redis.client() as client:
        client.set("streamer:{test}:key", 1)
    file = snapshot(redis, tmp_path / "streamer.rdb")
    redis.kill()
    redis.forget()
    shutil.copy(file, redis.folder / "dump.rdb")
    redis.start()
    with redis.client() as client:
        assert client.dbsize() == 0
    redis.kill()
    redis.restore(file)
    redis.kill()
    redis.start()
    with redis.client() as client:
        assert client.dbsize() == 1
        assert client.config_get("appendonly") == {"appendonly": "yes"}
