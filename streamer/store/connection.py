"""The connection to Redis, and its errors as ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from redis import asyncio as redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ReadOnlyError,
    TimeoutError,
)
from redis.retry import Retry

from streamer.errors import ConfigurationError, UnavailableError

__all__ = ["connect", "readable"]


def connect(url: str, timeout_s: float) -> Any:
    """Return a client that connects when it is first used, and gives up after ``timeout_s``.

    It does not retry on its own: a write whose answer was lost may have happened, and only the
    checkpoint knows how to find out.  Untyped, since redis's own types leave open whether an answer
    is bytes or text; here it is always bytes.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Raise what goes wrong at Redis as UnavailableError, or ConfigurationError for a password."""
    try:
        yield
    except AuthenticationError as error:
        raise ConfigurationError(
            f"Redis must accept the credentials in STREAMER_REDIS_URL, got: {error}"
        ) from error
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError) as error:
        raise UnavailableError(f"Redis must answer and accept writes, got: {error}") from error
