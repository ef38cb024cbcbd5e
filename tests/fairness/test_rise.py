"""Whether a version treats a group worse: by hand, by chance, and where it does."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.fairness.observed import Grouping
from streamer.fairness.rise import Runs, rises, worst_rise

NAMES = ("AT", "DE")


def runs(base: np.ndarray, candidate: np.ndarray, labels: np.ndarray | None = None) -> Runs:
    n = len(base)
    known = np.full(n, -1) if labels is None else labels
    return Runs(base.astype(bool), candidate.astype(bool), known, np.arange(n), np.arange(n))


def groups(codes: np.ndarray) -> dict[str, Grouping]:
    return {"country": Grouping(NAMES, codes)}


def test_a_rise_by_hand() -> None:
    """99 payments either side.  In use 19 and 10 alert: (19.5/100) / (10.5/100) = 1.86; then 39 and 10.

    That is 3.76, so AT is 2.03 times as far from 1, and DE, the other way round, too.
    """
    codes = np.repeat([0, 1], 99)
    base = np.concatenate([np.arange(99) < 19, np.arange(99) < 10])
    candidate = np.concatenate([np.arange(99) < 39, np.arange(99) < 10])
    one, other = rises(runs(base, candidate), groups(codes), 50)
    assert (one.group, one.measure, one.n_compared) == ("AT", "alert_rate", 2)
    assert (one.base, one.candidate) == (pytest.approx(19.5 / 10.5), pytest.approx(39.5 / 10.5))
    assert one.factor == pytest.approx(39.5 / 19.5)
    assert (other.base, other.factor) == (pytest.approx(1 / one.base), pytest.approx(one.factor))
    # What DE adds is the same in both versions: all of the variance is that of 20 more alerts of AT.
    u = (np.arange(99) < 39) - 39.5 / 100, (np.arange(99) < 19) - 19.5 / 100
    error = np.sqrt(((u[0] / 39.5 - u[1] / 19.5) ** 2).sum())
    assert one.low == pytest.approx(np.exp(np.log(one.factor) - 2.241403 * error), rel=1e-3)


def test_recall_and_false_alarms_are_compared_where_labels_tell() -> None:
    codes = np.repeat([0, 1], 200)
    alerted = np.tile(np.arange(200) < 60, 2)
    labels = np.tile(np.arange(200) % 2, 2)
    found = rises(runs(alerted, alerted, labels), groups(codes), 50)
    assert {each.measure for each in found} == {"alert_rate", "recall", "false_alarm_rate"}
    assert all(each.factor == pytest.approx(1.0) for each in found)


def test_few_payments_or_alerts_are_not_compared() -> None:
    codes, alerted = np.repeat([0, 1], 60), np.tile(np.arange(60) < 9, 2)
    assert worst_rise(runs(alerted, alerted), groups(codes), 61) is None
    # Nine in either run are fewer than 20 together.
    assert worst_rise(runs(alerted, alerted), groups(codes), 60) is None
    assert (
        worst_rise(runs(alerted, alerted), {"country": Grouping((), np.full(120, -1))}, 1) is None
    )


def test_chance_is_no_rise_and_twice_as_many_alerts_of_a_group_are() -> None:
    """200 pairs of versions that alert at random: of a hundred five reach beyond 1 at most."""
    rng, n = np.random.default_rng(2), 6_000
    codes, beyond = rng.integers(0, 2, n), 0
    for _ in range(200):
        worst = worst_rise(runs(rng.random(n) < 0.05, rng.random(n) < 0.05), groups(codes), 100)
        beyond += worst is not None and worst.low > 1.0
    assert beyond <= 14
    found = worst_rise(
        runs(rng.random(n) < 0.05, rng.random(n) < np.where(codes == 0, 0.12, 0.05)),
        groups(codes),
        100,
    )
    assert found is not None
    assert found.low > 1.25
