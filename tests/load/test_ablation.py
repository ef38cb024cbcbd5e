"""What the ablation takes away is gone for the pipeline, and only while it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from load.ablation import VARIANTS, is_off, without
from load.stages import batches_of
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, Tables
from streamer.pipeline import prepare, processing
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import pipeline_config


def known() -> set[str]:
    """Return the features that some payment of a hundred has, as the pipeline sees them."""
    [batch] = batches_of(Simulator(SimulatorConfig(seed=1)).generate(100), 100, 0)
    columns = prepare(batch, pipeline_config(load_settings({}))).columns
    assert columns is not None
    X = processing.History.observe(columns, Tables.empty(1_000, 1_000)).X
    return {
        name for name, column in zip(FEATURE_NAMES, X.T, strict=True) if np.isfinite(column).any()
    }


def test_features_of_a_variant_are_unknown_until_it_ends() -> None:
    """The amount is known of every payment, and so is the hour of a card's second one."""
    before = known()
    with without(VARIANTS["- amount"]):
        assert known() == before - {"amount"}
    with without(VARIANTS["- velocity"]):
        assert known() == {
            name for name in before if not is_off(name, VARIANTS["- velocity"].without)
        }
        assert known() < before
    assert known() == before
    assert "amount" in before


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_takes_away_features_that_there_are(variant: str) -> None:
    """A feature that has another name now would stay, and the ablation say that it is worth nothing."""
    names = *FEATURE_NAMES, *CONTEXT_NAMES
    for start in VARIANTS[variant].without:
        assert any(is_off(name, (start,)) for name in names)
