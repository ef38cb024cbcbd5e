"""A policy: values of those settings that may change while workers run, under the hash of its bytes.

A policy is nothing but settings: `Settings` has their limits, their descriptions and the rules between
them.  Settings that shape stored state (clusters, half-lives, warm-up, seed, labels) are none of it.

Invariants:
* The id is that of the bytes: the same values are the same policy, whoever wrote them and however.
* What is read back has been checked like settings, or is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from streamer.errors import ConfigurationError, InvariantError
from streamer.settings import POLICY_SETTINGS, PREFIX, Settings, load_settings
from streamer.settings.currency_values import currency_values

__all__ = [
    "Policy",
    "PolicyValue",
    "as_text",
    "policy_in_bytes",
    "policy_of",
    "settings_under",
]

PolicyValue = str | float | None

# As long as a configuration's.
_ID_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Policy:
    """``values`` by the names of `POLICY_SETTINGS`, all of them; None is "not set"."""

    id: str
    values: Mapping[str, PolicyValue]

    @property
    def encoded(self) -> bytes:
        """The record: JSON of all values, in the order of names."""
        return _encoded(self.values)


def policy_of(settings: Settings) -> Policy:
    """Return the policy that settings say."""
    values = {name: _canonical(name, getattr(settings, name)) for name in POLICY_SETTINGS}
    return Policy(_id_of(_encoded(values)), values)


def settings_under(settings: Settings, policy: Policy) -> Settings:
    """Return the settings with the policy's values in place of their own."""
    return settings.model_copy(update=dict(policy.values))


def policy_in_bytes(record: bytes, policy_id: str) -> Policy:
    """Return the policy of a stored record.

    A setting that the record does not know, as it is of an earlier release, has its default.  Raises
    `ConfigurationError` where the record says what this release cannot do, `InvariantError` where it is
    not what was written under that id.
    """
    if _id_of(record) != policy_id:
        raise InvariantError(
            f"policy {policy_id} must be the record of that hash, got another; does something else "
            "write under its key?"
        )
    try:
        values = dict(orjson.loads(record))
    except (ValueError, TypeError):
        raise InvariantError(f"policy {policy_id} must be a JSON object, got none") from None
    if unknown := sorted(values.keys() - set(POLICY_SETTINGS)):
        raise ConfigurationError(
            f"policy {policy_id} must be of settings that this release knows, got "
            f"{', '.join(unknown)}; use the release that wrote it"
        )
    variables = {f"{PREFIX}{name.upper()}": as_text(value) for name, value in values.items()}
    try:
        return Policy(policy_id, policy_of(load_settings(variables)).values)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"policy {policy_id} must be one that this release can keep, got: {error}"
        ) from None


def as_text(value: Any) -> str:
    """Return a value as the environment would have it; empty for one that is not set.

    >>> as_text(None), as_text(0.005), as_text(True), as_text({"EUR": 1, "USD": 0.92})
    ('', '0.005', 'true', 'EUR=1,USD=0.92')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return str(value)


def _canonical(name: str, value: Any) -> PolicyValue:
    if name == "currency_values" and value is not None:
        named = sorted(currency_values(value).items())
        return ",".join(f"{code}={repr(unit).removesuffix('.0')}" for code, unit in named)
    # 0 and -0 are one value, and were two texts.
    known: PolicyValue = value + 0.0 if isinstance(value, float) else value
    return known


def _encoded(values: Mapping[str, PolicyValue]) -> bytes:
    return orjson.dumps(dict(values), option=orjson.OPT_SORT_KEYS)


def _id_of(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()[:_ID_CHARS]
