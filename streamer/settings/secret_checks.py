"""How long a secret must be: card ids can be enumerated, and a port asked for ever."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

__all__ = ["bearer_keys", "long_keys", "long_secret", "long_text"]

_SHORTEST: Final = 16


def long_text(text: str) -> str:
    """Return ``text``; ValueError where it is too short."""
    if len(text) < _SHORTEST:
        raise ValueError(f"must have at least {_SHORTEST} characters")
    return text


def bearer_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys that are separated by commas; ValueError where one is too short.

    >>> bearer_keys("0123456789abcdef, fedcba9876543210")
    (b'0123456789abcdef', b'fedcba9876543210')
    """
    keys = [key.strip() for key in text.split(",")]
    if min(map(len, keys)) < _SHORTEST:
        raise ValueError(f"must have at least {_SHORTEST} characters each")
    return tuple(key.encode() for key in keys)


def long_secret(value: SecretStr) -> SecretStr:
    """Return ``value``; ValueError where it is too short."""
    long_text(value.get_secret_value())
    return value


def long_keys(value: SecretStr) -> SecretStr:
    """Return ``value``, keys separated by commas; ValueError where one is too short."""
    bearer_keys(value.get_secret_value())
    return value
