"""How often passwords may be tried: by whom, from where, and how many at once.

A name is tried ten times a quarter of an hour from an address, so that nobody locks a person out who
works elsewhere; all addresses together try it a hundred times, after which it opens only from where it
was opened in the last 30 days.  An address tries fifty times, whatever the names.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from streamer.durations import DAY_MS, MINUTE_MS
from streamer.errors import UnavailableError
from streamer.store.sittings import Sittings

__all__ = ["TRIES_FROM_AN_ADDRESS", "TRIES_OF_A_NAME", "WINDOW_MS", "Tries", "home_of"]

TRIES_OF_A_NAME: Final = 10
"""Passwords that may be tried for a name from one address in `WINDOW_MS`."""

TRIES_FROM_AN_ADDRESS: Final = 50
"""The same of all names, those that were right aside."""

WINDOW_MS: Final = 15 * MINUTE_MS
_TRIES_FROM_ANYWHERE: Final = 100
_KNOWN_MS: Final = 30 * DAY_MS
# argon2 takes 19 MiB and a twentieth of a second of a core each.
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 20


def home_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the 64 bits that one household is given.

    >>> home_of("192.0.2.7"), home_of("2001:db8::a:1"), home_of("testclient")
    ('192.0.2.7', '2001:db8::/64', 'testclient')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


@dataclass(slots=True)
class Tries:
    """Counts tries in Redis, and lets few passwords be hashed at a time."""

    sittings: Sittings
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _n_waiting: int = 0

    async def may_try(self, name: str, address: str) -> bool:
        """Count a try of ``name`` from ``address``, and return whether it may be made."""
        home, both = home_of(address), _digest(name, address)
        n_of_both = await self.sittings.tried(f"name-{both}", WINDOW_MS)
        n_of_home = await self.sittings.tried(f"address-{home}", WINDOW_MS)
        n_of_name = await self.sittings.tried(f"name-{_digest(name)}", WINDOW_MS)
        if n_of_both > TRIES_OF_A_NAME or n_of_home > TRIES_FROM_AN_ADDRESS:
            return False
        return n_of_name <= _TRIES_FROM_ANYWHERE or await self.sittings.has_come_from(both)

    async def is_news(self, name: str, address: str) -> bool:
        """Whether that a try may not be made is said of these two for the first time in the window."""
        return await self.sittings.tried(f"told-{_digest(name, address)}", WINDOW_MS) == 1

    async def succeeded(self, name: str, address: str) -> None:
        """Take back what the try counted, and remember where it came from."""
        both = _digest(name, address)
        await self.sittings.forget_tries(f"name-{both}")
        await self.sittings.succeeded(f"address-{home_of(address)}")
        await self.sittings.succeeded(f"name-{_digest(name)}")
        await self.sittings.came_from(both, _KNOWN_MS)

    @asynccontextmanager
    async def hashing(self) -> AsyncIterator[None]:
        """Wait for a turn to hash; `UnavailableError` where too many wait already."""
        if self._n_waiting >= _MOST_WAITING:
            raise UnavailableError(f"at most {_MOST_WAITING} logins can wait at a time")
        self._n_waiting += 1
        try:
            async with self._hashing:
                yield
        finally:
            self._n_waiting -= 1


def _digest(name: str, address: str = "") -> str:
    # Whatever stood in the field is no key's name.
    told = f"{name}\0{home_of(address)}" if address else name
    return hashlib.sha256(told.encode()).hexdigest()[:32]
