"""How many payments one client may ask about: a bucket that a rate fills and questions empty.

In whole numbers, nanoseconds of a clock that never goes back and billionths of a payment, so that
waits are exact (the token bucket of J. Turner, New directions in communications, 1986).

Invariants: in any t seconds a client gets at most ``rate * t + burst`` payments; who comes back after
the wait that it was told, and asks for no more, gets them; what is kept is bounded: a client that is
forgotten has a full bucket, or `MOST_CLIENTS` others have asked since.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MOST_CLIENTS", "ClientRates", "RateLimits", "network_of"]

MOST_CLIENTS: Final = 100_000
"""Buckets that are kept: 20 MB."""
_NS: Final = 1_000_000_000
# The one bucket of all clients.
_ALL: Final = ""
# One customer's network has at least this many bits of an address of IPv6 in common.
_SITE_BITS: Final = 64


@dataclass(slots=True)
class RateLimits:
    """Buckets by client: ``rate`` payments a second flow into one of ``burst``; 0 limits nobody."""

    rate: int
    burst: int
    _buckets: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)

    def wait_ns(self, client: str, n_payments: int, now_ns: int, held: int = 0) -> int:
        """Take ``n_payments`` and return 0, or take none and return how long until they are there.

        ``held`` of them were taken before for the same question, and are given back where the others
        are not there, or not wanted any more.  More than ``burst`` are never there: the caller sees to
        it.
        """
        if not self.rate:
            return 0
        full = self.burst * _NS
        level, since_ns = self._buckets.pop(client, (full, now_ns))
        level = min(level + self.rate * (now_ns - since_ns), full)
        missing = (n_payments - held) * _NS - level
        level = min(level + held * _NS if missing > 0 else -missing, full)
        self._buckets[client] = (level, now_ns)
        self._forget(now_ns, full)
        return max(-(-missing // self.rate), 0)

    def _forget(self, now_ns: int, full: int) -> None:
        """Drop the buckets asked for longest ago, as long as they are full again or too many."""
        while self._buckets:
            client, (level, since_ns) = next(iter(self._buckets.items()))
            is_full = level + self.rate * (now_ns - since_ns) >= full
            if not is_full and len(self._buckets) <= MOST_CLIENTS:
                return
            del self._buckets[client]


@dataclass(frozen=True, slots=True)
class ClientRates:
    """The limits of each client, and that of all of them together.

    Invariant: what one of both does not give is taken from neither.
    """

    each: RateLimits
    together: RateLimits

    def wait_ns(self, client: str, n_payments: int, now_ns: int, held: int = 0) -> tuple[int, bool]:
        """Do as `RateLimits.wait_ns`; whether it is the limit of all that makes one wait."""
        wait_ns = self.each.wait_ns(client, n_payments, now_ns, held)
        if wait_ns:
            self.together.wait_ns(_ALL, 0, now_ns, held)
            return wait_ns, False
        wait_ns = self.together.wait_ns(_ALL, n_payments, now_ns, held)
        if wait_ns:
            self.each.wait_ns(client, 0, now_ns, n_payments)
        return wait_ns, True


def network_of(address: str) -> str:
    """Return whom an address belongs to: itself, or of IPv6 the network of a customer.

    >>> network_of("192.0.2.7"), network_of("2001:db8:1:2:3::4"), network_of("unix:")
    ('192.0.2.7', '2001:db8:1:2::/64', 'unix:')
    """
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _SITE_BITS), strict=False))
