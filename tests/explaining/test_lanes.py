"""What an alert says that what ranks did not raise: the reserve's by distance, the sample's by draw."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from streamer.contract.messages import Alert
from streamer.explaining.explanation import explain
from streamer.model import Scorer, Split, distances_at
from streamer.pipeline.drawing import sample_probability
from tests.builders import batch, payment, pipeline_config, state_of
from tests.explaining.helpers import with_losses, with_odds
from tests.pipeline.helpers import Run, ordinary, run

CONFIG = pipeline_config()
PAST = ordinary(60, seed=3)
SPLIT = Split(0.3, 0.3, 0.4)


def version_with(split: Split) -> Scorer:
    return replace(with_odds(), split=split)


def last(n: int = 400) -> list[dict[str, object]]:
    """Return payments of all amounts, by cards that have paid before."""
    rng = np.random.default_rng(1)
    return [
        payment(
            100 + i,
            after_s=7_200 + 60.0 * i,
            card_id=f"card-{rng.integers(20)}",
            merchant_id=f"shop-{rng.integers(5)}",
            amount=round(float(np.exp(rng.normal(3.0, 1.5))), 2),
        )
        for i in range(n)
    ]


@cache
def ran() -> Run:
    return run([batch([*PAST, *last()])], CONFIG, version_with(SPLIT), state_of(CONFIG))


def alerts(kind: str) -> list[Alert]:
    of_kind = {
        "main": lambda alert: alert.ranked_by == "log_odds" and not alert.sampled,
        "reserve": lambda alert: alert.ranked_by == "distance",
        "sample": lambda alert: alert.sampled,
    }
    found = [alert for alert in ran().alerts if of_kind[kind](alert)]
    assert found
    return found


def test_an_alert_of_the_reserve_is_the_distances_in_all_that_it_says() -> None:
    version = version_with(SPLIT)
    for alert in alerts("reserve"):
        assert not alert.sampled
        assert alert.distance > alert.threshold
        total = sum(reason.contribution for reason in alert.reasons) + alert.other_contribution
        assert total == pytest.approx(alert.distance_sq, rel=1e-9)
        assert alert.base_log_odds == 0.0
        (line,) = distances_at(version.distances_below, np.array([1.0 - alert.score])) ** 0.5
        assert alert.distance == pytest.approx(line, rel=0.02)
        assert alert.log_odds is not None


def test_an_alert_of_the_reserve_is_reproduced_bit_for_bit() -> None:
    for alert in alerts("reserve"):
        sent = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
        explanation = explain(sent, version_with(SPLIT))
        assert explanation.is_reproduced, explanation.differences
        assert explanation.ranked_value == alert.distance_sq


def test_a_sampled_alert_says_that_it_was_drawn_and_how_many_it_stands_for() -> None:
    asked = version_with(SPLIT).asked
    for alert in alerts("sample"):
        assert alert.severity == "medium"
        assert alert.counterfactual is None
        first, *others = alert.reasons
        assert (first.feature, first.contribution, first.share) == ("sample", 0.0, 0.0)
        assert first.sentence.startswith("Drawn at random from the payments below the threshold")
        assert len(others) <= 4
        assert alert.ranked_by == "log_odds"
        assert alert.log_odds is not None
        assert alert.log_odds < alert.threshold
        hour = alert.event_time.hour
        drawn = sample_probability(1.0 - alert.score, asked.hourly[hour], SPLIT.sample)
        assert alert.sample_weight == 1.0 / drawn
        total = sum(reason.contribution for reason in alert.reasons) + alert.other_contribution
        assert total + alert.base_log_odds == pytest.approx(alert.log_odds, rel=1e-9)


@pytest.mark.parametrize(
    "version",
    [with_odds(), with_losses(), with_losses(review_cost=8.0)],
    ids=["odds", "losses", "losses worth a review"],
)
def test_at_the_counterfactual_amount_neither_lane_alerts(version: Scorer) -> None:
    version, past = replace(version, split=Split(0.6, 0.4, 0.0)), [*PAST, *last(5)]

    def alerted(values: list[dict[str, object]]) -> list[Alert]:
        found = run([batch(values)], CONFIG, version, state_of(CONFIG)).alerts
        return [alert for alert in found if alert.source.offset == len(past)]

    n_tried = 0
    for each in last(60)[5:]:
        for alert in alerted([*past, each]):
            answer = alert.counterfactual
            if answer is not None:
                n_tried += 1
                assert not alerted([*past, each | {"amount": answer.amount}])
                assert alerted([*past, each | {"amount": round(answer.amount + 0.01, 2)}])
    assert n_tried > 0


def test_a_sampled_payment_stays_one_after_a_crash_under_another_version() -> None:
    """With its weight from the topic, though the version of now samples nothing."""
    out, state = alerts("sample"), state_of(CONFIG)
    state.published = {alert.source.offset: None for alert in out}
    state.published_samples = {a.source.offset: a.sample_weight or 0.0 for a in out}
    again = run([batch([*PAST, *last()])], CONFIG, version_with(Split(1.0, 0.0, 0.0)), state)
    assert not {a.source.offset for a in out} & {a.source.offset for a in again.alerts}
    buffer = again.state.verdicts.buffer
    slots = [buffer.slots([alert.transaction.transaction_id])[0] or 0 for alert in out]
    assert buffer.stakes(slots).tolist() == pytest.approx([a.sample_weight for a in out])
    assert again.state.published_samples == {}


def test_what_was_drawn_teaches_like_its_neighbours_and_the_other_lanes_do_not() -> None:
    none = run([batch([*PAST, *last()])], CONFIG, version_with(Split(0.3, 0.3, 0.0)))
    n_kept = none.state.delta.transactions_taught
    assert ran().state.delta.transactions_taught == pytest.approx(n_kept, abs=3)


def test_what_is_not_worth_its_review_alerts_in_the_reserve_and_the_sample_alone() -> None:
    """At a cost of what half of the main lane's alerts let expect without it."""
    split = Split(0.3, 0.3, 0.4)

    def ran_by(version: Scorer) -> dict[int, Alert]:
        version = replace(version, split=split)
        found = run([batch([*PAST, *last()])], CONFIG, version, state_of(CONFIG)).alerts
        return {alert.source.offset: alert for alert in found}

    before = [a for a in ran_by(with_losses()).values() if a.ranked_by != "distance"]
    cost = float(np.median([a.expected_loss for a in before if not a.sampled]))
    after = ran_by(with_losses(review_cost=cost)).values()
    main = [a for a in after if a.ranked_by == "expected_loss" and not a.sampled]
    assert main
    assert min(a.expected_loss or 0.0 for a in main) >= cost
    assert all(a.threshold >= cost * (1 - 1e-9) for a in main)
    assert [a for a in after if a.sampled and (a.expected_loss or 0.0) < cost]
    assert [a for a in after if a.ranked_by == "distance"]
