"""Redis' user and password are changed while a store is in use: nothing of it is an outage."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from streamer.access.secret_file import SecretFile
from streamer.errors import UnavailableError
from streamer.settings.redis_url import RedisUrl
from streamer.store.credentials import Credentials
from tests.rig.redis import DebianRedis
from tests.rig.swapped import renamed_over
from tests.store.helpers import NOW_MS, answered, opened, raw, run

pytestmark = pytest.mark.usefixtures("debian_redis_installed")


class Url:
    """A URL that may be set to another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.told: list[tuple[str, str]] = []

    def get(self) -> RedisUrl:
        return RedisUrl.parse(self.text)

    def tried(self, value: RedisUrl, refusal: str) -> None:
        if not self.told or self.told[-1] != (value.text, refusal):
            self.told.append((value.text, refusal))


async def users_connected(redis: Redis) -> set[str]:
    """Return who is connected, but for the test itself."""
    told = await redis.client_list()
    return {each["user"] for each in told} - {"default"}


def test_a_password_is_changed_with_both_good_meanwhile_and_no_call_fails() -> None:
    async def scenario() -> None:
        with DebianRedis(users={"worker": "old"}) as server:
            url = Url(server.url_of("old", "worker"))
            now = Clock()
            async with (
                opened(url, "n", monotonic=now) as store,
                raw(server.url) as redis,
            ):
                await store.claim("transactions", 0, "w1", NOW_MS)
                await redis.execute_command("ACL", "SETUSER", "worker", ">new")
                url.text = server.url_of("new", "worker")
                await store.heartbeat("w1", NOW_MS)
                await redis.execute_command("ACL", "SETUSER", "worker", "<old")
                now.s += 1.0
                await store.heartbeat("w1", NOW_MS)
                # Whoever has to come in again does so by the new one.
                await redis.execute_command("CLIENT", "KILL", "USER", "worker")
                await store.heartbeat("w1", NOW_MS)
                assert (store.breaker.failures, store.is_up) == (0, True)
                assert store.calls["done"] == sum(store.calls.values())

    run(scenario())


def test_connections_are_made_anew_for_a_user_of_another_name() -> None:
    """As Vault gives out users that it deletes in the end: with them their connections go."""

    async def scenario() -> None:
        with DebianRedis(users={"v-1": "a", "v-2": "b"}) as server:
            url, now = Url(server.url_of("a", "v-1")), Clock()
            async with (
                opened(url, "n", monotonic=now) as store,
                raw(server.url) as redis,
            ):
                await store.claim("transactions", 0, "w1", NOW_MS)
                assert await users_connected(redis) == {"v-1"}
                url.text = server.url_of("b", "v-2")
                await store.heartbeat("w1", NOW_MS)
                # It is asked for once a second.
                assert await users_connected(redis) == {"v-1"}
                now.s += 1.0
                await store.heartbeat("w1", NOW_MS)
                assert await users_connected(redis) == {"v-2"}
                await redis.execute_command("ACL", "DELUSER", "v-1")
                await store.heartbeat("w1", NOW_MS)
                assert store.calls["done"] == sum(store.calls.values())

    run(scenario())


def test_a_password_that_redis_refuses_is_an_outage_until_the_file_has_the_right_one() -> None:
    async def scenario() -> None:
        with DebianRedis(users={"worker": "old"}) as server:
            url = Url(server.url_of("old", "worker"))
            async with opened(url, "n") as store, raw(server.url) as redis:
                await store.claim("transactions", 0, "w1", NOW_MS)
                await redis.execute_command("ACL", "SETUSER", "worker", "resetpass", ">new-canary")
                await redis.execute_command("CLIENT", "KILL", "USER", "worker")
                for _ in range(2):
                    with pytest.raises(UnavailableError, match="wrong user or password") as caught:
                        await store.heartbeat("w1", NOW_MS)
                    assert "canary" not in str(caught.value)
                url.text = server.url_of("new-canary", "worker")
                await answered(lambda: store.heartbeat("w1", NOW_MS))
                assert (store.is_up, store.breaker.error) == (True, "")

    run(scenario())


