"""Addresses and networks of proxies, as a setting: 10.0.0.7,192.0.2.0/24,2001:db8::/32."""

from __future__ import annotations

import ipaddress

__all__ = ["Network", "check_networks", "networks"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_networks(text: str) -> str:
    """Return ``text`` if it has addresses and networks; a ValueError names what is none."""
    try:
        networks(text)
    except ValueError as error:
        raise ValueError(
            f"must be addresses or networks (CIDR), separated by commas: {error}"
        ) from None
    return text


def networks(text: str | None) -> tuple[Network, ...]:
    """Return the networks that are named; an address is one by itself.

    >>> networks("10.0.0.7, 2001:db8::/32")
    (IPv4Network('10.0.0.7/32'), IPv6Network('2001:db8::/32'))
    """
    parts = [] if text is None else text.split(",")
    return tuple(ipaddress.ip_network(part.strip()) for part in parts)
