"""Redis away, slow, emptied or refusing: what the caller is told, and that nothing is doubled."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from streamer.embedded import EmbeddedRedis
from streamer.errors import ConfigurationError, InvariantError, StoreReplacedError, UnavailableError
from tests.rig.ports import stable_port
from tests.rig.proxy import Proxy
from tests.rig.redis import DebianRedis
from tests.rig.waiting import DEADLINE_S
from tests.store.helpers import NOW_MS, UNREAD, answered, opened, raw, run, step

TOPIC = "transactions"


def test_a_lost_answer_to_exec_is_not_applied_twice(redis_url, namespace):
    """The proxy hangs up after Redis has written and before the worker has heard of it."""

    async def scenario():
        with Proxy(urlsplit(redis_url).port) as proxy:
            async with opened(f"redis://127.0.0.1:{proxy.port}/0", namespace) as store:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                proxy.cut_answer_to(b"EXEC")
                with pytest.raises(UnavailableError, match="must answer"):
                    await store.checkpoint(step(None, 10))
                assert proxy.n_cut == 1
                assert (await store.partitions())[TOPIC, 0].offset == 10
                saved = (await store.checkpoint(step(None, 10))).head
                assert saved.sums.transactions_seen == 10
                assert len(await store.lineage(10)) == 1
                following = (await store.checkpoint(step(10, 15))).head
                assert following.sums.transactions_seen == 15

    run(scenario())


def test_a_connection_lost_while_the_head_is_read_is_no_conflict(redis_url, namespace):
    """redis-py calls it one; it is Redis that does not answer, and the same checkpoint goes through."""

    async def scenario():
        with Proxy(urlsplit(redis_url).port) as proxy:
            async with opened(f"redis://127.0.0.1:{proxy.port}/0", namespace) as store:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                await store.checkpoint(step(None, 10))
                proxy.cut_answer_to(b"model:version")
                with pytest.raises(UnavailableError, match="must answer"):
                    await store.checkpoint(step(10, 15))
                assert proxy.n_cut == 1
                saved = (await store.checkpoint(step(10, 15))).head
                assert saved.sums.transactions_seen == 15

    run(scenario())


def test_a_lost_answer_is_not_applied_twice_though_another_partition_went_on(redis_url, namespace):
    async def scenario():
        with Proxy(urlsplit(redis_url).port) as proxy:
            async with opened(f"redis://127.0.0.1:{proxy.port}/0", namespace) as store:
                for partition in (0, 1):
                    await store.claim(TOPIC, partition, "w1", NOW_MS)
                proxy.cut_answer_to(b"EXEC")
                with pytest.raises(UnavailableError):
                    await store.checkpoint(step(None, 10))
                await store.checkpoint(step(None, 5, partition=1))
                saved = (await store.checkpoint(step(None, 10))).head
                assert saved.sums.transactions_seen == 15

    run(scenario())


def test_a_killed_server_is_unavailable_and_an_emptied_one_is_not_written_to():
    async def scenario():
        port = stable_port()
        first = EmbeddedRedis(port=port)
        first.start()
        async with opened(f"redis://127.0.0.1:{port}/0", "outage") as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            first.stop()
            calls = [
                store.ping,
                store.head,
                store.partitions,
                lambda: store.checkpoint(step(10, 20)),
                lambda: store.claim(TOPIC, 0, "w1", NOW_MS),
                lambda: store.load_entities(TOPIC, 0, {"cards": ["card-1"]}),
                lambda: store.add_feedback(
                    "fraud-feedback", 0, 1, [(0, {"verdict": "fraud"})], UNREAD
                ),
            ]
            for call in calls:
                with pytest.raises(UnavailableError, match=rf"Redis at 127.0.0.1:{port}/0 must"):
                    await call()
            with EmbeddedRedis(port=port):
                for call in calls[3:5] + calls[6:]:
                    with pytest.raises(StoreReplacedError, match="got none: it was emptied"):
                        await answered(call)
                assert await store.partitions() == {}

    run(scenario())


def test_a_server_that_accepts_and_never_answers_is_unavailable_in_time():
    async def scenario():
        async def silent(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with opened(f"redis://127.0.0.1:{port}", "silent", timeout_s=0.2) as store:
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(store.checkpoint(step(None, 10)), DEADLINE_S)
        server.close()
        await server.wait_closed()

    run(scenario())


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@host:port",
        "http://:hunter2@host",
        "hunter2",
        "redis://:hunter2@host/payments",
        "redis+sentinel://:hunter2@host:26379",
        "redis+sentinel://:hunter2@host:port/service",
        "redis+cluster://:hunter2@host:6379",
        "redis://:hunter2@host?no_such_option=1",
        "rediss://:hunter2@host?ssl_ca_certs=/no/such/file.pem",
    ],
)
def test_an_unusable_url_is_a_configuration_error_that_does_not_show_it(url):
    async def scenario():
        with pytest.raises(ConfigurationError, match="STREAMER_REDIS_URL") as caught:
            async with opened(url, "n"):
                pass
        assert "hunter2" not in str(caught.value)

    run(scenario())


def test_a_namespace_with_braces_is_refused():
    async def scenario():
        with pytest.raises(ConfigurationError, match="STREAMER_NAMESPACE"):
            async with opened("redis://localhost", "a}b"):
                pass

    run(scenario())


def test_a_read_only_replica_is_unavailable(redis_url):
    async def scenario():
        with EmbeddedRedis() as server:
            url = f"redis://127.0.0.1:{server.port}/0"
            async with opened(url, "replica") as store, raw(url) as redis:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                await redis.execute_command("REPLICAOF", "127.0.0.1", urlsplit(redis_url).port)
                with pytest.raises(UnavailableError):
                    await store.claim(TOPIC, 0, "w1", NOW_MS)

    run(scenario())


@pytest.mark.usefixtures("debian_redis_installed")
def test_a_primary_demoted_behind_its_address_is_left_for_the_one_that_the_address_leads_to():
    """Its connections stay open and it answers reads: neither makes it a Redis that is up."""

    async def scenario():
        with (
            DebianRedis(repl_diskless_sync_delay=0) as first,
            DebianRedis(repl_diskless_sync_delay=0) as second,
            Proxy(first.port) as proxy,
        ):
            second.follow(first)
            address = f"redis://127.0.0.1:{proxy.port}/0"
            async with opened(address, "moved") as store:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                await store.checkpoint(step(None, 10))
                second.take_over(first)
                for call in (lambda: store.checkpoint(step(10, 20)), store.head, store.partitions):
                    with pytest.raises(UnavailableError, match="is a read-only replica"):
                        await call()
                assert (store.is_up, store.breaker.state) == (False, "open")
                proxy.target = second.port
                assert await answered(lambda: store.checkpoint(step(10, 20)))
                assert (store.is_up, store.breaker.failures) == (True, 0)
                assert store.calls["unanswered"] == 0
            async with opened(second.url, "moved") as store:
                assert (await store.partitions())[TOPIC, 0].offset == 20

    run(scenario())


def test_a_full_server_is_unavailable_and_nothing_is_half_written():
    async def scenario():
        with EmbeddedRedis() as server:
            url = f"redis://127.0.0.1:{server.port}/0"
            async with opened(url, "full") as store, raw(url) as redis:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                await redis.execute_command("CONFIG", "SET", "maxmemory", "1")
                with pytest.raises(UnavailableError, match="out of memory; raise maxmemory"):
                    await store.checkpoint(step(None, 10, entities={"cards": {"card-1": b"1"}}))
                await redis.execute_command("CONFIG", "SET", "maxmemory", "0")
                assert (await store.partitions())[TOPIC, 0].offset is None
                assert (await store.checkpoint(step(None, 10))).head.sums.transactions_seen == 10

    run(scenario())


def test_a_key_of_another_type_is_an_invariant_error_without_card_numbers(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await redis.set(f"streamer:{{{namespace}}}:cards:{TOPIC}:0", "x")
            with pytest.raises(InvariantError, match="WRONGTYPE") as caught:
                await store.load_entities(TOPIC, 0, {"cards": ["4111111111111111"]})
            assert "4111" not in str(caught.value)

    run(scenario())


def test_a_cancelled_checkpoint_leaves_the_connection_usable(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            for after_s in (0.0, 0.0005, 0.001, 0.002, 0.004):
                saving = asyncio.create_task(store.checkpoint(step(None, 10)))
                await asyncio.sleep(after_s)
                saving.cancel()
                await asyncio.gather(saving, return_exceptions=True)
                await store.ping()
            saved = (await store.checkpoint(step(None, 10))).head
            assert saved.sums.transactions_seen == 10

    run(scenario())
