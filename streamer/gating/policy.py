"""What a version must do to be promoted, as a TOML file says it; all of its faults are told at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from streamer.errors import ConfigurationError
from streamer.watching import WatchLimits

__all__ = ["GatePolicy", "load_policy"]


class GatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits; what a file does not name is as here.

    Of a figure that has an interval the version fails where all of the interval is beyond the limit.
    Shares are of 1: 0.02 of recall is two points.
    """

    min_transactions: int = 50_000
    """Payments that the version has learned from."""
    min_payments: int = 10_000
    """Payments that it is measured on."""
    max_budget_ratio: float = 1.15
    """Alerts over those that the budget allows."""
    max_worst_5000: float = 2.0
    """The same over any 5,000 payments in a row."""
    max_precision_drop: float = 0.0
    """Average precision may be lower than that of the version in use by so much."""
    max_recall_drop: float = 0.0
    """Recall at the budget likewise."""
    max_psi: float = 0.2
    """Of any feature, between the traffic that both versions have learned from."""
    min_jaccard: float = 0.0
    """Share of the alerts of either version that both give; 0 asks for none."""
    max_group_ratio: float = 5.0
    """Alert rate of any country's or currency's payments over that of all."""
    min_group_payments: int = 1_000
    """A group with fewer payments is not judged."""
    max_disparity_rise: float = 1.25
    """How many times as far from 1 the ratio of a group's alert rate, recall or false alarms to that of
    the rest may be as with the version in use; by country, channel, category and currency."""
    requires_labels: bool = False
    """Whether payments without labels are enough to fail."""
    watch: WatchLimits = WatchLimits()
    """When workers go back by themselves, once it has been promoted."""


_LEAST: Final = {
    "min_transactions": 0,
    "min_payments": 1,
    "max_budget_ratio": 0.1,
    "max_worst_5000": 0.1,
    "max_precision_drop": 0.0,
    "max_recall_drop": 0.0,
    "max_psi": 0.0,
    "min_jaccard": 0.0,
    "max_group_ratio": 1.0,
    "min_group_payments": 1,
    "max_disparity_rise": 1.0,
    "minutes": 0.01,
    "max_latency_ratio": 1.0,
    "max_error_rise": 0.0,
    "max_overflow_ratio": 0.0,
    "min_verdicts": 1,
    "max_score_shift": 0.0,
}
_MOST: Final = {
    "max_precision_drop": 1.0,
    "max_recall_drop": 1.0,
    "min_jaccard": 1.0,
    "max_error_rise": 1.0,
}


def load_policy(path: Path) -> GatePolicy:
    """Return the policy in a file; raises `ConfigurationError` with a line for each fault."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} must be a TOML file, got: {error}") from None
    table = content.get("watch")
    faults = [_fault(GatePolicy(), name, value) for name, value in content.items()]
    if isinstance(table, dict):
        faults += [_fault(WatchLimits(), name, value, "watch.") for name, value in table.items()]
    if lines := [f"{path}: {fault}" for fault in faults if fault]:
        raise ConfigurationError("\n".join(lines))
    return msgspec.convert(content, GatePolicy)


def _fault(limits: GatePolicy | WatchLimits, name: str, value: Any, prefix: str = "") -> str | None:
    known = limits.__struct_fields__
    told = f"{prefix}{name}"
    if name not in known:
        return f"{told} must be among {', '.join(known)}"
    default = getattr(limits, name)
    if isinstance(default, WatchLimits):
        return None if isinstance(value, dict) else f"{told} must be a table, got {value!r}"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"{told} must be true or false, got {value!r}"
    kind = "a whole number" if isinstance(default, int) else "a number"
    allowed = int if isinstance(default, int) else (int, float)
    least, most = _LEAST[name], _MOST.get(name, float("inf"))
    if isinstance(value, bool) or not isinstance(value, allowed):
        return f"{told} must be {kind}, got {value!r}"
    if not least <= value <= most:
        bounds = f"at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
        return f"{told} must be {bounds}, got {value!r}"
    return None
