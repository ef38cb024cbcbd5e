"""The settings by which ``streamer console`` lets people in who log in with a provider of theirs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from streamer.settings.group_roles import check_group_roles
from streamer.settings.retention_settings import RetentionFields
from streamer.settings.settings import ReadableFile, Seconds

__all__ = ["ALGORITHMS", "OidcFields", "algorithms_in", "is_safe_url", "oidc_breaches"]

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
"""By which an ID token may be signed: with a key that the provider alone has.  None and HMAC never."""

Claim = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]


def is_safe_url(url: str) -> bool:
    """Whether it is https, or http to this machine, and nothing but an address.

    >>> is_safe_url("https://login.example/realms/bank"), is_safe_url("http://127.0.0.1:8080")
    (True, True)
    >>> is_safe_url("http://login.example"), is_safe_url("https://user@login.example")
    (False, False)
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def algorithms_in(text: str) -> tuple[str, ...]:
    """Return the algorithms that are listed by commas; a ValueError says what is wrong.

    >>> algorithms_in("ES256, RS256")
    ('ES256', 'RS256')
    """
    named = tuple(part.strip() for part in text.split(","))
    if len(set(named)) != len(named) or not set(named) <= set(ALGORITHMS):
        raise ValueError(f"must be of {', '.join(ALGORITHMS)}, separated by commas, each once")
    return named


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bare_url(value: str) -> str:
    if not is_safe_url(value) or urlsplit(value).query:
        raise ValueError(
            "must be an https URL without user, query and fragment (http to this machine only)"
        )
    return value


def _origin(value: str) -> str:
    if urlsplit(_bare_url(value)).path not in ("", "/"):
        raise ValueError("must be a host's URL without a path, such as https://console.example")
    return value.rstrip("/")


def _algorithms(value: str) -> str:
    algorithms_in(value)
    return value


def _scopes(value: str) -> str:
    if "openid" not in value.split():
        raise ValueError("must have openid among the scopes")
    return value


class OidcFields(RetentionFields):
    """Which provider lets people in, as which client, and what its claims mean here."""

    console_url: Annotated[str, AfterValidator(_origin)] | None = None
    """Address of `streamer console` as people reach it, https://console.example: where an OpenID
    Connect provider sends them back to."""
    oidc_issuer: Annotated[str, AfterValidator(_bare_url)] | None = None
    """OpenID Connect provider that people log in with, by its issuer, exactly as its own discovery
    document has it: https://login.example/realms/bank."""
    oidc_client_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The console's client id at the provider."""
    oidc_client_secret_file: ReadableFile | None = None
    """File with the client's secret; it is read again when it has changed. Without one the client is
    public, and PKCE alone binds a code to the login that asked for it."""
    oidc_scopes: Annotated[str, AfterValidator(_scopes)] = "openid profile"
    """Scopes that are asked for, separated by spaces: what the provider wants for the claims below."""
    oidc_name_claim: Claim = "preferred_username"
    """Claim with a person's name in the console. A name stays with whoever had it first; people are
    told apart by the subject (sub)."""
    oidc_groups_claim: Claim = "groups"
    """Claim with the groups that a person is in: a list of texts."""
    oidc_roles: Annotated[str, AfterValidator(check_group_roles)] = ""
    """Roles of these groups: fraud-team=reviewer,fraud-leads=reviewer+lead. A group that is not named
    has none. Roles are taken at the login and stay until the session ends."""
    oidc_algorithms: Annotated[str, AfterValidator(_algorithms)] = ",".join(ALGORITHMS)
    """Algorithms by which an ID token may be signed, of RS256, PS256 and ES256."""
    oidc_timeout_s: Seconds = 5.0
    """Seconds that the provider has for each answer."""


def oidc_breaches(settings: OidcFields) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is missing beside an issuer, the setting to change first."""
    if settings.oidc_issuer is None:
        return
    for name in ("oidc_client_id", "console_url"):
        if getattr(settings, name) is None:
            yield (name, "oidc_issuer"), "must be set when STREAMER_OIDC_ISSUER is"
    if not settings.oidc_roles:
        yield ("oidc_roles", "oidc_issuer"), "must be set when STREAMER_OIDC_ISSUER is"
