"""What is to be one tenant's alone: names, addresses, files, keys and groups of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from streamer.settings.card_keys import parsed_card_keys
from streamer.settings.group_roles import group_roles
from streamer.settings.rules import Settings

__all__ = ["held", "host_of"]

_TOPICS: Final = (
    *("transactions_topic", "alerts_topic", "overflow_topic", "dead_letters_topic"),
    *("feedback_topic", "feedback_dead_letters_topic", "audit_topic", "proposals_topic"),
)

# What two tenants must not both have: the setting, what is compared, and whether it may be shown.
_Held = tuple[str, str, bool]


def host_of(settings: Settings) -> str:
    """Return the host of the console's address, "" where it has none."""
    return (urlsplit(settings.console_url or "").hostname or "").rstrip(".")


def held(settings: Settings) -> Iterator[tuple[str, _Held]]:
    """Yield what is to be of one tenant alone: its kind, and what it is."""
    for name in ("namespace", "consumer_group"):
        yield name, (name, getattr(settings, name), True)
    for name in _topics_in_use(settings):
        yield "topic", (name, getattr(settings, name), True)
    if host := host_of(settings):
        # A browser tells hosts apart, and no ports: cookies of one port are sent to the other.
        yield "host", ("console_url", host, True)
    for url in filter(None, map(str.strip, settings.console_workers.split(","))):
        # Whose workers they are is whose figures the page Operations shows.
        yield "worker", ("console_workers", url.rstrip("/"), True)
    for name in ("console_accounts_file", "alert_card_keys_file"):
        if (path := getattr(settings, name)) is not None:
            yield "file", (name, str(path.resolve()), True)
    for name in ("console_secret", "alert_card_key", "card_number_key"):
        if (secret := getattr(settings, name)) is not None:
            yield "key", (name, secret.get_secret_value(), False)
    for key in _keys(settings):
        yield "key", ("serve_api_keys", key, False)
    for key in _card_keys(settings):
        yield "key", ("alert_card_keys_file", key, False)
    yield from _people(settings)


def _people(settings: Settings) -> Iterator[tuple[str, _Held]]:
    """Yield the groups of people who are let in: one that is of both would see both."""
    if settings.oidc_issuer is not None:
        for group in group_roles(settings.oidc_roles):
            yield f"group of {settings.oidc_issuer}", ("oidc_roles", group, True)
    if settings.console_proxy_user_header is not None:
        for group in group_roles(settings.console_proxy_roles):
            yield "group of the proxy", ("console_proxy_roles", group, True)


def _topics_in_use(settings: Settings) -> Iterable[str]:
    yield from _TOPICS
    if settings.scores_enabled:
        yield "scores_topic"
    if settings.features_enabled:
        yield "features_topic"
    if settings.serve_decisions_topic is not None:
        yield "serve_decisions_topic"


def _keys(settings: Settings) -> Iterable[str]:
    told = settings.serve_api_keys
    return filter(None, map(str.strip, (told.get_secret_value() if told else "").split(",")))


def _card_keys(settings: Settings) -> Iterable[str]:
    path = settings.alert_card_keys_file
    if path is None:
        return []
    try:
        return [key.decode() for _, key in parsed_card_keys(path.read_text("utf-8"))]
    except (OSError, ValueError):
        # It was read a moment ago: who begins with it says what is wrong with it now.
        return []
