"""How long a secret must be: card ids can be enumerated, and a port asked for ever."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

__all__ = ["long_keys", "long_secret"]

_SHORTEST: Final = 16


def long_secret(value: SecretStr) -> SecretStr:
    """Return ``value``; ValueError where it is too short."""
    if len(value.get_secret_value()) < _SHORTEST:
        raise ValueError(f"must have at least {_SHORTEST} characters")
    return value


def long_keys(value: SecretStr) -> SecretStr:
    """Return ``value``, keys separated by commas; ValueError where one is too short."""
    if min(len(key.strip()) for key in value.get_secret_value().split(",")) < _SHORTEST:
        raise ValueError(f"must have at least {_SHORTEST} characters each")
    return value
