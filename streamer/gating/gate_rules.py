"""Each rule with its figure, its limit and its verdict; the version passes if none fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from streamer.gating.gate_facts import Facts
from streamer.gating.paired import Difference
from streamer.gating.policy import GatePolicy

__all__ = ["Outcome", "Ruling", "judge", "judge_state"]

Outcome = Literal["pass", "fail", "not measured"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says; ``figure`` and ``limit`` as they are, ``told`` in words."""

    rule: str
    outcome: Outcome
    figure: float | None
    limit: float | None
    told: str


def judge_state(not_finite: Sequence[str]) -> Ruling:
    """Return whether a version can be scored with; ``not_finite`` names the arrays that are not."""
    if not not_finite:
        return Ruling("finite", "pass", 0.0, 0.0, "all sums are finite")
    told = f"NaN or infinity in {', '.join(not_finite)}; nothing else was measured"
    return Ruling("finite", "fail", float(len(not_finite)), 0.0, told)


def judge(facts: Facts, policy: GatePolicy) -> list[Ruling]:
    """Return every rule's verdict on a version whose state is finite."""
    load, psi = facts.comparison.changed, facts.psi
    worst = load.worst[0]
    return [
        judge_state(()),
        _at_least(
            "learned", facts.transactions_seen, policy.min_transactions, "payments learned from"
        ),
        Ruling(
            "scores",
            "fail" if facts.is_warming else "pass",
            None,
            None,
            "still in its warm-up" if facts.is_warming else "past its warm-up",
        ),
        _at_least(
            "measured", facts.comparison.n_payments, policy.min_payments, "payments measured on"
        ),
        _at_most("budget", load.budget_ratio, policy.max_budget_ratio, "of the budget alerted"),
        _at_most(
            "worst block", worst, policy.max_worst_5000, "of the budget in the worst 5,000 payments"
        ),
        _no_worse("average precision", facts.precision, policy.max_precision_drop, policy),
        _no_worse("recall at the budget", facts.recall, policy.max_recall_drop, policy),
        _at_most("drift", psi, policy.max_psi, f"PSI of {facts.psi_feature}, which differs most"),
        _overlap(facts, policy),
        _groups(facts, policy),
        _disparity(facts, policy),
        Ruling(
            "same features",
            "fail" if facts.skewed else "pass",
            float(facts.skewed),
            0.0,
            f"{facts.skewed:,} of {facts.compared_features:,} payments have other features when `fit` "
            "reads them",
        ),
    ]


def _at_least(rule: str, figure: float, limit: float, what: str) -> Ruling:
    outcome: Outcome = "pass" if figure >= limit else "fail"
    return Ruling(rule, outcome, figure, limit, f"{figure:,} {what}, at least {limit:,}")


def _at_most(rule: str, figure: float, limit: float, what: str) -> Ruling:
    if figure != figure:
        return Ruling(rule, "not measured", None, limit, "there were fewer payments than it takes")
    outcome: Outcome = "pass" if figure <= limit else "fail"
    return Ruling(rule, outcome, figure, limit, f"{figure:.2f} {what}, at most {limit:.2f}")


def _no_worse(
    rule: str, difference: Difference | None, allowed: float, policy: GatePolicy
) -> Ruling:
    if difference is None:
        outcome: Outcome = "fail" if policy.requires_labels else "not measured"
        return Ruling(rule, outcome, None, -allowed, "no fraud is labelled")
    change = difference.candidate - difference.base
    told = (
        f"{difference.candidate:.3f}, {difference.base:.3f} in use: {change:+.3f} "
        f"({difference.low:+.3f} to {difference.high:+.3f})"
    )
    if allowed:
        told += f", may fall by {allowed:.3f}"
    return Ruling(rule, "pass" if difference.high >= -allowed else "fail", change, -allowed, told)


def _overlap(facts: Facts, policy: GatePolicy) -> Ruling:
    jaccard, limit = facts.comparison.jaccard, policy.min_jaccard
    if jaccard is None:
        return Ruling("overlap", "not measured", None, limit, "neither alerts")
    outcome: Outcome = "pass" if jaccard >= limit else "fail"
    told = f"{jaccard:.0%} of either's alerts are of both, at least {limit:.0%}"
    return Ruling("overlap", outcome, jaccard, limit, told)


def _disparity(facts: Facts, policy: GatePolicy) -> Ruling:
    rise, limit = facts.disparity, policy.max_disparity_rise
    if rise is None:
        few = f"no group has {policy.min_group_payments:,} payments and alerts enough"
        return Ruling("disparity", "not measured", None, limit, few)
    told = (
        f"{rise.measure.replace('_', ' ')} of {rise.dimension} {rise.group} is {rise.candidate:.2f} "
        f"times that of the rest, {rise.base:.2f} in use: {rise.factor:.2f} times as far from 1 "
        f"({rise.low:.2f} to {rise.high:.2f}, of {rise.n_compared:,} compared), at most {limit:.2f}"
    )
    return Ruling("disparity", "fail" if rise.low > limit else "pass", rise.factor, limit, told)


def _groups(facts: Facts, policy: GatePolicy) -> Ruling:
    limit = policy.max_group_ratio
    if not facts.groups:
        few = f"no country or currency has {policy.min_group_payments:,} payments"
        return Ruling("groups", "not measured", None, limit, few)
    worst = facts.groups[0]
    outcome: Outcome = "pass" if worst.ratio <= limit else "fail"
    told = (
        f"{worst.kind} {worst.name} alerts {worst.ratio:.2f} times as often as all payments "
        f"({worst.n_alerts:,} of {worst.n_payments:,}), at most {limit:.2f}"
    )
    return Ruling("groups", outcome, worst.ratio, limit, told)
