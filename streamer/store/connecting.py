"""From a URL to redis-py's client: one Redis, or the primary that Sentinel names.

Invariant: the client repeats nothing by itself, and no step of a call takes longer than the timeout;
the sentinels together have one.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis, Sentinel
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from streamer.errors import ConfigurationError
from streamer.settings.redis_url import RedisUrl
from streamer.store.credentials import Credentials, OfUrl
from streamer.store.sending import packing

__all__ = ["connect", "disconnect", "parsed", "renew", "try_out"]


def parsed(text: str) -> RedisUrl:
    """Return the parts of a URL, or raise ConfigurationError without quoting it."""
    try:
        return RedisUrl.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"STREAMER_REDIS_URL {error}") from None


def connect(
    url: RedisUrl, timeout_s: float, sent: Counter[str], credentials: Credentials | None = None
) -> Any:
    """Return a client that connects at the first command; ``sent`` (IN/OUT) counts them by name.

    ``credentials`` are asked for in place of the URL's.
    """
    if url.sentinels:
        redis = _connect_by_sentinel(url, timeout_s)
    else:
        try:
            redis = Redis.from_url(url.text, **_options(timeout_s))
            _check_options(redis.connection_pool)
        except (ValueError, TypeError):
            raise ConfigurationError(
                "STREAMER_REDIS_URL must have no options but redis-py's own, got another"
            ) from None
    pool = redis.connection_pool
    pool.connection_class = packing(pool.connection_class, sent)
    if credentials is not None:
        # It takes one or the other.
        for name in ("username", "password"):
            pool.connection_kwargs.pop(name, None)
        pool.connection_kwargs["credential_provider"] = credentials
    return redis


async def disconnect(redis: Any) -> None:
    """Close the client's connections, those to the sentinels too."""
    await redis.aclose()
    sentinel = getattr(redis.connection_pool, "sentinel_manager", None)
    if sentinel is not None:
        await redis.connection_pool.disconnect()
        await sentinel.aclose()


async def renew(redis: Any) -> None:
    """Close the connections that are idle, and those in use once they are free.

    The next call connects anew, to wherever the address leads by then.
    """
    pool = redis.connection_pool
    await pool.update_active_connections_for_reconnect()
    with suppress(RedisError, OSError):
        await pool.disconnect(inuse_connections=False)


async def try_out(redis: Any, url: RedisUrl) -> None:
    """Connect once as the client does, with the user and password of ``url``.

    Raises what redis-py does: AuthenticationError where the server does not take them.
    """
    pool = redis.connection_pool
    told = pool.connection_kwargs | {"credential_provider": OfUrl(url)}
    connection = pool.connection_class(**told)
    try:
        await connection.connect()
    finally:
        await connection.disconnect(nowait=True)


def _check_options(pool: Any) -> None:
    """Raise TypeError for an option that no connection has, ConfigurationError for a file of no use.

    The first connection would, again and again: one looks like a defect, the other like an outage.
    """
    connection = pool.connection_class(**pool.connection_kwargs)
    if not isinstance(connection, SSLConnection):
        return
    try:
        connection.ssl_context.get()
    except OSError as error:
        names = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
        given = {name: pool.connection_kwargs.get(name) for name in names}
        files = ", ".join(f"{name}={file}" for name, file in given.items() if file is not None)
        raise ConfigurationError(
            "STREAMER_REDIS_URL must name PEM files of certificates and of the key that belongs to "
            f"them, got {files}: {error.strerror or error}"
        ) from None


def _connect_by_sentinel(url: RedisUrl, timeout_s: float) -> Any:
    # Asked one after the other, and again at every new connection.
    asking = _options(timeout_s / len(url.sentinels))
    sentinel = Sentinel(url.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return sentinel.master_for(
        url.service,
        username=url.username,
        password=url.password,
        db=url.database,
        **_options(timeout_s),
    )


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # Which library connects: a command more that every user would have to be allowed.
        "driver_info": None,
    }
