"""A Redis that does not fit: said in words at the first contact, without secrets."""

from __future__ import annotations

import pytest

from streamer.errors import ConfigurationError, UnavailableError
from tests.rig.redis import DebianRedis
from tests.store.helpers import NOW_MS, answered, opened, raw, run, step

pytestmark = pytest.mark.usefixtures("debian_redis_installed")


@pytest.fixture(scope="module")
def locked():
    with DebianRedis(password="right", users={"reader": "r-secret"}) as server:
        yield server


@pytest.mark.parametrize(
    ("user", "password", "database", "words"),
    [
        ("", "hunter2", 0, "a wrong user or password"),
        ("nobody", "hunter2", 0, "a wrong user or password"),
        ("", None, 0, "no password, which the server asks for"),
        ("", "right", 99, "a database number that the server does not have"),
    ],
)
def test_a_wrong_url_is_a_wrong_setting_and_shows_no_secret(
    locked, user, password, database, words
):
    async def scenario():
        async with opened(locked.url_of(password, user, database), "n") as store:
            for call in (
                store.check_server,
                store.head,
                lambda: store.claim("transactions", 0, "w1", 1),
            ):
                with pytest.raises(ConfigurationError, match=words) as caught:
                    await call()
                assert f"127.0.0.1:{locked.port}/{database}" in str(caught.value)
                for secret in ("hunter2", "right", "r-secret"):
                    assert secret not in str(caught.value)

    run(scenario())


def test_a_password_that_nobody_asks_for_is_a_wrong_setting():
    async def scenario():
        with DebianRedis() as server:
            async with opened(server.url_of("hunter2"), "n") as store:
                with pytest.raises(ConfigurationError, match="does not ask for") as caught:
                    await store.check_server()
                assert "hunter2" not in str(caught.value)

    run(scenario())


def test_a_password_that_is_changed_while_a_worker_runs_is_an_outage():
    """The worker goes on from memory; only its start is refused."""

    async def scenario():
        with DebianRedis() as server:
            async with opened(server.url, "n") as store, raw(server.url) as redis:
                await store.check_server()
                await redis.config_set("requirepass", "new")
                await redis.client_kill_filter(skipme=True)
                for _ in range(5):
                    with pytest.raises(UnavailableError, match=r"no password|must answer"):
                        await store.head()
                assert (store.is_up, store.breaker.state) == (False, "open")

    run(scenario())


def test_rights_that_are_taken_from_a_worker_that_runs_are_an_outage_until_they_are_back():
    """Reads are allowed all the while; only a write that is done says that Redis is well again."""

    async def scenario():
        with DebianRedis(users={"worker": "pw"}) as server:
            async with (
                opened(server.url_of("pw", "worker"), "n") as store,
                raw(server.url) as redis,
            ):
                await store.claim("transactions", 0, "w1", NOW_MS)
                await redis.execute_command("ACL", "SETUSER", "worker", "-@write")
                for call in (lambda: store.heartbeat("w1", NOW_MS), store.head, store.head):
                    with pytest.raises(UnavailableError, match="got NOPERM for"):
                        await call()
                assert (store.is_up, store.breaker.state) == (False, "open")
                assert "must be allowed every command" in store.breaker.error
                await redis.execute_command("ACL", "SETUSER", "worker", "+@write")
                await answered(store.head)
                assert not store.is_up
                await store.heartbeat("w1", NOW_MS)
                assert (store.is_up, store.breaker.error) == (True, "")

    run(scenario())


def test_rights_that_were_never_given_are_a_wrong_setting():
    """The first write of a start is refused, though reads were answered before."""

    async def scenario():
        with DebianRedis(users={"reader": "pw"}) as server:
            async with raw(server.url) as redis:
                await redis.execute_command("ACL", "SETUSER", "reader", "-zadd")
            async with opened(server.url_of("pw", "reader"), "n") as store:
                await store.check_server()
                with pytest.raises(ConfigurationError, match="got NOPERM for ZADD"):
                    await store.heartbeat("w1", NOW_MS)

    run(scenario())


def test_a_user_without_a_command_is_told_which():
    async def scenario():
        with DebianRedis() as server:
            async with raw(server.url) as redis:
                await redis.execute_command(
                    "ACL", "SETUSER", "narrow", "on", ">pw", "~*", "+@all", "-info"
                )
            async with opened(server.url_of("pw", "narrow"), "n") as store:
                with pytest.raises(ConfigurationError, match="got NOPERM for INFO"):
                    await store.check_server()

    run(scenario())


@pytest.mark.parametrize(
    ("policy", "is_fit"),
    [
        ("allkeys-lru", False),
        ("allkeys-random", False),
        ("volatile-lru", True),
        ("noeviction", True),
    ],
)
def test_a_server_that_may_evict_anything_is_refused(policy, is_fit):
    """75 keys evicted, and the ledger of 120,000 records was gone."""

    async def scenario():
        with DebianRedis(maxmemory_policy=policy) as server:
            async with opened(server.url, "n") as store:
                if is_fit:
                    await store.check_server()
                    return
                with pytest.raises(ConfigurationError) as caught:
                    await store.check_server()
                text = str(caught.value)
                assert "maxmemory-policy of Redis" in text
                assert f"got {policy}" in text
                assert "noeviction" in text

    run(scenario())


def test_a_node_of_a_cluster_is_refused_by_name():
    async def scenario():
        with DebianRedis(is_cluster=True) as server:
            async with opened(server.url, "n") as store:
                with pytest.raises(ConfigurationError, match="Redis Cluster is not supported"):
                    await store.check_server()
            async with opened(server.url_of(None, database=1), "n") as store:
                with pytest.raises(ConfigurationError, match="Redis Cluster is not supported"):
                    await store.check_server()

    run(scenario())


def test_the_policy_is_known_where_config_is_forbidden():
    """Hosted servers forbid CONFIG; INFO tells the same."""

    async def scenario():
        with DebianRedis(maxmemory_policy="allkeys-lfu") as server:
            async with raw(server.url) as redis:
                await redis.execute_command(
                    "ACL", "SETUSER", "hosted", "on", ">pw", "~*", "+@all", "-config"
                )
            async with opened(server.url_of("pw", "hosted"), "n") as store:
                with pytest.raises(ConfigurationError, match="got allkeys-lfu"):
                    await store.check_server()

    run(scenario())


def test_a_good_server_is_accepted_and_used(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.check_server()
            await store.claim("transactions", 0, "w1", NOW_MS)
            assert (await store.checkpoint(step(None, 10))).head.sums.transactions_seen == 10
            assert store.is_up
            assert store.calls["done"] >= 4
            assert store.calls["unanswered"] == 0

    run(scenario())
