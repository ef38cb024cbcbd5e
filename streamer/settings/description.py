"""Shows every setting with its value, where that came from and what it does, secrets masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import SecretStr

from streamer.settings.rules import Settings
from streamer.settings.settings import POLICY_SETTINGS, PREFIX, Origin

__all__ = ["SettingRow", "describe", "masked_url"]

MASK: Final = "***"


@dataclass(frozen=True)
class SettingRow:
    """One setting as ``check-config`` prints it; ``value`` is text and never a secret.

    ``is_policy``: the policy in force has the value that counts, once there is one.  ``tenant`` is
    whose it is, where a tenant's file has it.
    """

    name: str
    env: str
    value: str
    source: Origin
    description: str
    is_policy: bool = False
    tenant: str = ""


def describe(settings: Settings) -> list[SettingRow]:
    """Return a row per setting in the order of `Settings`, with secrets masked."""
    return [
        SettingRow(
            name=name,
            env=PREFIX + name.upper(),
            value=_shown(settings, name),
            source=settings._origins.get(name, "default"),
            description=field.description or "",
            is_policy=name in POLICY_SETTINGS,
        )
        for name, field in Settings.model_fields.items()
    ]


def masked_url(url: str) -> str:
    """Return the URL with its password masked, before the host or in the query.

    >>> masked_url("redis://scorer:hunter2@db:6379/0")
    'redis://scorer:***@db:6379/0'
    >>> masked_url("unix:///run/redis.sock?db=1&password=hunter2")
    'unix:///run/redis.sock?db=1&password=***'
    """
    parts = urlsplit(url)
    credentials, at, location = parts.netloc.rpartition("@")
    if at:
        # Without a colon the one word may be a token, so that it is masked as well.
        user, colon, _ = credentials.partition(":")
        location = f"{user if colon else ''}{colon}{MASK}@{location}"
    query = "&".join(
        f"{key}={MASK if key.lower() == 'password' else quote(value)}"
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f"{parts.scheme}://{location}{parts.path}{'?' if query else ''}{query}"


def _shown(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    if value is None:
        return "not set"
    if name == "redis_url":
        return masked_url(value.get_secret_value())
    # Whatever somebody put into the secrets directory is secret, whatever its name.
    if isinstance(value, SecretStr) or settings._origins.get(name) == "secrets directory":
        return MASK
    return str(value).lower() if isinstance(value, bool) else str(value)
