"""A challenger sees what the main line sees, learns for itself, and changes nothing of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pytest

from streamer.challenging.challenge import Challenge, without_odds
from streamer.challenging.shadow import Shadow
from streamer.contract.messages import Feedback
from streamer.model import Sums
from streamer.pipeline import prepare
from tests.challenging.sides import CONFIG, Sides, batches, begun

NAMES = CONFIG.model.feature_names


def test_one_that_differs_in_nothing_is_the_main_line_to_the_last_bit() -> None:
    """Begun together, after 20 versions: the same id, and every alert is one of both."""
    sides = Sides(begun(Challenge())).run(20_000)
    assert sides.contender is not None
    assert sides.contender.version.id == sides.version.id
    tally = sides.contender.standing.tally
    # The first thousand met no centers.
    assert tally.n_compared == 19_000
    both, only_main, only_own = tally.alerts.tolist()
    assert (only_main, only_own) == (0, 0)
    assert both > 100
    assert tally.ranks[0].tolist() == tally.ranks[1].tolist()


@pytest.mark.parametrize(
    "challenge",
    [
        Challenge({"n_clusters": 4}),
        Challenge({"half_life": 5_000.0}),
        Challenge(only_features=NAMES[:5]),
    ],
    ids=Challenge.told,
)
def test_no_challenger_changes_an_alert_or_a_version_of_the_main_line(challenge: Challenge) -> None:
    alone, beside = Sides(None).run(8_000), Sides(begun(challenge)).run(8_000)
    assert beside.version.id == alone.version.id
    assert beside.alerts == alone.alerts
    assert beside.state.debt == alone.state.debt
    assert beside.contender is not None
    assert beside.contender.version.id != alone.version.id
    assert beside.contender.standing.transactions_seen == 8_000
    tally = beside.contender.standing.tally
    # Each at its own pace gives about the same number of alerts, and not the same ones.
    both, only_main, only_own = tally.alerts.tolist()
    assert min(only_main, only_own) > 0
    assert (both + only_own) / (both + only_main) == pytest.approx(1.0, abs=0.35)


def test_features_that_are_left_out_are_never_looked_at() -> None:
    """Whatever they are, the challenger learns and scores the same."""
    batch, challenge = next(batches(3_000, 3_000)), Challenge(only_features=NAMES[:5])
    sides = Sides(begun(challenge)).run(3_000)
    assert sides.contender is not None
    sums = sides.contender.version.sums
    assert sums.feature_weights[:5].min() > 0
    assert sums.feature_weights[5:].tolist() == [0.0] * (len(NAMES) - 5)
    prepared = prepare(batch, CONFIG)
    assert prepared.columns is not None
    X = np.zeros((1, len(NAMES)))
    other = X.copy()
    other[:, 5:] = 7.0
    other[:, sides.contender.left_out] = X[:, sides.contender.left_out] = np.nan
    found = [sides.contender.version.score(each, np.zeros(1, np.int64)) for each in (X, other)]
    assert found[0].distances_sq == found[1].distances_sq


def judged(sides: Sides, is_fraud: bool, ids: list[str]) -> None:
    at = datetime.fromtimestamp(sides.state.verdicts.clock_ms / 1000, UTC)
    sides.judge([verdict_on(each, is_fraud, at) for each in ids])


def verdict_on(
    name: str, is_fraud: bool, at: datetime, origin: Literal["reviewer", "chargeback"] = "reviewer"
) -> Feedback:
    verdict: Literal["fraud", "legitimate"] = "fraud" if is_fraud else "legitimate"
    return Feedback(
        transaction_id=name, card_id=None, verdict=verdict, origin=origin, decided_at=at
    )


def test_verdicts_teach_it_odds_of_its_own_and_not_where_the_distance_alone_is_asked_for() -> None:
    for challenge in (Challenge({"n_clusters": 4}), Challenge(distance_only=True)):
        sides = Sides(begun(challenge))
        for batch in batches(12_000):
            outcome = sides.score(batch)
            ids = [alert.transaction.transaction_id for alert in outcome.alerts]
            judged(sides, True, ids[::2])
            judged(sides, False, ids[1::2])
            sides.checkpoint()
        assert sides.contender is not None
        main, own = sides.version, sides.contender.version
        assert main.ranks_by_odds
        assert own.ranks_by_odds is not challenge.distance_only
        if challenge.distance_only:
            assert own.odds is None
            continue
        assert own.sums.verdicts_learned == main.sums.verdicts_learned
        assert own.sums.lane_verdicts.tolist() == main.sums.lane_verdicts.tolist()
        # The same verdicts with other distances: all inputs but the last are the same, nearly.
        assert own.sums.input_sums[:-1] == pytest.approx(main.sums.input_sums[:-1], rel=1e-3)
        assert own.sums.input_sums[-1] != main.sums.input_sums[-1]


def test_frauds_count_for_who_had_alerted_them_and_a_verdict_that_is_overruled_is_taken_back() -> (
    None
):
    sides = Sides(begun(Challenge({"n_clusters": 4})))
    alerted: list[str] = []
    for batch in batches(6_000):
        outcome = sides.score(batch)
        alerted += [a.transaction.transaction_id for a in outcome.alerts if not a.sampled]
        sides.checkpoint()
    judged(sides, True, alerted[-10:])
    asked = sides.shadow.tally.asked
    both, only_main = asked[1, 0, 1], asked[1, 1, 1]
    assert both + only_main == 10
    assert asked[:, 2:].tolist() == np.zeros((3, 2, 2)).tolist()
    # Judged again with another verdict by a chargeback, one of them moves.
    at = datetime.fromtimestamp(sides.state.verdicts.clock_ms / 1000 + 60, UTC)
    sides.judge([verdict_on(alerted[-1], False, at, "chargeback")])
    assert asked[1, :2, 1].sum() == 9
    assert asked[1, :2, 0].sum() == 1


def test_a_payment_that_neither_alerted_and_of_which_somebody_told_is_missed_by_both() -> None:
    sides = Sides(begun(Challenge())).run(3_000)
    quiet: list[str] = []
    for batch in batches(4_000, 4_000):
        part = batch.starting_at(3_000)
        assert part is not None
        outcome = sides.score(part)
        told = {alert.transaction.transaction_id for alert in outcome.alerts}
        decoded = prepare(part, CONFIG).decoded
        names = [decoded.transaction(i).transaction_id for i in range(20)]
        quiet = [name for name in names if name not in told][:5]
    judged(sides, True, [*quiet, "never-seen"])
    assert sides.shadow.tally.told.tolist() == [[0, 0], [0, 0], [0, 0], [0, 5]]


def test_what_a_partition_remembers_of_it_is_what_was_stored_of_the_same_run() -> None:
    contender = begun(Challenge({"n_clusters": 4}))
    sides = Sides(contender).run(4_000)
    stored = sides.shadow.take_changed("one")
    assert stored.keys() == set(sides.shadow.names("one"))
    again = Shadow.load("one", contender, stored)
    assert again is not None
    assert (again.debt, again.found.since_ms) == (sides.shadow.debt, sides.shadow.found.since_ms)
    assert len(again.found) == len(sides.shadow.found) > 0
    assert again.told.tolist() == sides.shadow.told.tolist()
    # Nothing has changed but the state, which is always told.
    assert list(sides.shadow.take_changed("one")) == ["one"]
    stored["one"] = stored["one"].replace(b"run-1", b"run-0")
    assert Shadow.load("one", contender, stored) is None


def test_one_without_odds_begins_without_those_of_its_version() -> None:
    sums = Sums.zero(CONFIG.model)
    sums.input_weights = np.ones(CONFIG.model.n_inputs)
    bare = without_odds(sums)
    assert bare.input_weights.size == 0
    assert math.isinf(Challenge(distance_only=True).config(CONFIG.model).odds_min_frauds)
