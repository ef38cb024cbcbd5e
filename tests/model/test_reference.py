"""The reference is provisional while histories fill, then kept until a promotion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamer.model import Scorer, Sums, advance, count_features, drift_of, learn
from streamer.model.learning import learn_warming
from streamer.model.reference import follow_reference, refrozen
from tests.model.helpers import euros, small_config, two_clouds

CONFIG = small_config(half_life=1_000.0)


def seen(n: int, mean: float = 0.0, **changes: int) -> Sums:
    """Return sums whose features were normal around ``mean``, after ``n`` transactions."""
    sums = Sums.zero(CONFIG)
    X = np.random.default_rng(0).normal(mean, 1.0, (2_000, 3))
    usual = np.full(2, np.finfo(float).tiny)
    count_features(sums.feature_histograms, X, euros(X), usual, CONFIG.spread_floors)
    return replace(sums, transactions_seen=n, **changes)


def later(sums: Sums, n: int, mean: float) -> Sums:
    return replace(
        seen(n, mean, reference_at=sums.reference_at, reference_due=sums.reference_due),
        reference_histograms=sums.reference_histograms,
    )


def test_the_first_histograms_are_the_first_reference_due_again_after_half_as_many() -> None:
    frozen = follow_reference(seen(2_000), CONFIG)
    np.testing.assert_array_equal(frozen.reference_histograms, frozen.feature_histograms)
    assert (frozen.reference_at, frozen.reference_due) == (2_000, 3_000)
    assert not frozen.is_reference_settled


def test_a_model_that_has_seen_millions_before_it_had_histograms_starts_as_a_young_one() -> None:
    frozen = follow_reference(seen(50_000_000), CONFIG)
    assert frozen.reference_due == 50_001_000


def test_nothing_is_frozen_before_it_is_due_or_without_histograms() -> None:
    frozen = follow_reference(seen(2_000), CONFIG)
    not_due = later(frozen, 2_999, mean=5.0)
    assert follow_reference(not_due, CONFIG) is not_due
    empty = replace(Sums.zero(CONFIG), transactions_seen=10)
    assert follow_reference(empty, CONFIG) is empty


def test_steps_grow_by_half_until_one_of_1_5_half_lives_has_moved_nothing() -> None:
    """1,000, then 1,500: the second is long enough, and the reference is kept from then on."""
    sums = follow_reference(seen(2_000), CONFIG)
    sums = follow_reference(later(sums, 3_000, mean=0.0), CONFIG)
    assert (sums.reference_at, sums.reference_due) == (3_000, 4_500)
    sums = follow_reference(later(sums, 4_500, mean=0.0), CONFIG)
    assert sums.is_reference_settled
    assert sums.reference_at == 4_500
    moved = later(sums, 1_000_000, mean=2.0)
    assert follow_reference(moved, CONFIG) is moved
    assert drift_of(moved, CONFIG).psi.min() > 1.0


def test_a_step_in_which_a_feature_moved_is_followed_by_a_longer_one() -> None:
    sums = follow_reference(seen(2_000), CONFIG)
    sums = follow_reference(later(sums, 3_500, mean=1.0), CONFIG)
    assert not sums.is_reference_settled
    assert sums.reference_due == 3_500 + 2_250
    np.testing.assert_array_equal(sums.reference_histograms, sums.feature_histograms)


def test_a_promotion_freezes_what_is_promoted_and_promoting_it_again_changes_nothing() -> None:
    settled = replace(seen(9_000, mean=2.0, reference_at=4_500, reference_due=-1))
    promoted = refrozen(settled)
    assert promoted.is_reference_settled
    assert promoted.reference_at == 9_000
    assert not drift_of(promoted, CONFIG).psi.any()
    again = refrozen(promoted)
    np.testing.assert_array_equal(again.reference_histograms, promoted.reference_histograms)
    assert again.reference_at == 9_000


def test_a_provisional_reference_stays_provisional_when_it_is_promoted() -> None:
    promoted = refrozen(seen(2_900, reference_at=2_000, reference_due=3_000))
    assert (promoted.reference_at, promoted.reference_due) == (2_900, 3_900)


def test_a_model_without_a_reference_is_promoted_as_it_is() -> None:
    young = Sums.zero(CONFIG)
    assert refrozen(young) is young


def test_warm_up_rows_are_counted_once_whichever_worker_found_the_first_centers() -> None:
    """With decay off every row of the histograms sums to the transactions seen, also when a delta
    was still warming as it was merged into a model with centers."""
    config = small_config()
    X = two_clouds(np.random.default_rng(3), 400)
    first, second, third = Sums.zero(config), Sums.zero(config), Sums.zero(config)
    learn_warming(first, X[:150], euros(X[:150]))
    learn_warming(second, X[150:200], euros(X[150:200]))
    head = advance(Sums.zero(config), first, config)
    version = Scorer.of("", head, config)
    scored = version.score(X[200:], euros(X[200:]))
    learn(third, scored, ~scored.alerted, scored.alerted, X[200:, 0], euros(X[200:]))
    usual = version.sums.reference_currency_means
    count_features(third.feature_histograms, X[200:], euros(X[200:]), usual, config.spread_floors)
    for order in ((second, third), (third, second)):
        sums = head
        for delta in order:
            sums = advance(sums, delta, config)
        assert sums.transactions_seen == 400
        assert sums.feature_histograms.sum(axis=1).tolist() == [400.0] * 3
        np.testing.assert_allclose(sums.reference_currency_means, head.reference_currency_means)
