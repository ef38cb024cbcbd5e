"""User and password of Redis where they may change while a process runs.

Each connection asks for them as it is made.  One that is there already stays what it was: Redis keeps
it until its user is deleted, which Vault does with users that it made up.  So connections are made anew
once the credentials are others, and nobody uses the old ones when they are taken away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from redis.asyncio.connection import parse_url
from redis.credentials import CredentialProvider

from streamer.settings.redis_url import RedisUrl

__all__ = ["Credentials"]

# How long a process may take to find out; a stat of the file each time.
_INTERVAL_S: Final = 1.0


class Credentials(CredentialProvider):
    """Those of the URL that ``url`` returns, whenever it is asked."""

    def __init__(self, url: Callable[[], RedisUrl], monotonic: Callable[[], float]) -> None:
        self._url = url
        self._monotonic = monotonic
        self._known = url().text
        self._ask_at = -math.inf

    def are_others(self) -> bool:
        """Whether they are others than before; asks at most once a second."""
        now = self._monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + _INTERVAL_S
        before, self._known = self._known, self._url().text
        return self._known != before

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return what AUTH is sent with; empty where nothing is."""
        url = self._url()
        if url.sentinels:
            username, password = url.username, url.password
        else:
            told = parse_url(url.text)
            username, password = told.get("username"), told.get("password")
        if username:
            return username, password or ""
        # redis-py sends no AUTH for none at all, which its type does not say.
        return (password,) if password else ()  # type: ignore[return-value]

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return the same: the file is small, and read where it has changed."""
        return self.get_credentials()
