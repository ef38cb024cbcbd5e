"""A Redis whose address changes, named by real sentinels."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from streamer.errors import ConfigurationError, StoreReplacedError, UnavailableError
from tests.rig.sentinel import RedisSentinel
from tests.rig.waiting import DEADLINE_S
from tests.store.helpers import NOW_MS, answered, opened, run, step

pytestmark = pytest.mark.usefixtures("debian_redis_installed")
TOPIC = "transactions"


@pytest.fixture
def watched():
    with RedisSentinel() as sentinel:
        yield sentinel


def url_of(sentinel: RedisSentinel, service: str = RedisSentinel.service) -> str:
    hosts = ",".join(f"{host}:{port}" for host, port in sentinel.addresses)
    return f"redis+sentinel://{hosts}/{service}/0"


def test_writes_go_on_at_the_new_primary_after_a_failover(watched):
    """The primary is killed between two checkpoints; the first answer after it is right."""

    async def scenario():
        async with opened(url_of(watched), "n") as store:
            await store.check_server()
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            await asyncio.to_thread(watched.wait_copied)
            failing = asyncio.create_task(asyncio.to_thread(watched.fail_over))
            base = 10
            while not failing.done():
                with suppress(UnavailableError):
                    await store.checkpoint(step(base, base + 1))
                    base += 1
                await asyncio.sleep(0.05)
            await failing

            async def go_on():
                return await store.checkpoint(step(base, base + 1))

            try:
                head = (await answered(go_on)).head
            except StoreReplacedError:
                # The last ones before the kill had not been copied, and that is known.
                assert base > 10
                return
            assert head.sums.transactions_seen == base + 1

    run(scenario())


def test_a_failover_that_lost_the_last_checkpoint_is_recognised(watched):
    """The replica stops copying, the primary takes one more checkpoint and dies."""

    async def scenario():
        async with opened(url_of(watched), "n") as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            await asyncio.to_thread(watched.wait_copied)
            old = watched.primary()
            new = next(server for server in watched.servers if server is not old)
            new.pause()
            # What waits in the connection would be copied after all.
            with old.client() as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "replica")
            await store.checkpoint(step(10, 20))
            old.kill()
            new.resume()
            with pytest.raises(
                StoreReplacedError, match=r"offset 20, .* got 10: Redis holds an older"
            ):
                await answered(lambda: store.checkpoint(step(20, 30)))
            assert (await store.partition(TOPIC, 0)).offset == 10
            assert (await store.claim(TOPIC, 0, "w2", NOW_MS)).offset == 10

    run(scenario())


def test_a_service_that_no_sentinel_knows_is_named(watched):
    async def scenario():
        async with opened(url_of(watched, "payments"), "n") as store:
            with pytest.raises(UnavailableError, match=r"/payments/0 must answer.*'payments'"):
                await store.check_server()

    run(scenario())


def test_without_any_sentinel_the_call_ends_in_time():
    async def scenario():
        hosts = "127.0.0.1:1,127.0.0.1:2"
        url = f"redis+sentinel://user:hunter2@{hosts}/streamer/0"
        async with opened(url, "n") as store:
            with pytest.raises(UnavailableError, match=f"{hosts}/streamer/0 must answer") as caught:
                await asyncio.wait_for(store.ping(), DEADLINE_S)
            assert "hunter2" not in str(caught.value)

    run(scenario())


def test_a_wrong_password_behind_sentinel_is_a_wrong_setting(watched):
    async def scenario():
        url = url_of(watched).replace("://", "://:hunter2@")
        async with opened(url, "n") as store:
            with pytest.raises(ConfigurationError, match="does not ask for") as caught:
                await store.check_server()
            assert "hunter2" not in str(caught.value)

    run(scenario())
