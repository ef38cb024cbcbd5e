"""Each rule of the gate by hand: what passes, what fails, and what nobody can say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.backtesting.comparison import compare
from streamer.errors import ConfigurationError
from streamer.fairness import Rise
from streamer.gating import Facts, GatePolicy, judge, load_policy
from streamer.gating.groups import Group, groups_of
from streamer.gating.paired import Difference, paired_differences
from tests.backtesting.test_comparison import run_with

ROOT = Path(__file__).parents[2]
# Eight payments, two of which alert in both; that is the budget of a quarter.
COMPARED = compare(run_with({1, 3}), run_with({1, 3}), 0, 0.25, 0.25)
GOOD = Facts(
    candidate="c" * 64,
    base="b" * 64,
    is_warming=False,
    transactions_seen=60_000,
    comparison=replace(COMPARED, n_payments=20_000),
    psi=0.1,
    psi_feature="amount",
    skewed=0,
    compared_features=20_000,
    groups=(Group("country", "NL", 2_000, 40, 4.0),),
    precision=Difference(0.30, 0.29, -0.03, 0.01),
    recall=Difference(0.50, 0.52, 0.00, 0.04),
    disparity=Rise("channel", "atm", "alert_rate", 1.5, 2.1, 1.4, 1.2, 1.6, 12),
)
POLICY = GatePolicy()


def failing(facts: Facts, policy: GatePolicy = POLICY) -> set[str]:
    return {ruling.rule for ruling in judge(facts, policy) if ruling.outcome == "fail"}


def test_a_good_version_passes_and_a_block_that_is_not_there_is_not_measured() -> None:
    rulings = {ruling.rule: ruling for ruling in judge(GOOD, POLICY)}
    assert failing(GOOD) == set()
    assert rulings["worst block"].outcome == "not measured"
    assert rulings["average precision"].told == "0.290, 0.300 in use: -0.010 (-0.030 to +0.010)"
    assert rulings["groups"].told == (
        "country NL alerts 4.00 times as often as all payments (40 of 2,000), at most 5.00"
    )


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"is_warming": True}, "scores"),
        ({"transactions_seen": 49_999}, "learned"),
        ({"comparison": replace(GOOD.comparison, n_payments=9_999)}, "measured"),
        ({"comparison": compare(run_with(set()), run_with({0, 1, 2}), 0, 0.25, 0.25)}, "budget"),
        ({"precision": Difference(0.30, 0.20, -0.15, -0.01)}, "average precision"),
        ({"recall": Difference(0.30, 0.20, -0.15, -0.01)}, "recall at the budget"),
        ({"psi": 0.21}, "drift"),
        ({"skewed": 1}, "same features"),
        ({"disparity": Rise("country", "NL", "recall", 0.9, 0.5, 1.8, 1.3, 2.5, 9)}, "disparity"),
        ({"groups": (Group("currency", "EUR", 2_000, 60, 5.1),)}, "groups"),
    ],
)
def test_each_rule_fails_by_its_own_figure(changes: dict[str, object], rule: str) -> None:
    assert rule in failing(replace(GOOD, **changes))  # type: ignore[arg-type]


def test_without_labels_a_version_is_not_measured_or_fails_as_the_policy_says() -> None:
    unknown = replace(GOOD, precision=None, recall=None)
    assert failing(unknown) == set()
    wanted = {"average precision", "recall at the budget"}
    assert failing(unknown, GatePolicy(requires_labels=True)) == wanted


def test_a_disparity_fails_only_beyond_chance_and_is_not_measured_of_few() -> None:
    """An interval that begins at the limit is not beyond it."""
    rulings = {ruling.rule: ruling for ruling in judge(GOOD, POLICY)}
    assert rulings["disparity"].told == (
        "alert rate of channel atm is 2.10 times that of the rest, 1.50 in use: 1.40 times as far "
        "from 1 (1.20 to 1.60, of 12 compared), at most 1.25"
    )
    assert failing(GOOD, GatePolicy(max_disparity_rise=1.2)) == set()
    assert failing(GOOD, GatePolicy(max_disparity_rise=1.19)) == {"disparity"}
    (few,) = [r for r in judge(replace(GOOD, disparity=None), POLICY) if r.rule == "disparity"]
    assert few.outcome == "not measured"


def test_a_drop_within_what_is_allowed_passes() -> None:
    lower = replace(GOOD, precision=Difference(0.30, 0.20, -0.15, -0.02))
    assert failing(lower, GatePolicy(max_precision_drop=0.02)) == set()
    assert failing(lower, GatePolicy(max_precision_drop=0.01)) == {"average precision"}
    assert failing(GOOD, GatePolicy(min_jaccard=1.0)) == set()


def test_groups_are_of_enough_payments_and_their_rate_is_over_that_of_all() -> None:
    """Two of eight alert, a quarter; of the three payments from the first country both: 8/3."""
    countries = np.array([20_044, 20_044, 20_044, 17_477, 17_477, -1, -1, -1])
    alerted = np.array([True, True, False, False, False, False, False, False])
    groups = groups_of(countries, np.zeros(8, np.int64), alerted, 3)
    assert [(g.kind, g.n_payments, g.n_alerts) for g in groups] == [
        ("country", 3, 2),
        ("currency", 8, 2),
    ]
    assert (groups[0].name, groups[0].ratio) == ("NL", pytest.approx(8 / 3))
    assert groups[1].ratio == 1.0
    assert groups_of(countries, np.zeros(8, np.int64), ~alerted & alerted, 3) == []


def test_the_difference_is_of_the_same_draws() -> None:
    """A ranking and itself differ by nothing in any draw; a perfect one and its reverse by a lot."""
    rng = np.random.default_rng(0)
    frauds, cards = rng.random(400) < 0.1, np.arange(400) % 40
    scores = frauds + 0.1 * rng.random(400)
    same = paired_differences(scores, scores, frauds, cards, (0.1, 0.1), 1)
    assert all((each.low, each.high) == (0.0, 0.0) for each in same)
    precision, recall = paired_differences(-scores, scores, frauds, cards, (0.1, 0.1), 1)
    assert precision.candidate == pytest.approx(1.0)
    assert 0.5 < precision.low <= precision.candidate - precision.base <= precision.high <= 1.0
    assert recall.base == 0.0


def test_the_shipped_policy_is_the_default_one() -> None:
    assert load_policy(ROOT / "ops" / "gate.toml") == POLICY


def test_all_faults_of_a_policy_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('max_psi = "high"\nmin_payments = 1.5\nmin_jaccard = 2\nspeed = 1\n')
    with pytest.raises(ConfigurationError) as caught:
        load_policy(path)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{path}: ") for line in lines[:3]] == [
        "max_psi must be a number, got 'high'",
        "min_payments must be a whole number, got 1.5",
        "min_jaccard must be from 0 to 1, got 2",
    ]
    assert "speed must be among min_transactions" in lines[3]
    path.write_text("max_psi = ")
    with pytest.raises(ConfigurationError, match="must be a TOML file"):
        load_policy(path)
