"""Policies in a terminal: as the file that `streamer policy apply` takes, and their history."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from typing import Final

from rich.table import Table

from streamer.policies import Policy
from streamer.settings import POLICY_SETTINGS, Settings
from streamer.store import PolicyEntry

__all__ = ["history_table", "policy_text"]

_WIDTH: Final = 98


def policy_text(policy: Policy, entry: PolicyEntry | None, *, is_in_force: bool) -> str:
    """Return a policy as a TOML file with each setting's description."""
    state = "in force" if is_in_force else "not in force"
    lines = [f"policy {policy.id}, {state}"]
    if entry is not None:
        lines.append(f"put in force at {entry.at} by {entry.who}: {entry.why}")
    text = _comment(lines)
    for name in POLICY_SETTINGS:
        value, description = policy.values[name], Settings.model_fields[name].description or ""
        told = textwrap.wrap(" ".join(description.split()), _WIDTH)
        # JSON's texts and numbers are TOML's too.
        line = f"# {name} is not set" if value is None else f"{name} = {json.dumps(value)}"
        text += f"\n{_comment(told)}{line}\n"
    return text


def history_table(entries: Iterable[PolicyEntry]) -> Table:
    """Return a line for each policy that was put in force."""
    table = Table("at", "policy", "in place of", "who", "what changed", "why", box=None)
    for each in entries:
        table.add_row(each.at, each.id, each.before, each.who, each.changed, each.why)
    return table


def _comment(lines: Iterable[str]) -> str:
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
