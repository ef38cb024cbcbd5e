"""From an alert and its version back to the score, bit for bit, and to parts that sum to it."""

from __future__ import annotations

import math
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.explaining.explanation import Explanation, as_alerted, explain
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, add_verdicts
from streamer.model import Scorer
from tests.builders import T0_MS, batch, payment, pipeline_config, state_of
from tests.explaining.helpers import version_ranking_by, with_odds
from tests.model.helpers import functions
from tests.pipeline.helpers import ordinary, run

CONFIG = pipeline_config()
PAST = ordinary(60, seed=3)


@cache
def alerts_by(ranking: str, seed: int = 0) -> tuple[list[Alert], Scorer]:
    """Return alerts on payments of unusual amounts, half of them at a merchant with frauds."""
    version = version_ranking_by(ranking)
    state = state_of(CONFIG)
    times = np.full(20, T0_MS, dtype=np.int64)
    add_verdicts(state.tables.merchant_verdicts, ["shop-1"] * 20, times, np.ones(20), np.ones(20))
    rng = np.random.default_rng(seed)
    last = [
        payment(
            100 + i,
            after_s=7_200 + 60.0 * i,
            card_id=f"card-{rng.integers(20)}",
            merchant_id=f"shop-{rng.integers(2)}",
            amount=float(np.exp(rng.normal(5.0, 3.0))),
            currency=str(rng.choice(["EUR", "EUR", "JPY"])),
        )
        for i in range(60)
    ]
    alerts = run([batch([*PAST, *last])], CONFIG, version, state).alerts
    assert len(alerts) > 5
    assert {alert.ranked_by for alert in alerts} == {ranking}
    return alerts, version


def total(explanation: Explanation) -> float:
    parts = [part.contribution for part in explanation.parts]
    return math.fsum([explanation.base, *parts, explanation.remainder])


def largest(explanation: Explanation) -> float:
    return max(abs(part.contribution) for part in explanation.parts)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 5), ranking=st.sampled_from(["distance", "log_odds"]))
def test_an_alert_is_reproduced_bit_for_bit_and_its_parts_sum_to_it(
    seed: int, ranking: str
) -> None:
    """Also after the alert has been through JSON."""
    alerts, version = alerts_by(ranking, seed)
    for alert in alerts:
        sent = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
        explanation = explain(sent, version)
        assert explanation.is_reproduced, explanation.differences
        assert explanation.recomputed == {
            "distance_sq": alert.distance_sq,
            "log_odds": alert.log_odds,
            "score": alert.score,
        }
        value = alert.log_odds if ranking == "log_odds" else alert.distance_sq
        assert explanation.ranked_value == value
        assert value is not None
        # The remainder is itself rounded to a float, which can cost the last bit.
        last_bit = np.spacing(max(abs(value), abs(explanation.remainder)))
        assert abs(total(explanation) - value) <= last_bit
        if alert.distance_sq > 0:
            assert abs(explanation.remainder) < 1e-12 * largest(explanation)
        assert explanation.ranked_value > explanation.threshold_value * (1 - 1e-12)
        shares = [part.share for part in explanation.parts]
        assert math.fsum(shares) == pytest.approx(1.0, rel=1e-12)
        # Parts that would say nothing are among no reasons.
        told = {reason.feature for reason in alert.reasons}
        assert [part for part in explanation.parts if part.feature in told] == alert.reasons


def test_every_known_feature_is_a_part_and_tells_on_which_side_it_stands() -> None:
    """What adds to the distance, what adds nothing; for log-odds also what speaks against."""
    for ranking in ("distance", "log_odds"):
        alerts, version = alerts_by(ranking)
        for alert in alerts:
            explanation = explain(alert, version)
            names = {part.feature for part in explanation.parts}
            known = set(alert.features) & set(FEATURE_NAMES)
            if alert.transaction.currency == "JPY":
                # No usual amount in yen is known: there is nothing to compare it with.
                known -= {"amount"}
            assert names & set(FEATURE_NAMES) == known
            for part in explanation.parts:
                if part.contribution == 0:
                    assert part.sentence.startswith("Adds nothing: ")
                is_against = part.sentence.startswith("As in payments judged legitimate: ")
                if part.feature in FEATURE_NAMES:
                    assert is_against == (part.contribution < 0)
                assert (part.share > 0) == (part.contribution > 0)


def test_what_the_odds_make_of_a_distance_of_zero_is_a_remainder_of_their_own() -> None:
    """Nothing but verdicts is known, so no feature can own the function of the distance."""
    alerts, version = alerts_by("log_odds")
    verdicts = dict.fromkeys(CONTEXT_NAMES, 5.0)
    alert = msgspec.structs.replace(alerts[0], features=verdicts)
    recomputed = explain(alert, version).recomputed
    explanation = explain(msgspec.structs.replace(alert, **recomputed), version)
    assert explanation.is_reproduced
    assert explanation.recomputed["distance_sq"] == 0.0
    inputs = np.full((1, version.config.n_inputs), np.nan)
    inputs[0, -1] = math.log(1e-3)
    assert version.odds is not None
    of_distance = float(functions(version.odds, inputs)[0, -1])
    assert abs(of_distance) > 1e-3
    assert explanation.remainder == pytest.approx(of_distance, rel=1e-9)
    assert total(explanation) == pytest.approx(explanation.ranked_value, rel=1e-15)


@pytest.mark.parametrize("ranking", ["distance", "log_odds"])
def test_a_feature_that_is_off_in_its_last_digits_is_noticed(ranking: str) -> None:
    alerts, version = alerts_by(ranking)
    alert, name = next(
        (alert, part.feature)
        for alert in alerts
        for part in explain(alert, version).parts
        if part.feature in FEATURE_NAMES and abs(part.contribution) > 0.1
    )
    moved = alert.features[name] * (1 + 1e-12)
    altered = msgspec.structs.replace(alert, features=alert.features | {name: moved})
    explanation = explain(altered, version)
    assert explanation.is_reproduced is False
    assert set(explanation.differences) & {"distance_sq", "log_odds"}


def test_another_version_is_refused() -> None:
    alerts, _ = alerts_by("distance")
    with pytest.raises(ConfigurationError, match=r"must be version-1, got [0-9a-f]{64}"):
        explain(alerts[0], with_odds())


@pytest.mark.parametrize(
    ("features", "told"), [({}, "got none"), ({"amount": 1.0, "vintage": 2.0}, "got vintage")]
)
def test_features_of_another_release_are_refused(features: dict[str, float], told: str) -> None:
    alerts, version = alerts_by("distance")
    with pytest.raises(ConfigurationError, match=told):
        explain(msgspec.structs.replace(alerts[0], features=features), version)


@pytest.mark.parametrize("ranking", ["distance", "log_odds"])
def test_an_alert_by_itself_has_its_reasons_and_one_remainder(ranking: str) -> None:
    for alert in alerts_by(ranking)[0]:
        explanation = as_alerted(alert)
        assert explanation.is_reproduced is None
        assert [part.feature for part in explanation.parts] == [r.feature for r in alert.reasons]
        assert explanation.remainder == pytest.approx(alert.other_contribution, abs=1e-9)
        assert total(explanation) == pytest.approx(explanation.ranked_value, rel=1e-15)
