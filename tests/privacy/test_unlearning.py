"""What one card can have done to a model: the bound, held against models without the card."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.durations import DAY_MS
from streamer.model import ModelConfig, Scorer, Sums, advance, learn, learn_warming
from streamer.privacy.unlearning import bound_of, payments_a_day, weight_bound
from tests.model.helpers import Floats, euros, small_config, two_clouds

HALF_LIFE = 2_000.0


def config_of(half_life: float = HALF_LIFE) -> ModelConfig:
    return small_config(half_life=half_life)


def warmed(config: ModelConfig, seed: int) -> Sums:
    """Return a model whose centers come from 2,000 rows, before the card has paid anything."""
    X = two_clouds(np.random.default_rng(seed), 2_000)
    delta = Sums.zero(config)
    learn_warming(delta, X, euros(X))
    return advance(Sums.zero(config), delta, config)


def taught_by(sums: Sums, batches: list[Floats], config: ModelConfig) -> Sums:
    """Return the model after as many merges, in which every payment teaches."""
    for X in batches:
        version = Scorer.of("", sums, config)
        scored = version.score(X, euros(X))
        delta = Sums.zero(config)
        teaching = np.ones(len(X), dtype=bool)
        learn(delta, scored, teaching, ~teaching, X[:, 0], euros(X))
        sums = advance(sums, delta, config)
    return sums


def deviations(sums: Sums, config: ModelConfig) -> Floats:
    return sums.scale(config)[1]


def centers(sums: Sums) -> Floats:
    return sums.cluster_sums / sums.cluster_known


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1_000),
    n_card=st.integers(1, 60),
    at=st.integers(0, 3),
    extreme=st.floats(-40.0, 40.0),
)
@example(seed=0, n_card=60, at=0, extreme=40.0)
@example(seed=3, n_card=1, at=3, extreme=0.0)
def test_a_model_without_the_card_lies_within_the_bound(
    seed: int, n_card: int, at: int, extreme: float
) -> None:
    """Four merges of 500 payments, and in one of them the card's, as far out as it likes.

    The bound is for what the card's own terms do, and for what fades less without them.  A payment of
    another card that would have gone to another center is a second step: none does here, since the two
    clouds lie apart, and so no slack is given.
    """
    config = config_of()
    rng = np.random.default_rng(seed)
    others = [two_clouds(rng, 500) for _ in range(4)]
    own = two_clouds(rng, n_card) + extreme * (rng.random((n_card, others[0].shape[1])) < 0.3)
    with_card = [X if i != at else np.concatenate([X, own]) for i, X in enumerate(others)]
    begun = warmed(config, seed)
    here, without = taught_by(begun, with_card, config), taught_by(begun, others, config)

    n_since = 500 * (3 - at)
    # Merged whole: the card's count as if nothing had passed since within their merge.
    weight = n_card * 0.5 ** (n_since / HALF_LIFE)
    bound = bound_of(here, config, weight)
    spread = deviations(here, config)
    scale = np.abs(here.scale(config)[0] - without.scale(config)[0]) / spread
    assert scale.max() <= bound.scale_shift
    moved = np.abs(centers(here) - centers(without)) / spread
    assert (moved.max(axis=1) <= bound.center_shifts).all()
    # And it is no bound of anything whatever.
    assert bound.scale_shift < 20.0 * n_card / 500


def test_the_bound_is_what_the_equations_say() -> None:
    """Weight 3 of 1,000 in two clusters of 400 and 600, cut off at 10 deviations, half-life 2,000.

    The scale: 20 (3 / 997 + 3 (2^(1/2000) - 1) 1000 / 1000) = 20 (0.0030090 + 0.0010399).
    """
    config = config_of()
    sums = warmed(config, 0)
    sums.cluster_weights = np.array([400.0, 600.0, *[0.0] * (config.n_clusters - 2)])
    sums.feature_weights = np.full(config.n_features, 1_000.0)
    bound = bound_of(sums, config, 3.0, per_day=1_000.0)
    fading = 3.0 * (2.0 ** (1.0 / 2_000.0) - 1.0) * 1_000.0
    assert bound.scale_shift == pytest.approx(20.0 * (3.0 / 997.0 + fading / 1_000.0))
    assert bound.center_shifts[0] == pytest.approx(20.0 * (3.0 / 397.0 + fading / 400.0))
    assert math.isinf(bound_of(sums, config, 400.0).center_shifts[0])
    # Two days for a half; to 0.01 deviations log2(0.081 / 0.01) = 3.02 of them.
    assert bound.half_life_days == 2.0
    assert bound.days_to_a_hundredth == pytest.approx(
        2.0 * math.log2(bound.scale_shift / 0.01), rel=1e-12
    )
    told = bound_of(sums, config, 400.0).as_json()
    assert told["center_shifts"][0] is None
    assert bound_of(sums, config, 0.0).scale_shift == 0.0
    assert bound_of(sums, config, 2_000.0).as_json()["scale_shift"] is None


@given(
    ages_days=st.lists(st.floats(0.0, 400.0), min_size=1, max_size=50),
    per_day=st.floats(50.0, 1e6),
    since_days=st.floats(0.0, 100.0),
)
def test_the_weight_is_bounded_by_what_is_kept_of_the_card(
    ages_days: list[float], per_day: float, since_days: float
) -> None:
    """Payments of any ages before the last one, which was so long ago; traffic is steady."""
    now_ms = 1_800_000_000_000
    days = HALF_LIFE / per_day
    ages = np.array([0.0, *ages_days])
    numbers = {
        name: float((0.5 ** (ages / half_life)).sum())
        for name, half_life in (
            ("payments_1h", 1 / 24),
            ("payments_1d", 1.0),
            ("payments_7d", 7.0),
            ("payments_30d", 30.0),
        )
    } | {"time_ms": now_ms - since_days * DAY_MS}
    bound = weight_bound(numbers, HALF_LIFE, per_day, now_ms)
    true = float((0.5 ** ((ages + since_days) / days)).sum())
    if days > 30.0:
        assert bound is None
    else:
        assert bound is not None
        assert true <= bound * (1.0 + 1e-9)


def test_a_weight_is_not_bounded_where_nothing_fades_or_no_pace_is_known() -> None:
    numbers = dict.fromkeys(("payments_1h", "payments_1d", "payments_7d", "payments_30d"), 1.0)
    numbers["time_ms"] = 0.0
    assert weight_bound(numbers, math.inf, 1_000.0, 0) is None
    assert weight_bound(numbers, HALF_LIFE, None, 0) is None
    assert payments_a_day((0, 5), (0, 9)) is None
    assert payments_a_day((0, 9), (DAY_MS, 9)) is None
    # A merge of as many payments as a half-life counts none of them as passed.
    assert weight_bound(numbers, HALF_LIFE, 2_000.0, 0, delta_limit=2_000) == pytest.approx(2.0)
