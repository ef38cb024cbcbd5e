"""User and password of Redis where they may change while a process runs.

Each connection asks for them as it is made.  One that is there already stays what it was: Redis keeps
it until its user is deleted, which Vault does with users that it made up.  So connections are made anew
once the credentials are others, and nobody uses the old ones when they are taken away.

Invariant: what connections are made with was taken by Redis when it was tried, or was there at the
start.  What is refused is tried again, once a second, while the pair before stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from redis.asyncio.connection import parse_url
from redis.credentials import CredentialProvider

from streamer.settings.redis_url import RedisUrl

__all__ = ["Credentials", "FollowedUrl", "OfUrl"]

# How long a process may take to find out; a stat of the file each time.
_INTERVAL_S: Final = 1.0


class FollowedUrl(Protocol):
    """A URL whose user and password may change, as a file has it."""

    def get(self) -> RedisUrl:
        """Return it as it is now."""

    def tried(self, value: RedisUrl, refusal: str) -> None:
        """Be told what Redis said to it, nothing where it is good."""


class OfUrl(CredentialProvider):
    """Those of one URL."""

    def __init__(self, url: RedisUrl) -> None:
        self.url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return what AUTH is sent with; empty where nothing is."""
        url = self.url
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
        """Return the same, which are known."""
        return self.get_credentials()


class Credentials(OfUrl):
    """Those of ``followed`` that Redis took last."""

    def __init__(self, followed: FollowedUrl, monotonic: Callable[[], float]) -> None:
        super().__init__(followed.get())
        self._followed = followed
        self._monotonic = monotonic
        self._known = self.url
        self._ask_at = -math.inf

    def others(self) -> RedisUrl | None:
        """Return those that are to be tried, None where nothing has changed; once a second."""
        now = self._monotonic()
        if now < self._ask_at:
            return None
        self._ask_at = now + _INTERVAL_S
        found = self._followed.get()
        return None if found == self._known else found

    def refuse(self, url: RedisUrl, refusal: str) -> None:
        """Note that Redis does not take these: those before stay."""
        self._followed.tried(url, refusal)

    def use(self, url: RedisUrl) -> None:
        """Make connections with these, which Redis has taken, from now on."""
        self.url = url

    def used(self) -> None:
        """Note that connections with those before are used no more."""
        self._known = self.url
        self._followed.tried(self.url, "")
