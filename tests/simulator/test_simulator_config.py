"""Configuration faults are readable and reported together."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import datetime
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.simulator import Simulator, SimulatorConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": -1}, r"^seed must be an integer between 0 and \d+, got -1$"),
        ({"seed": True}, r"^seed must be an integer between 0 and \d+, got True$"),
        ({"n_customers": 0}, r"^n_customers must be an integer between 1 and 1000000, got 0$"),
        ({"n_merchants": 19}, r"^n_merchants must be an integer between 20 and 100000, got 19$"),
        ({"fraud_share": 0.3}, r"^fraud_share must be between 0 and 0\.05, got 0\.3$"),
        ({"fraud_share": float("nan")}, r"^fraud_share must be between 0 and 0\.05, got nan$"),
        (
            {"payments_per_customer_per_day": 0.0},
            r"^payments_per_customer_per_day must be between 0\.01 and 100, got 0\.0$",
        ),
        (
            {"start": datetime(2026, 1, 5)},
            r"^start must be a time with an offset, got 2026-01-05T00:00:00; add tzinfo=UTC$",
        ),
    ],
)
def test_a_bad_field_is_named_with_its_condition_and_value(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SimulatorConfig(**{"seed": 1, **fields})


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"seed must .*; n_customers must .*; fraud_share"):
        SimulatorConfig(seed=-1, n_customers=0, fraud_share=2)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        SimulatorConfig(seed=1).seed = 2  # type: ignore[misc]


def test_a_negative_number_of_payments_is_refused() -> None:
    with pytest.raises(ValueError, match="n must be 0 or more, got -1"):
        Simulator(SimulatorConfig(seed=1, n_customers=10)).generate(-1)


def test_the_smallest_world_still_generates_payments() -> None:
    config = SimulatorConfig(
        seed=1, n_customers=1, n_merchants=20, fraud_share=0.05, payments_per_customer_per_day=0.5
    )
    assert len(Simulator(config).generate(200)) == 200
