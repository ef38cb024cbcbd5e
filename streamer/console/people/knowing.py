"""How a person is known, and which roles they have then: a local account, a proxy's word, a provider.

Whoever is known, what they may do is asked elsewhere.
"""

from __future__ import annotations

from streamer.access.opa import Opa
from streamer.console.people.accounts import Accounts
from streamer.console.people.proxied_people import ProxiedPeople
from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.settings import Settings
from streamer.settings.group_roles import group_roles
from streamer.settings.proxy_networks import networks

__all__ = ["accounts_of", "opa_of", "proxied_people_of", "until_of"]


def accounts_of(settings: Settings) -> Accounts:
    """Return the local accounts; `ConfigurationError` where nobody could be known at all."""
    others = settings.console_proxy_user_header, settings.oidc_issuer
    if settings.console_accounts_file or any(others):
        return Accounts(settings.console_accounts_file)
    raise ConfigurationError(
        "STREAMER_CONSOLE_ACCOUNTS_FILE must be set; make the file with "
        "`streamer users add NAME --role ROLE --file FILE` for each person; or set "
        "STREAMER_OIDC_ISSUER, or STREAMER_CONSOLE_PROXY_USER_HEADER"
    )


def proxied_people_of(settings: Settings) -> ProxiedPeople | None:
    """Return how a proxy's word is read, None where none is taken."""
    user = settings.console_proxy_user_header
    if user is None:
        return None
    roles = group_roles(settings.console_proxy_roles)
    # A tenant may believe fewer proxies than the process that it is in.
    trusted = networks(settings.console_trusted_proxies)
    return ProxiedPeople(user, settings.console_proxy_groups_header, roles, trusted)


def opa_of(settings: Settings) -> Opa | None:
    """Return the policy server, None where the built-in rules decide."""
    if settings.opa_url is None:
        return None
    token, namespace = settings.opa_token_file, settings.namespace
    return Opa(settings.opa_url, settings.opa_timeout_s, token, namespace=namespace)


def until_of(at_ms: int) -> int:
    """Return when the day ends at which a proxied person's forms are made anew.

    >>> until_of(86_400_001)
    172800000
    """
    return (at_ms // DAY_MS + 1) * DAY_MS
