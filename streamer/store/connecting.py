"""From a URL to redis-py's client: one Redis, or the primary that Sentinel names.

Invariant: the client repeats nothing by itself, and no step of a call takes longer than the timeout;
the sentinels together have one.
"""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from streamer.errors import ConfigurationError
from streamer.settings.redis_url import RedisUrl

__all__ = ["connect", "disconnect", "parsed"]


def parsed(text: str) -> RedisUrl:
    """Return the parts of a URL, or raise ConfigurationError without quoting it."""
    try:
        return RedisUrl.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"STREAMER_REDIS_URL {error}") from None


def connect(url: RedisUrl, timeout_s: float) -> Any:
    """Return a client that connects at the first command."""
    if url.sentinels:
        return _connect_by_sentinel(url, timeout_s)
    try:
        return Redis.from_url(url.text, **_options(timeout_s))
    except (ValueError, TypeError):
        raise ConfigurationError(
            "STREAMER_REDIS_URL must have no options but redis-py's own, got another"
        ) from None


async def disconnect(redis: Any) -> None:
    """Close the client's connections, those to the sentinels too."""
    await redis.aclose()
    sentinel = getattr(redis.connection_pool, "sentinel_manager", None)
    if sentinel is not None:
        await redis.connection_pool.disconnect()
        await sentinel.aclose()


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
    }
