"""What is too bad of a version on trial: each critical figure just within its limit and just beyond."""

from __future__ import annotations

import msgspec
import pytest

from streamer.watching import Counts, Watch, WatchLimits, judge_watch

LIMITS = WatchLimits()
# A second of work, 20 alerts of 20 due, a mean ln distance of 0.9, one dead letter in 101.
GOOD = Counts(
    payments=1_000,
    dead_letters=10,
    alerts=20,
    due=20,
    ranked=1_000,
    ln_distance=900,
    seconds=1.0,
    frauds=50,
    legitimate=50,
)


def changed(**more: float) -> Counts:
    return msgspec.structs.replace(GOOD, **more)


@pytest.mark.parametrize(
    ("within", "beyond", "figure"),
    [
        ({"not_finite": 0}, {"not_finite": 1}, "finite"),
        # A quarter of 20, 5, and four times its root, 8.9.
        ({"overflowed": 13}, {"overflowed": 14}, "fuse"),
        # Twice 20, 40, and four times its root, 25.3.
        ({"alerts": 65}, {"alerts": 66}, "budget"),
        # 1% before: 6% is 5 points more.
        ({"dead_letters": 60}, {"dead_letters": 70}, "errors"),
        ({"ln_distance": 1_399}, {"ln_distance": 1_401}, "scores"),
        ({"ln_distance": 401}, {"ln_distance": 399}, "scores"),
        ({"seconds": 5.0}, {"seconds": 5.1}, "latency"),
        ({"frauds": 20, "legitimate": 80}, {"frauds": 19, "legitimate": 81}, "precision"),
    ],
)
def test_a_figure_degrades_just_beyond_its_limit(
    within: dict[str, float], beyond: dict[str, float], figure: str
) -> None:
    assert judge_watch(changed(**within), GOOD, LIMITS) is None
    found = judge_watch(changed(**beyond), GOOD, LIMITS)
    assert found is not None
    assert found.figure == figure


def test_few_payments_say_nothing_but_that_a_score_is_no_number() -> None:
    few = Counts(payments=499, ranked=499, alerts=499, due=10)
    assert judge_watch(few, GOOD, LIMITS) is None
    assert judge_watch(msgspec.structs.replace(few, payments=500), GOOD, LIMITS) is not None
    one = Counts(payments=1, ranked=1, not_finite=1)
    assert judge_watch(one, Counts(), LIMITS) is not None


def test_nothing_is_compared_with_a_before_that_nobody_knows() -> None:
    """And a version that is still warming up has no distances to compare."""
    assert judge_watch(changed(ln_distance=10_000, seconds=50), Counts(), LIMITS) is None
    assert judge_watch(changed(ranked=0, ln_distance=0, due=0, alerts=0), GOOD, LIMITS) is None


def test_of_five_alerts_where_one_was_due_nothing_is_known() -> None:
    """Ten are taken for due, at least: twice that, 20, and four times its root, 17.9."""
    rare = changed(alerts=37, due=1)
    assert judge_watch(rare, GOOD, LIMITS) is None
    found = judge_watch(msgspec.structs.replace(rare, alerts=38), GOOD, LIMITS)
    assert found is not None
    assert found.told == "38 alerted where 10 alerts were due, at most 37"


def test_of_many_alerts_chance_is_a_small_part() -> None:
    """Twice 5,000 is 10,000, and four times its root is 400: 4%, not the 63% of twenty."""
    many = changed(payments=250_000, ranked=250_000, ln_distance=225_000, seconds=250.0, due=5_000)
    assert judge_watch(msgspec.structs.replace(many, alerts=10_400), GOOD, LIMITS) is None
    assert judge_watch(msgspec.structs.replace(many, alerts=10_401), GOOD, LIMITS) is not None


def test_a_canary_scores_the_lowest_partitions_and_only_while_it_is_one() -> None:
    watch = Watch(kind="canary", n_partitions=2, canary="a")
    assert [watch.scores(partition) for partition in range(4)] == [True, True, False, False]
    assert not msgspec.structs.replace(watch, kind="none").scores(0)


def test_what_is_remembered_of_an_unwatched_head_fades() -> None:
    """So that the next version is held against recent traffic, not against years of it."""
    large = Counts(payments=500_001, alerts=10_000)
    assert Watch().counted(large, beside=False).facts == Counts(payments=250_000.5, alerts=5_000)
    watched = Watch(kind="promotion").counted(large, beside=False)
    assert watched.facts == large