def test_who_only_reads_is_well_again_after_a_password_was_refused() -> None:
    """`streamer serve` may write nothing but what its probe takes out of the workers."""

    async def scenario() -> None:
        with DebianRedis(users={"serve": "old"}) as server:
            url = Url(server.url_of("old", "serve"))
            async with opened(url, "n") as store, raw(server.url) as redis:
                rights = ("-@write", "(+zrem ~streamer:{n}:workers)")
                await redis.execute_command("ACL", "SETUSER", "serve", *rights)
                await store.heads()
                await redis.execute_command("ACL", "SETUSER", "serve", "resetpass", ">new")
                await redis.execute_command("CLIENT", "KILL", "USER", "serve")
                with pytest.raises(UnavailableError, match="wrong user or password"):
                    await store.heads()
                url.text = server.url_of("new", "serve")
                await answered(store.heads)
                assert store.is_up, store.breaker.error

    run(scenario())


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("redis://host:1/0", ()),
        ("redis://:p%40ss@host:1/0", ("p@ss",)),
        ("redis://user:pass@host", ("user", "pass")),
        ("redis://user@host", ("user", "")),
        ("unix:///run/redis.sock?password=a%20b", ("a b",)),
        ("redis+sentinel://user:pass@a,b/name", ("user", "pass")),
        ("redis+sentinel://:pass@a,b/name", ("pass",)),
    ],
)
def test_credentials_are_read_from_every_form_of_url(text: str, told: tuple[str, ...]) -> None:
    assert Credentials(Url(text), Clock()).get_credentials() == told


def test_credentials_are_asked_for_once_a_second_until_those_that_are_others_are_in_use() -> None:
    url, now = Url("redis://:a@host"), Clock()
    credentials = Credentials(url, now)
    assert credentials.others() is None
    url.text = "redis://:b@host"
    assert credentials.others() is None
    for _ in range(2):
        now.s += 1.0
        found = credentials.others()
        assert found == url.get()
    credentials.refuse(url.get(), "no")
    assert credentials.get_credentials() == ("a",)
    credentials.use(url.get())
    # Connections may be those from before still, if who makes them anew is interrupted.
    now.s += 1.0
    assert (credentials.get_credentials(), credentials.others()) == (("b",), url.get())
    credentials.used()
    now.s += 1.0
    assert credentials.others() is None
    assert url.told == [(url.text, "no"), (url.text, "")]


def test_a_password_that_redis_refuses_leaves_the_good_one_and_is_told_until_it_is_another(
    tmp_path: Path,
) -> None:
    """Written before Redis has it: nothing is counted, and it is taken up once Redis takes it."""

    async def scenario() -> None:
        with DebianRedis(users={"worker": "old"}) as server:
            path, now = tmp_path / "redis_url", Clock()
            path.write_text(server.url_of("old", "worker"))
            file = SecretFile(
                "redis_url", path, RedisUrl.parse, RedisUrl.parse(path.read_text()), is_tried=True
            )
            async with opened(file, "n", monotonic=now) as store, raw(server.url) as redis:

                async def beat(n: int = 1) -> None:
                    for _ in range(n):
                        now.s += 1.0
                        await store.heartbeat("w1", NOW_MS)

                await store.claim("transactions", 0, "w1", NOW_MS)
                renamed_over(path, server.url_of("new-canary", "worker"))
                with capture_logs() as logs:
                    await beat(3)
                    # Who has to come in again still does so by the good one.
                    await redis.execute_command("CLIENT", "KILL", "USER", "worker")
                    await beat()
                    file.get()
                [told] = logs
                assert (told["event"], told["setting"]) == ("secret not taken up", "redis_url")
                assert "a wrong user or password" in told["fault"]
                assert "canary" not in str(logs)
                assert (bool(file.fault), file.n_taken_up) == (True, 0)
                await redis.execute_command("ACL", "SETUSER", "worker", ">new-canary")
                await beat()
                assert (file.fault, file.n_taken_up) == ("", 1)
                # Refused and taken back it was never in force.
                renamed_over(path, server.url_of("wrong", "worker"))
                await beat()
                assert (bool(file.fault), file.n_taken_up) == (True, 1)
                renamed_over(path, server.url_of("new-canary", "worker"))
                await beat()
                assert (file.fault, file.n_taken_up) == ("", 1)
                await redis.execute_command("ACL", "SETUSER", "worker", "<old")
                await redis.execute_command("CLIENT", "KILL", "USER", "worker")
                await beat()
                assert store.calls["done"] == sum(store.calls.values())

    run(scenario())
