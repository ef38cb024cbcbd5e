"""Who asks where a proxy asks for others: what ``X-Forwarded-For`` says, as far as it is believed.

Each proxy appends the address that it was asked from, so that what a client writes itself comes first.
Invariant: no client chooses the address that it is counted under.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from streamer.settings.proxy_networks import Network

__all__ = ["client_address"]


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return ``peer``, or where that is a trusted proxy the last address of ``forwarded`` that is none.

    ``forwarded`` are the values of ``X-Forwarded-For`` in their order.  What is no address ends the way
    back: the proxy that passed it on is counted.

    >>> proxies = [ipaddress.ip_network("10.0.0.0/8")]
    >>> client_address("10.0.0.2", ["198.51.100.9, 192.0.2.7", "10.0.0.1"], proxies)
    '192.0.2.7'
    >>> client_address("192.0.2.7", ["198.51.100.9"], proxies)
    '192.0.2.7'
    """
    if not trusted:
        return peer
    address = peer
    for told in reversed([each for value in forwarded for each in value.split(",")]):
        before = _read(address)
        if before is None or not any(before in network for network in trusted):
            break
        host = _without_port(told.strip())
        if _read(host) is None:
            break
        address = host
    return address


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address, that of IPv4 where it is written as one of IPv6; None for what is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(text: str) -> str:
    """Return the address of ``192.0.2.7:80`` and ``[2001:db8::1]:80``, and others as they are."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, _, port = text.partition(":")
    return host if port.isascii() and port.isdigit() else text
