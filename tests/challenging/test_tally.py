"""What is counted and told, on numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.challenging.challenge import Challenge, check_name
from streamer.challenging.compared import compared
from streamer.challenging.found_alerts import CAPACITY, Found, FoundAlerts
from streamer.challenging.standing import Standing, standing_in
from streamer.challenging.tally import BOTH, NEITHER, ONLY_CHALLENGER, ONLY_MAIN, Tally
from streamer.errors import ConfigurationError, InvariantError
from tests.challenging.sides import CONFIG

STANDING = Standing(
    name="k8",
    run="run-1",
    challenge=Challenge({"n_clusters": 8}),
    version="ab",
    transactions_seen=7,
    started_at="2026-11-29T00:00:00.000Z",
    started_by="somebody",
)


def test_a_comparison_counts_judged_payments_for_as_many_as_they_stand_for() -> None:
    tally = Tally()
    is_main = np.array([True, False, True, False])
    is_own = np.array([True, True, False, False])
    tally.add_alerts(4, is_main, is_own)
    tally.add_cpu(0.4, 0.05, 4)
    for who, is_fraud, weight in (
        (BOTH, True, 1.0),
        (ONLY_MAIN, True, 1.0),
        (ONLY_MAIN, False, 1.0),
        # Drawn below the main line, with a probability of 1/4 each.
        (ONLY_CHALLENGER, True, 4.0),
        (ONLY_CHALLENGER, False, 4.0),
        (NEITHER, True, 4.0),
        (NEITHER, True, 0.0),
    ):
        tally.add_judged(who, is_fraud, weight, 1.0)
    told = compared(STANDING.after("cd", _sums(9), [tally]))
    assert (told.version, told.transactions_seen, told.payments_compared) == ("cd", 9, 4)
    assert told.alerts == {"both": 1, "only main": 1, "only challenger": 1}
    assert told.overlap == pytest.approx(1 / 3)
    assert {who: each.frauds for who, each in told.frauds.items()} == {
        "both": 1.0,
        "only main": 1.0,
        "only challenger": 4.0,
        "neither": 4.0,
    }
    assert told.frauds["neither"].told == 1.0
    # 2 of 3 weighed 1; 1 + 4 of 1 + 8; of 10 frauds in all.
    assert told.precision == {"main": pytest.approx(2 / 3), "challenger": pytest.approx(5 / 9)}
    assert told.recall == {"main": pytest.approx(0.2), "challenger": pytest.approx(0.5)}
    assert told.cost_ratio == pytest.approx(0.125)
    assert told.cpu_us_per_payment["challenger"] == pytest.approx(12_500)
    # One of weight 4: v/2y χ²(2; 2.5%) = 4/2 · 0.05, and 8/2 · χ²(4; 97.5%) = 4 · 11.1.
    only = told.frauds["only challenger"]
    assert only.low == pytest.approx(0.1, abs=0.06)
    assert only.high == pytest.approx(22.3, abs=0.4)
    assert (told.frauds["both"].low, told.frauds["both"].high) == (1.0, 1.0)


def _sums(n: int) -> object:
    class Seen:
        transactions_seen = n

    return Seen()


def test_tallies_add_up_and_scores_of_long_ago_weigh_less() -> None:
    one, other = Tally(), Tally()
    ranks = np.full(20_000, 0.99)
    for tally, main in ((one, ranks), (other, np.full(20_000, 0.01))):
        tally.add_alerts(20_000, np.zeros(0, np.bool_), np.zeros(0, np.bool_))
        tally.add_ranks(main, ranks)
    both = one.merged(other)
    assert both.n_compared == 40_000
    assert both.ranks[0, [0, -1]].tolist() == [20_000, 10_000]
    assert both.ranks[1, -1] == 30_000
    # All in one twentieth: ln 20 and a share of 1e-4 or so in each other.
    assert both.score_psi("challenger") > both.score_psi("main") > 1.0
    assert Tally.of(both.numbers.tolist()).numbers.tolist() == both.numbers.tolist()
    assert Tally.of([1.0, 2.0]).n_compared == 1.0


def test_scores_as_expected_have_not_moved() -> None:
    tally, ranks = Tally(), np.linspace(0, 1, 2_001)[:-1] + 1e-9
    tally.add_ranks(ranks, ranks)
    assert tally.score_psi("main") == pytest.approx(0.0, abs=1e-9)


def test_found_alerts_are_bounded_and_what_made_room_is_not_taken_for_missed() -> None:
    found = FoundAlerts()
    found.since_ms = 0
    many, yes = np.arange(CAPACITY + 2), np.ones(CAPACITY + 2, np.bool_)
    found.put(many, many, np.full(len(many), 1.5), yes, ~yes)
    assert len(found) == CAPACITY
    assert found.get(1) is None
    assert found.get(2) == Found(2, 1.5, is_main=True, is_own=False)
    assert found.since_ms == 2
    assert found.take_removed() == ["0", "1"]
    assert len(found.take_changed()) == CAPACITY
    assert found.take_changed() == {}


def test_a_standing_is_read_as_it_was_written_and_anything_else_is_refused() -> None:
    assert standing_in(STANDING.encoded(), "key") == STANDING
    with pytest.raises(InvariantError, match="key must hold challengers"):
        standing_in(b'{"name": 1}', "key")


def test_the_same_challenge_has_the_same_id_and_another_has_not() -> None:
    same = Challenge({"n_clusters": 8}).id, Challenge({"n_clusters": 8}).id
    assert same[0] == same[1]
    assert Challenge({"n_clusters": 9}).id != same[0]


@pytest.mark.parametrize(
    ("challenge", "fault"),
    [
        (Challenge({"alert_budget": 0.1}), "alert_budget must be the main line's"),
        (Challenge({"clusters": 4}), "clusters must be one of the model's"),
        (Challenge(only_features=("amount", "wealth")), "got wealth"),
        (Challenge(only_features=CONFIG.model.feature_names), "got 17 of 17"),
        (Challenge(only_features=()), "got 0 of 17"),
        (
            Challenge({"rank_by": "expected_loss"}, only_features=("card_payments_1h",)),
            "must have amount where the expected loss ranks",
        ),
    ],
)
def test_what_a_challenger_must_not_differ_in_is_refused_with_what_it_is(
    challenge: Challenge, fault: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        challenge.checked(CONFIG.model)
    assert fault in str(refused.value)


@pytest.mark.parametrize("name", ["", "K8", "-a", "a b", "a" * 33, "é"])
def test_a_name_that_would_not_do_for_a_label_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a challenger's name must be"):
        check_name(name)
