"""The URL of Redis, taken apart once: for the check of the settings and for the connection.

No error shows the URL, whose password may stand in an unexpected place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["RedisUrl"]

_SENTINEL: Final = "redis+sentinel"
_SENTINEL_PORT: Final = 26_379
_REDIS_PORT: Final = 6_379
_FORMS: Final = (
    "must be redis://[user:password@]host:port/db, rediss://host:port/db, unix:///path "
    "or redis+sentinel://[user:password@]host:port,host:port/service/db"
)


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """One Redis by its address, or by the ``sentinels`` who know where ``service`` is at the moment.

    ``text`` is the URL itself, password included; ``shown`` is what may be shown of it.
    """

    text: str
    shown: str
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    database: int = 0
    username: str | None = None
    password: str | None = None

    @property
    def place(self) -> str:
        """Where it leads and how, without who asks.

        >>> RedisUrl.parse("rediss://user:pw@host/0?ssl_cert_reqs=none&password=b").place
        'rediss://host/0?ssl_cert_reqs=none'
        """
        before, mark, query = self.text.partition("?")
        scheme, _, rest = before.partition("://")
        netloc, slash, path = rest.partition("/")
        kept = "&".join(
            part
            for part in query.split("&")
            if part.partition("=")[0] not in ("username", "password")
        )
        host = netloc.rpartition("@")[2]
        return f"{scheme}://{host}{slash}{path}{mark if kept else ''}{kept}"

    @classmethod
    def parse(cls, text: str) -> RedisUrl:
        """Return the parts of a URL; raise ValueError with what it must be, without quoting it.

        >>> RedisUrl.parse("redis+sentinel://:pw@a:26379,b/payments/2").shown
        'a:26379,b:26379/payments/2'
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise ValueError(_FORMS)
        if "cluster" in scheme:
            raise ValueError(
                "must not name a Redis Cluster, which is not supported: use one Redis, or Sentinel "
                "for failover (redis+sentinel://)"
            )
        if scheme == _SENTINEL:
            return cls._of_sentinels(text, rest)
        if scheme not in ("redis", "rediss", "unix"):
            raise ValueError(_FORMS)
        return cls(text, _shown(text))

    @classmethod
    def _of_sentinels(cls, text: str, rest: str) -> RedisUrl:
        netloc, _, path = rest.partition("/")
        credentials, _, hosts = netloc.rpartition("@")
        username, _, password = credentials.partition(":")
        service, _, database = path.partition("/")
        if not service or not _is_database(database):
            raise ValueError(_FORMS)
        sentinels = tuple(_sentinel(host) for host in hosts.split(","))
        addresses = ",".join(f"{host}:{port}" for host, port in sentinels)
        return cls(
            text,
            f"{addresses}/{unquote(service)}/{database or 0}",
            sentinels,
            unquote(service),
            int(database or 0),
            unquote(username) or None,
            unquote(password) or None,
        )


def _sentinel(text: str) -> tuple[str, int]:
    host, _, port = text.strip().partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535)):
        raise ValueError(_FORMS)
    return host, int(port or _SENTINEL_PORT)


def _shown(text: str) -> str:
    """Return host, port and database of one Redis, or raise ValueError where they are not there."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        # The parser's own words may quote what it took for the port, password included.
        raise ValueError(_FORMS) from None
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError(_FORMS)
        return parts.path
    # redis-py takes a database that is no number for 0.
    if not parts.hostname or port == 0 or not _is_database(parts.path.removeprefix("/")):
        raise ValueError(_FORMS)
    return f"{parts.hostname}:{port or _REDIS_PORT}{parts.path if parts.path != '/' else ''}"


def _is_database(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())
