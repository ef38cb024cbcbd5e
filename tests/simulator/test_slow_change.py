"""Slow drift: prices rise and a new merchant category takes off, unless switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamer.simulator import SimulatorConfig
from streamer.simulator.world_tables import CATEGORIES
from tests.simulator.conftest import Run

NEW_MCC = next(category.mcc for category in CATEGORIES if category.sold == "new")


def weekly_share(run: Run, week: int) -> float:
    """Return the new category's share of genuine payments in one event-week."""
    rows = np.flatnonzero(run.ordinary & (run.day // 7 == week))
    return float(np.mean([run.payments.mccs[i] == NEW_MCC for i in rows]))


def test_the_new_category_rises_from_nothing_to_eight_percent(run: Run) -> None:
    shares = [weekly_share(run, week) for week in range(6)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    # Halfway through its four weeks of rise: 4%; afterwards 8%, less the 1% without an mcc.
    assert shares[3] == pytest.approx(0.0485, abs=0.008)
    assert shares[5] == pytest.approx(0.079, abs=0.008)


def test_prices_rise_three_percent_a_month() -> None:
    config = SimulatorConfig(seed=4, n_customers=300, n_merchants=100, fraud_share=0.0)
    rising = Run.of(config, 56_000)
    steady = Run.of(replace(config, price_drift=False), 56_000)
    month_later = rising.day == 60
    assert month_later.sum() > 500
    # The same draws at other prices: payment by payment the ratio is the price level alone.
    ratio = np.median(rising.eur[month_later] / steady.eur[month_later])
    assert ratio == pytest.approx(1.001**60, rel=0.003)


def test_without_category_drift_the_new_category_never_appears() -> None:
    config = SimulatorConfig(seed=4, n_customers=300, n_merchants=100, category_drift=False)
    run = Run.of(config, 40_000)
    assert run.day.max() > 35
    assert NEW_MCC not in run.payments.mccs
