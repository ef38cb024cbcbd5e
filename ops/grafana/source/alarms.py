"""Limits and colours of panels, read from the alert rules: what is red here pages there.

A limit that stands in a rule and in a dashboard is wrong in one of them one day, so it stands in the
rule only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["GOOD", "Step", "alarm", "burns", "rules"]

_RULES: Final = Path(__file__).parents[2] / "prometheus" / "streamer.rules.yml"

GOOD: Final = "green"
_COLOURS: Final = {"page": "red", "ticket": "orange", "info": "blue"}
_COMPARISON: Final = re.compile(r"(==|>=|<=|>|<) (?:\(([\d.]+) \* ([\d.]+)\)|([\d.]+))")


@dataclass(frozen=True, slots=True)
class Step:
    """From ``value`` on, what is shown has this colour; the first step has no value."""

    value: float | None
    colour: str


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Return every alert rule by name."""
    groups = yaml.safe_load(_RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def alarm(name: str, least: float | None = None) -> tuple[Step, ...]:
    """Return the steps of what an alert compares with a number.

    ``least`` replaces a limit of 0, above which everything alerts, by the smallest value that is above.

    >>> [(step.value, step.colour) for step in alarm("StreamerPartitionStalled")]
    [(None, 'green'), (30.0, 'red')]
    >>> [(step.value, step.colour) for step in alarm("StreamerAlertBudgetMissed")]
    [(None, 'orange'), (0.5, 'green'), (1.5, 'orange')]
    """
    bad = _COLOURS[rules()[name]["labels"]["severity"]]
    limits = dict(_limits(name))
    low, high = limits.get("<"), limits.get(">", limits.get(">="))
    if equal := [value for operator, value in limits.items() if operator == "=="]:
        # What is 0 or 1.
        return _steps(GOOD, (1.0, bad)) if equal == [1.0] else _steps(bad, (1.0, GOOD))
    steps = _steps(GOOD) if low is None else _steps(bad, (low, GOOD))
    if high is None:
        return steps
    return (*steps, Step(high or least, bad))


def burns(*names: str) -> tuple[tuple[Step, ...], float]:
    """Return the steps of rates of burning an error budget, and the budget that they share.

    >>> steps, budget = burns("StreamerLatencyBudgetBurnTrend", "StreamerLatencyBudgetBurnFast")
    >>> [(step.value, step.colour) for step in steps], budget
    ([(None, 'green'), (1.0, 'orange'), (14.4, 'red')], 0.05)
    """
    steps, budgets = list(_steps(GOOD)), set()
    for name in names:
        _, speed, budget, _ = _COMPARISON.findall(rules()[name]["expr"])[0]
        steps.append(Step(float(speed), _COLOURS[rules()[name]["labels"]["severity"]]))
        budgets.add(float(budget))
    (shared,) = budgets
    return tuple(steps), shared


def _limits(name: str) -> list[tuple[str, float]]:
    """Return what the first part of an alert's expression is compared with."""
    first = re.split(r"\s+and\s", rules()[name]["expr"])[0]
    return [(operator, float(value)) for operator, _, _, value in _COMPARISON.findall(first)]


def _steps(first: str, *others: tuple[float, str]) -> tuple[Step, ...]:
    return (Step(None, first), *(Step(value, colour) for value, colour in others))
