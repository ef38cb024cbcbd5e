"""Reads a policy from a file or from ``name=value``; what it cannot be is told at once, all of it.

Values are checked as the environment's are, by the same fields and rules and in the same words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.policies.policy_record import Policy, as_text, policy_of
from streamer.settings import POLICY_SETTINGS, PREFIX, Settings, load_settings

__all__ = ["changed_policy", "policy_in_file", "policy_of_values"]

_OTHERS: Final = frozenset(Settings.model_fields) - frozenset(POLICY_SETTINGS)


def policy_in_file(path: Path) -> Policy:
    """Return the policy that a TOML file says; what it does not name has its default.

    Raises `ConfigurationError` with a line for each fault.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} must be a TOML file, got: {error}") from None
    try:
        return policy_of_values(content)
    except ConfigurationError as error:
        lines = str(error).splitlines()
        raise ConfigurationError("\n".join(f"{path}: {line}" for line in lines)) from None


def changed_policy(policy: Policy, changes: Mapping[str, str]) -> Policy:
    """Return ``policy`` with other values for some settings; an empty one is not set any more."""
    return policy_of_values({**policy.values, **changes})


def policy_of_values(values: Mapping[str, Any]) -> Policy:
    """Return the policy of these values by name; raises `ConfigurationError` with all faults."""
    faults = [
        f"{PREFIX}{name.upper()} is not the policy's: it is a setting of the environment; the policy "
        f"has {', '.join(POLICY_SETTINGS)}"
        for name in values
        if name.lower() in _OTHERS
    ]
    variables = {
        f"{PREFIX}{name.upper()}": as_text(value)
        for name, value in values.items()
        if name.lower() not in _OTHERS
    }
    try:
        settings = load_settings(variables)
    except ConfigurationError as error:
        faults += str(error).splitlines()
    if faults:
        raise ConfigurationError("\n".join(sorted(faults)))
    return policy_of(settings)
