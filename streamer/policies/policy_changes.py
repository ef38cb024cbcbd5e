"""What differs between two policies, and between a policy and what an environment asks for."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.policies.policy_record import Policy, PolicyValue, policy_of
from streamer.settings import POLICY_SETTINGS, Settings, describe

__all__ = ["PolicyChange", "changes_between", "overruled"]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A setting with its value before and after."""

    name: str
    before: PolicyValue
    after: PolicyValue

    def __str__(self) -> str:
        return f"{self.name}: {_shown(self.before)} -> {_shown(self.after)}"


def changes_between(before: Policy, after: Policy) -> list[PolicyChange]:
    """Return each setting that differs, in the order of `POLICY_SETTINGS`."""
    return [
        PolicyChange(name, before.values[name], after.values[name])
        for name in POLICY_SETTINGS
        if before.values[name] != after.values[name]
    ]


def overruled(settings: Settings, policy: Policy) -> list[str]:
    """Return a line for each setting that an environment names and the policy has otherwise."""
    named = {row.name: row for row in describe(settings) if row.source != "default"}
    return [
        f"{row.env}: {row.value} in the {row.source}, {_shown(each.after)} in the policy"
        for each in changes_between(policy_of(settings), policy)
        if (row := named.get(each.name)) is not None
    ]


def _shown(value: PolicyValue) -> str:
    return "not set" if value is None else str(value).removesuffix(".0")
