"""Debian's Redis of the rig: what survives what, who may come in, and an address that moves."""

from __future__ import annotations

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.sentinel import Sentinel

from tests.rig.redis import DebianRedis, Persistence
from tests.rig.sentinel import RedisSentinel
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.usefixtures("debian_redis_installed")


@pytest.mark.parametrize(
    ("persistence", "found"),
    [("none", None), ("aof-always", b"2"), ("aof-everysec", b"2"), ("rdb", b"1")],
)
def test_a_killed_server_comes_back_on_its_port_with_what_its_persistence_kept(
    persistence: Persistence, found: bytes | None
) -> None:
    """The append-only file has the last write, a snapshot what was there when it was taken."""
    with DebianRedis(persistence) as server:
        before = server.url
        with server.client() as client:
            client.set("key", "1")
            if persistence == "rdb":
                server.snapshot()
            client.set("key", "2")
            if persistence == "aof-everysec":
                # While one second's fsync runs Redis holds back what it has answered since.
                wait_until(
                    lambda: client.info("persistence")["aof_buffer_length"] == 0,
                    "written to the file",
                )
        server.kill()
        server.start()
        assert server.url == before
        with server.client() as client:
            assert client.get("key") == found


def test_a_server_whose_disk_was_lost_starts_empty() -> None:
    """On the same port, as if nothing had ever been there."""
    with DebianRedis("aof-always") as server:
        with server.client() as client:
            client.set("key", "1")
        server.kill()
        server.forget()
        server.start()
        with server.client() as client:
            assert client.dbsize() == 0


def test_a_password_is_asked_for_and_a_user_sees_only_the_keys_of_the_product() -> None:
    """Wrong passwords are refused; an ACL user may write below ``streamer:`` and nowhere else."""
    with DebianRedis(password="right", users={"worker": "hers"}) as server:
        with Redis.from_url(server.url) as client:
            assert client.ping()
        with Redis.from_url(server.url_of("wrong")) as client, pytest.raises(AuthenticationError):
            client.ping()
        with Redis.from_url(server.url_of("hers", "worker")) as client:
            assert client.set("streamer:x", "1")
            with pytest.raises(NoPermissionError):
                client.set("other:x", "1")


def test_settings_are_those_of_redis() -> None:
    """Underscores stand for hyphens."""
    with (
        DebianRedis(maxmemory="50mb", maxmemory_policy="allkeys-lru") as server,
        server.client() as client,
    ):
        assert client.config_get("maxmemory*") == {
            "maxmemory": "52428800",
            "maxmemory-policy": "allkeys-lru",
            "maxmemory-samples": "5",
            "maxmemory-clients": "0",
            "maxmemory-eviction-tenacity": "10",
        }


def test_a_cluster_node_says_so_and_moves_keys_elsewhere() -> None:
    """A node without slots serves no key at all."""
    with DebianRedis(is_cluster=True) as server, server.client() as client:
        assert client.info("cluster") == {"cluster_enabled": 1}
        with pytest.raises(ResponseError, match="Hash slot not served"):
            client.set("key", "1")


def test_the_sentinels_promote_the_replica_and_tell_the_new_address() -> None:
    """The primary that was killed comes back as a replica with all that was written since."""
    with RedisSentinel() as redis:
        sentinel = Sentinel(redis.addresses, socket_timeout=5)
        old = redis.primary()
        with sentinel.master_for(redis.service) as client:
            client.set("key", "1")
            # One replica has it: the answer to WAIT.
            assert client.wait(1, 10_000) == 1
        new = redis.fail_over()
        assert new is not old
        assert sentinel.discover_master(redis.service)[1] == new.port
        with sentinel.master_for(redis.service) as client:
            assert client.get("key") == b"1"
            client.set("key", "2")
        old.start()
        redis.wait_replica(old)
        with old.client() as client:
            assert client.get("key") == b"2"
