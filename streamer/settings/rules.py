"""Limits that join several settings, each with the reason that the person who set them needs.

A rule sees settings that are valid one by one.  `Settings` raises one error that carries every
broken rule with the settings it concerns, so that `load_settings` can leave out a rule whose own
settings are at fault already.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from streamer.settings.certificates import certificate_breaches
from streamer.settings.console_settings import ConsoleFields
from streamer.settings.oidc_settings import oidc_breaches
from streamer.settings.proxy_networks import networks
from streamer.settings.serve_settings import ServeFields
from streamer.settings.settings import Fields

__all__ = ["RULES_ERROR", "Breach", "Settings"]

RULES_ERROR: Final = "settings_rules"

# k-means++ picks centers out of the warm-up buffer: with fewer samples than this per center, single
# transactions become centers.
WARMUP_PER_CLUSTER: Final = 20
# Cards and merchants touched since the last checkpoint exist in memory only.  Scoring waits when four
# checkpoints are due, and the batch that comes next needs room beside what these hold: with room for
# five, making room never reaches an entry that is not saved yet.
CHECKPOINTS_HELD: Final = 5

_TOPICS: Final = (
    "transactions_topic",
    "alerts_topic",
    "overflow_topic",
    "dead_letters_topic",
    "feedback_topic",
    "feedback_dead_letters_topic",
    "scores_topic",
    "features_topic",
    "serve_decisions_topic",
    "audit_topic",
)

_NAMES: Final = r"[A-Za-z0-9_-]{1,64}"
_FIRST_NAMESPACE: Final = Fields.model_fields["namespace"].default
_FIRST_GROUP: Final = Fields.model_fields["consumer_group"].default

# The settings that a rule read, the first being the one to change, and what is wrong with it.
Breach = tuple[tuple[str, ...], str]


class Settings(ConsoleFields):
    """What a worker needs to know: fields between which every rule holds."""

    @model_validator(mode="before")
    @classmethod
    def _group_of_the_namespace(cls, values: Any) -> Any:
        # One group for two namespaces: each would get half of the other's partitions.
        namespace = values.get("namespace") if isinstance(values, Mapping) else None
        if namespace in (None, _FIRST_NAMESPACE) or "consumer_group" in values:
            return values
        if not re.fullmatch(_NAMES, str(namespace)):
            return values
        return {**values, "consumer_group": f"{namespace}.{_FIRST_GROUP}"}

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        _check_rules(self)
        return self


def _check_rules(settings: ServeFields) -> None:
    """Raise a pydantic error with every `Breach` in its context; do nothing when all rules hold."""
    breaches = [
        *_sasl(settings),
        *_ssl(settings),
        *_topics(settings),
        *_registry(settings),
        *_web(settings),
        *_sizes(settings),
        *_serve(settings),
        *_money(settings),
        *_people(settings),
        *_cards(settings),
    ]
    if breaches:
        text = "; ".join(f"{names[0]} {condition}" for names, condition in breaches)
        raise PydanticCustomError(RULES_ERROR, "{text}", {"text": text, "breaches": breaches})


def _people(settings: ServeFields) -> Iterator[Breach]:
    if not isinstance(settings, ConsoleFields):
        return
    yield from oidc_breaches(settings)
    if settings.console_proxy_user_header is None:
        return
    header, proxies = "console_proxy_user_header", "console_trusted_proxies"
    if settings.oidc_issuer is not None:
        # One person would be two: each way gives names of its own.
        yield (header, "oidc_issuer"), "must not be set when STREAMER_OIDC_ISSUER is"
    try:
        is_named = bool(networks(settings.console_trusted_proxies))
    except ValueError:
        is_named = False
    if not is_named:
        # Whoever reaches the port could say who they are.
        yield (
            (proxies, header),
            f"must name addresses or networks (CIDR) when {_env(header)} is set",
        )
    if not settings.console_proxy_roles:
        yield ("console_proxy_roles", header), f"must be set when {_env(header)} is"


def _cards(settings: Fields) -> Iterator[Breach]:
    key, handling = "card_number_key", settings.card_numbers
    if (handling == "mask") != (settings.card_number_key is not None):
        # A key that masks nothing means that somebody believes it does.
        must = "must be set" if handling == "mask" else "must not be set"
        yield (key, "card_numbers"), f"{must} when {_env('card_numbers')} is {handling}"
    one, several = "alert_card_key", "alert_card_keys_file"
    if settings.alert_card_key is not None and settings.alert_card_keys_file is not None:
        yield (one, several), f"must not be set when {_env(several)} is: make it a line of the file"


def _sasl(settings: Fields) -> Iterator[Breach]:
    protocol = settings.kafka_security_protocol
    for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
        names = (name, "kafka_security_protocol")
        given = getattr(settings, name) is not None
        if protocol.startswith("SASL_") and not given:
            yield names, f"must be set when {_env(names[1])} is {protocol}"
        elif given and not protocol.startswith("SASL_"):
            yield names, f"must not be set when {_env(names[1])} is {protocol}"


def _ssl(settings: Fields) -> Iterator[Breach]:
    protocol = settings.kafka_security_protocol
    # Certificates next to a plain protocol mean that somebody believes the connection is encrypted.
    for name in (
        "kafka_ssl_ca_file",
        "kafka_ssl_certificate_file",
        "kafka_ssl_key_file",
        "kafka_ssl_key_password",
    ):
        if getattr(settings, name) is not None and not protocol.endswith("SSL"):
            names = (name, "kafka_security_protocol")
            yield names, f"must not be set when {_env(names[1])} is {protocol}"
    if settings.kafka_ssl_key_file and not settings.kafka_ssl_certificate_file:
        names = ("kafka_ssl_certificate_file", "kafka_ssl_key_file")
        yield names, f"must be set when {_env(names[1])} is"
    if settings.kafka_ssl_key_password and not settings.kafka_ssl_key_file:
        names = ("kafka_ssl_key_file", "kafka_ssl_key_password")
        yield names, f"must be set when {_env(names[1])} is"


def _registry(settings: Fields) -> Iterator[Breach]:
    url, user, password = (f"schema_registry_{n}" for n in ("url", "username", "password"))
    for name, other in ((user, password), (password, user)):
        if getattr(settings, name) is not None:
            if getattr(settings, url) is None:
                yield (name, url), f"must not be set when {_env(url)} is not"
            if getattr(settings, other) is None:
                yield (other, name), f"must be set when {_env(name)} is"
    if ":" in (settings.schema_registry_username or ""):
        # HTTP's basic authentication ends a name there.
        yield (user,), f"must have no colon, got {settings.schema_registry_username}"
    yield from _registry_ssl(settings, url)


def _registry_ssl(settings: Fields, url: str) -> Iterator[Breach]:
    prefix = "schema_registry_ssl_"
    ca, certificate, key, password = (
        prefix + name for name in ("ca_file", "certificate_file", "key_file", "key_password")
    )
    given = [n for n in (ca, certificate, key, password) if getattr(settings, n) is not None]
    if not (settings.schema_registry_url or "").startswith("https:"):
        for name in given:
            yield (name, url), f"must not be set when {_env(url)} is not one of https"
        return
    for name, other in ((key, certificate), (password, key)):
        if name in given and other not in given:
            yield (other, name), f"must be set when {_env(name)} is"
            return
    yield from certificate_breaches(settings, ca, certificate, key, password)


def _web(settings: Fields) -> Iterator[Breach]:
    certificate, key = "web_certificate_file", "web_key_file"
    for name, other in ((certificate, key), (key, certificate)):
        if getattr(settings, name) is not None and getattr(settings, other) is None:
            yield (other, name), f"must be set when {_env(name)} is"
    host = settings.admin_host
    if settings.admin_port and settings.admin_token is None and not _is_loopback(host):
        yield ("admin_token", "admin_host"), f"must be set when {_env('admin_host')} is {host}"
    if settings.admin_port == settings.web_port:
        names = ("admin_port", "web_port")
        yield names, f"must differ from {_env('web_port')}, got {settings.admin_port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _topics(settings: Fields) -> Iterator[Breach]:
    first_with: dict[str, str] = {}
    for name in _TOPICS:
        topic = getattr(settings, name)
        if topic is None:
            continue
        other = first_with.setdefault(topic, name)
        if other != name:
            yield (name, other), f"must differ from {_env(other)}, got {topic}"
        if topic in (".", ".."):
            yield (name,), f"must not be . or .., got {topic}"


def _sizes(settings: Fields) -> Iterator[Breach]:
    yield from _at_least(settings, "warmup_transactions", WARMUP_PER_CLUSTER, "n_clusters")
    for name in ("cards_capacity", "merchants_capacity"):
        yield from _at_least(settings, name, CHECKPOINTS_HELD, "checkpoint_max_transactions")
    # A checkpoint falls between two batches, never inside one.
    yield from _at_least(settings, "checkpoint_max_transactions", 1, "batch_max_records")
    # What was not presumed before it is thinned would count for itself alone.
    yield from _at_least(settings, "label_whole_s", 1, "label_presumed_s")


def _serve(settings: ServeFields) -> Iterator[Breach]:
    if settings.serve_rate or settings.serve_total_rate:
        # Else there would be requests that are refused whenever they come.
        yield from _at_least(settings, "serve_burst", 1, "serve_max_batch")


def _money(settings: Fields) -> Iterator[Breach]:
    if settings.rank_by == "expected_loss" and settings.currency_values is None:
        names = ("currency_values", "rank_by")
        yield names, f"must be set when {_env('rank_by')} is expected_loss"
    if settings.review_spend_per_day and not settings.review_cost:
        names = ("review_cost", "review_spend_per_day")
        yield names, f"must be greater than 0 when {_env(names[1])} is"


def _at_least(settings: Fields, name: str, factor: int, other: str) -> Iterator[Breach]:
    value, least = getattr(settings, name), factor * getattr(settings, other)
    if value < least:
        times = f"{factor} x " if factor > 1 else ""
        yield (name, other), f"must be at least {times}{_env(other)} = {least}, got {value}"


def _env(name: str) -> str:
    return f"STREAMER_{name.upper()}"
