"""What moved and how, in the words and units of the payment world."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from streamer.contract.codes import CURRENCIES
from streamer.features import FEATURE_NAMES
from streamer.model import ModelConfig, Sums, count_features
from streamer.model.sums import SETTLED
from streamer.reports.drift_report import DriftReport, FeatureDrift, describe_drift
from tests.builders import model_config

CONFIG: ModelConfig = model_config()
EUR = CURRENCIES.index("EUR")
PACE, SPEED = FEATURE_NAMES.index("card_pace_ratio"), FEATURE_NAMES.index("travel_speed")


def rows(seed: int) -> np.ndarray:
    """Return rows with amounts around 38 EUR and every other feature around 1."""
    X = np.random.default_rng(seed).normal(1.0, 0.5, (20_000, len(FEATURE_NAMES)))
    X[:, 0] += np.log(38.0) - 1.0
    return X


def report(now: np.ndarray, due: int = SETTLED) -> DriftReport:
    """Return the drift from `rows` to ``now``."""
    sums = Sums.zero(CONFIG)
    sums.currency_weights[EUR] = 1.0
    sums.reference_currency_means[EUR] = np.log(40.0)
    which = np.full(len(now), EUR)
    for histograms, X in ((sums.reference_histograms, rows(0)), (sums.feature_histograms, now)):
        count_features(histograms, X, which, sums.reference_currency_means, CONFIG.spread_floors)
    return describe_drift(replace(sums, reference_at=640_000, reference_due=due), CONFIG)


def moved(found: DriftReport) -> list[FeatureDrift]:
    return [feature for feature in found.features if feature.has_moved]


def test_without_drift_nothing_has_moved() -> None:
    found = report(rows(1))
    assert moved(found) == []
    assert len(found.features) == len(FEATURE_NAMES)
    assert (found.reference, found.reference_transactions) == ("settled", 640_000)
    assert max(feature.psi for feature in found.features) < 0.02
    assert {feature.direction for feature in found.features} == {"none"}


def test_dearer_payments_are_told_in_money_with_their_direction() -> None:
    now = rows(1)
    now[:, 0] += np.log(52 / 38)
    [amount] = moved(report(now))
    assert (amount.feature, amount.unit, amount.direction) == ("amount", "EUR", "up")
    assert amount.usual == pytest.approx(38, rel=0.02)
    assert amount.now == pytest.approx(52, rel=0.02)
    # (ln(52/38) / 0.5)² = 0.39; the bins are 0.3 wide, which loses a little.
    assert amount.psi == pytest.approx(0.39, abs=0.06)
    assert amount.sentence.startswith("amount: usual 3")
    assert re.search(r" EUR, now 5[\d.]+ EUR; ", amount.sentence)


def test_the_feature_that_moved_most_comes_first_and_one_that_fell_is_down() -> None:
    now = rows(1)
    now[:, 0] += 0.3
    now[:, PACE] -= 0.6
    pace, amount = moved(report(now))
    assert (pace.feature, pace.direction) == ("card_pace_ratio", "down")
    assert re.search(r"usual [\d.]+ times, now [\d.]+ times; ", pace.sentence)
    assert amount.feature == "amount"
    assert pace.psi > amount.psi


def test_a_field_that_producers_stopped_sending_is_named() -> None:
    now = rows(1)
    now[::2, SPEED] = np.nan
    [speed] = moved(report(now))
    assert (speed.feature, speed.direction) == ("travel_speed", "known less often")
    assert speed.sentence.startswith("travel_speed: known in 50% of payments, usually 100%; PSI ")


def test_a_wider_distribution_around_the_same_mean_is_told_as_one() -> None:
    now = rows(1)
    now[:, PACE] = 1.0 + 2.0 * (now[:, PACE] - 1.0)
    [pace] = moved(report(now))
    assert pace.direction == "wider"
    assert "spread 2 times as far" in pace.sentence


def test_while_the_reference_is_provisional_psi_is_told_but_nothing_has_moved() -> None:
    found = report(rows(1) + 1.0, due=960_000)
    assert found.reference == "provisional"
    assert moved(found) == []
    assert min(feature.psi for feature in found.features) > 0.2


def test_a_model_that_knows_nothing_can_be_described() -> None:
    found = describe_drift(Sums.zero(CONFIG), CONFIG)
    assert found.reference == "none"
    assert {feature.usual for feature in found.features} == {None}
