"""The users of `ops/access/redis.acl`, at Redis and Valkey: what each may do, and what nobody may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from tests.rig.redis import DebianRedis
from tests.secrets.access_lists import ACCESS, redis_users, say_users

NAMESPACE = "users"
KEY = f"streamer:{{{NAMESPACE}}}:"
USERS = ("worker", "serve", "console", "operator", "reader", "metrics")
# What an operator of Redis does, and nobody of the product.
NEVER: tuple[tuple[str, ...], ...] = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "requirepass", ""),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("MONITOR",),
    ("EVAL", "return 1", "0"),
    ("SAVE",),
    ("GET", "another"),
    ("GET", "streamer:{another}:identity"),
    ("PUBLISH", "a", "b"),
)
# User, command and whether it may be said.
SOME: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("worker", ("HSET", "cards:transactions:0", "a", "b"), True),
    ("worker", ("SET", "model:head", "a"), True),
    ("worker", ("HGETALL", "review:queue"), False),
    ("worker", ("HGETALL", "audit:heads"), False),
    ("serve", ("HMGET", "cards:transactions:0", "a"), True),
    ("serve", ("GET", "service"), True),
    ("serve", ("SET", "service", "a"), False),
    ("serve", ("HSET", "cards:transactions:0", "a", "b"), False),
    ("serve", ("SET", "model:head", "a"), False),
    ("serve", ("GET", "aliases"), False),
    ("serve", ("HGETALL", "review:queue"), False),
    ("console", ("HSET", "review:queue", "a", "b"), True),
    ("console", ("XTRIM", "review:judged", "MINID", "1"), True),
    ("console", ("XTRIM", "lineage", "MINID", "1"), False),
    ("console", ("HGET", "erasures", "erase-1"), True),
    ("console", ("HDEL", "erasures", "erase-1"), True),
    ("console", ("HDEL", "erasures:done", "erase-1"), False),
    ("console", ("GET", "model:head"), True),
    ("console", ("SET", "model:head", "a"), False),
    ("console", ("XADD", "lineage", "*", "a", "b"), False),
    ("console", ("SET", "policy:head", "a"), False),
    ("console", ("HSET", "partition:transactions:0", "offset", "1"), False),
    ("operator", ("SET", "model:head", "a"), True),
    ("operator", ("HSET", "partition:transactions:0", "offset", "1"), True),
    ("reader", ("GET", "model:head"), True),
    ("reader", ("HGETALL", "audit:heads"), True),
    ("reader", ("SET", "model:head", "a"), False),
    ("reader", ("HMGET", "cards:transactions:0", "a"), False),
    ("metrics", ("GET", "model:head"), False),
)


def password(name: str) -> str:
    return f"password-of-{name}"


@pytest.fixture(scope="module", params=["valkey", "redis"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server with the users, and a default user who sets up."""
    server = request.getfixturevalue("redis_url" if request.param == "valkey" else "redis_debian")
    url = server if isinstance(server, str) else server.url
    with Redis.from_url(url) as admin:
        say_users(admin, NAMESPACE, {name: password(name) for name in redis_users(NAMESPACE)})
        yield url
        for name in redis_users(NAMESPACE):
            admin.execute_command("ACL", "DELUSER", name)


def as_user(url: str, name: str) -> Any:
    return Redis.from_url(
        url, username=f"streamer-{name}", password=password(f"streamer-{name}"), driver_info=None
    )


def is_allowed(client: Any, command: tuple[str, ...]) -> bool:
    try:
        client.execute_command(*command)
    except NoPermissionError:
        return False
    return True


@pytest.mark.parametrize("user", USERS)
def test_nobody_may_what_only_an_operator_of_redis_does(url: str, user: str) -> None:
    with as_user(url, user) as client:
        assert client.ping()
        assert [command for command in NEVER if is_allowed(client, command)] == []


def test_each_user_may_do_what_it_has_to_and_nothing_else(url: str) -> None:
    for user, (name, key, *rest), may in SOME:
        with as_user(url, user) as client:
            assert is_allowed(client, (name, KEY + key, *rest)) == may, (user, name, key)


def test_redis_loads_the_file_and_nobody_gets_in_without_a_password(
    debian_redis_installed: None, tmp_path: Path
) -> None:
    """As ``aclfile``; but for the default user, who is off there, and sets up here."""
    del debian_redis_installed
    lines = (ACCESS / "redis.acl").read_text().splitlines()
    path = tmp_path / "redis.acl"
    path.write_text("\n".join(["user default on nopass ~* &* +@all", *lines[1:]]) + "\n")
    assert lines[0].startswith("user default off ")
    with DebianRedis(aclfile=str(path)) as server, server.client() as admin:
        names = {line.split()[1] for line in lines}
        assert set(map(str, admin.acl_users())) == names
        for name in names - {"default"}:
            with (
                Redis.from_url(server.url_of("", name)) as client,
                pytest.raises(AuthenticationError),
            ):
                client.ping()
        admin.execute_command("ACL", "SETUSER", "streamer-metrics", ">a", ">b")
        # Both passwords during a change.
        for each in ("a", "b"):
            with Redis.from_url(
                server.url_of(each, "streamer-metrics"), driver_info=None
            ) as client:
                assert client.ping()
