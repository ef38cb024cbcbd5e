"""Another amount, hour or distance, asked of an alert: as the pipeline scores that very payment."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from streamer.contract.messages import Alert, Score
from streamer.errors import ConfigurationError
from streamer.explaining.asked_again import Change, asked_again, changeable, distance_km_of
from streamer.features import add_verdicts
from streamer.pages.example_alert import _version, example_alert
from tests.builders import T0_MS, batch, payment, pipeline_config, state_of
from tests.explaining.helpers import version_ranking_by
from tests.pipeline.helpers import ordinary, run

CONFIG = replace(pipeline_config(), with_scores=True, with_features=True)
HERE = {"latitude": 52.5, "longitude": 13.4, "channel": "pos"}
PAST = ordinary(60, seed=3, card_id="card-1", merchant_id="shop-1", **HERE)
AT = "2026-01-05T14:00:00Z"


def last(ranking: str, **fields: Any) -> tuple[Alert | None, Score, float]:
    """Return the pipeline's alert and score of a payment after `PAST`, and its distance (km)."""
    made = {"card_id": "card-1", "merchant_id": "shop-1", "amount": 2_000.0, "timestamp": AT}
    place = HERE | {"latitude": 53.5}
    value = payment(99, **made | place | fields)
    state, times = state_of(CONFIG), np.full(20, T0_MS, dtype=np.int64)
    add_verdicts(state.tables.merchant_verdicts, ["shop-1"] * 20, times, np.ones(20), np.ones(20))
    ran = run([batch([*PAST, value])], CONFIG, version_ranking_by(ranking), state)
    km = ran.outcomes[-1].features[-1].features["travel_distance"]
    alerts = [alert for alert in ran.alerts if alert.transaction.transaction_id == "t-99"]
    return (alerts[0] if alerts else None), ran.scores[-1], math.expm1(km or math.nan)


def told(score: Score) -> tuple[float | None, float | None, bool]:
    return score.score, score.probability, score.alerted


@pytest.mark.parametrize("ranking", ["distance", "log_odds", "expected_loss"])
def test_another_amount_is_scored_as_the_pipeline_scores_it_to_the_last_bit(ranking: str) -> None:
    alert, own, _ = last(ranking)
    assert alert is not None
    sent = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
    amounts = [0.01, 3.0, 25.5, 400.0, 9_000.0]
    changes = [Change(), *(Change(amount=amount) for amount in amounts)]
    found = asked_again(sent, version_ranking_by(ranking), changes)
    assert (found[0].score, found[0].threshold) == (alert.score, alert.threshold)
    wanted = [told(own), *(told(last(ranking, amount=amount)[1]) for amount in amounts)]
    assert [(each.score, each.probability, each.is_alert) for each in found] == wanted
    assert {each.ranked_by for each in found} == {ranking}


def test_another_hour_is_that_of_another_clock_at_the_same_time() -> None:
    """14:00 UTC is 19:30 by a clock five and a half hours ahead."""
    alert, _, _ = last("log_odds")
    assert alert is not None
    [found] = asked_again(alert, version_ranking_by("log_odds"), [Change(hour=19.5)])
    ahead = last("log_odds", timestamp="2026-01-05T19:30:00+05:30")[1]
    assert ahead.log_odds is not None
    assert found.value == pytest.approx(ahead.log_odds, abs=1e-9)
    assert found.value != alert.log_odds


def test_another_distance_takes_the_time_that_the_card_had() -> None:
    """A degree of latitude is 6371 π / 180 = 111.19 km."""
    alert, _, _ = last("log_odds")
    assert alert is not None
    assert distance_km_of(alert) == pytest.approx(111.195, abs=1e-3)
    _, score, km = last("log_odds", latitude=52.6)
    assert km == pytest.approx(11.1195, abs=1e-3)
    [found] = asked_again(alert, version_ranking_by("log_odds"), [Change(distance_km=km)])
    assert found.value == pytest.approx(score.log_odds, abs=1e-9)


def test_the_counterfactual_of_an_alert_is_where_its_answer_turns() -> None:
    """39.12 EUR is quiet, a cent more is not; and the answer without a change is the alert's."""
    alert, version = example_alert(), _version()
    assert alert.counterfactual is not None
    quiet = alert.counterfactual.amount
    changes = [Change(), Change(amount=quiet), Change(amount=quiet + 0.01)]
    found = asked_again(alert, version, changes)
    assert [each.is_alert for each in found] == [True, False, True]
    assert (found[0].score, found[0].value) == (alert.score, alert.log_odds)
    assert found[0].probability == alert.probability


def test_an_alert_of_an_earlier_release_can_be_asked_about_its_distance_alone() -> None:
    alert = msgspec.structs.replace(example_alert(), before={})
    assert changeable(alert) == ("distance",)
    with pytest.raises(ConfigurationError, match=r"another amount of .* which is distance"):
        asked_again(alert, _version(), [Change(amount=1.0)])


def test_a_card_that_has_not_moved_tells_no_time_for_another_distance() -> None:
    alert, _, _ = last("distance", latitude=52.5)
    assert alert is not None
    assert changeable(alert) == ("amount", "hour")
