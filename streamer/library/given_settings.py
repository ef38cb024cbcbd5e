"""Settings as a program gives them: by their names in lower case, as numbers, words and mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamer.settings import Settings, load_settings

__all__ = ["settings_of"]

_PREFIX: Final = "STREAMER_"


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return a worker's settings with those ``given`` in place of the defaults.

    Nothing is read from the environment.  Raises `ConfigurationError`, with a line for each fault.

    >>> settings_of({"alert_budget": 0.01}).alert_budget
    0.01
    """
    return load_settings(
        {f"{_PREFIX}{name.upper()}": _text(value) for name, value in given.items()}
    )


def _text(value: object) -> str:
    """Return a setting's value as the environment would have it.

    >>> _text(True), _text(0.5), _text({"EUR": 1, "USD": 0.92})
    ('true', '0.5', 'EUR=1,USD=0.92')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return str(value)
