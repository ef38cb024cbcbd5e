"""Who asks, and in which groups they are, as a proxy says that has let them in.

Invariants:
* Nobody is believed who they are but by a proxy that is named: `BehindProxies` says of each request
  whether it came from one, by the address of the connection, before any header changes that.
* A header that is there twice is not believed: one of them may be the browser's own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.access.roles import Role, ordered
from streamer.console.people.accounts import Account, is_name
from streamer.settings.proxy_networks import Network

__all__ = ["BehindProxies", "ProxiedPeople"]

_IS_PROXIED: Final = "streamer.is_proxied"
_PEER: Final = "streamer.peer"
_MOST_TEXT: Final = 8_192


@dataclass(frozen=True, slots=True)
class ProxiedPeople:
    """``roles_of`` are the roles of each group; headers are named as in the settings.

    Of the proxies that the process has, those of ``trusted`` are believed, all where it is None.
    """

    user_header: str
    groups_header: str
    roles_of: Mapping[str, Sequence[Role]]
    trusted: Sequence[Network] | None = None

    def person(self, scope: Mapping[str, Any]) -> Account | None:
        """Return who a proxy says is asking, None where none says so, or not clearly."""
        if not scope.get(_IS_PROXIED, False):
            return None
        if self.trusted is not None and not _is_of(scope.get(_PEER), self.trusted):
            return None
        name = _only(scope, self.user_header)
        if name is None or not is_name(name):
            return None
        groups = {each.strip() for each in (_only(scope, self.groups_header) or "").split(",")}
        roles = {role for group in groups for role in self.roles_of.get(group, ())}
        return Account(name, ordered(set(roles)), "", by="proxy")


class BehindProxies:
    """Around the app: notes of each request whether it came from one of ``trusted``."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            peer = scope.get("client")
            scope = {**scope, _IS_PROXIED: _is_of(peer, self._trusted), _PEER: peer}
        await self._app(scope, receive, send)


def _is_of(client: tuple[str, int] | None, trusted: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return False
    return any(address in network for network in trusted)


def _only(scope: Mapping[str, Any], name: str) -> str | None:
    """Return the one value of a header, None where there is none or more than one."""
    key = name.lower().encode("latin-1")
    found = [value for header, value in scope["headers"] if header == key]
    if len(found) != 1 or len(found[0]) > _MOST_TEXT:
        return None
    return bytes(found[0]).decode("latin-1").strip()
