"""From batches to versions: what is counted, what is taught, and what is poison-bounded."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Scorer, Sums, advance, delta_limit, learn, learn_warming
from tests.model.helpers import (
    Floats,
    euros,
    next_version,
    small_config,
    sums_with_centers,
    taught,
    two_clouds,
    with_recent,
)

CONFIG = small_config()


def warming_delta(X: Floats) -> Sums:
    """Return what a partition gathers of ``X`` while there are no centers."""
    delta = Sums.zero(CONFIG)
    learn_warming(delta, X, euros(X))
    return delta


def warm(seed: int = 0, n: int = 2_000) -> Scorer:
    """Return a version whose first centers come from ``n`` rows."""
    X = two_clouds(np.random.default_rng(seed), n)
    return Scorer.of("", advance(Sums.zero(CONFIG), warming_delta(X), CONFIG), CONFIG)


def assert_counted_once(sums: Sums, n: int) -> None:
    """Invariant 2 with decay off, after the warm-up."""
    assert sums.transactions_seen == n
    assert sums.scored_weight == pytest.approx(n, rel=1e-12)
    assert sums.cluster_weights.sum() == pytest.approx(sums.transactions_taught, rel=1e-12)
    assert sums.currency_weights.sum() == pytest.approx(n, rel=1e-12)
    assert len(sums.warmup_X) == 0


def test_the_first_centers_count_every_row_of_the_warm_up_once() -> None:
    version = warm(n=2_000)
    assert_counted_once(version.sums, 2_000)
    assert version.sums.transactions_taught == 2_000
    assert not version.is_warming


def test_a_model_warms_until_the_rows_suffice() -> None:
    """Warm-up 100: 60 rows are kept, 60 more make the first centers from all 120."""
    X = two_clouds(np.random.default_rng(5), 120)
    sums = advance(Sums.zero(CONFIG), warming_delta(X[:60]), CONFIG)
    assert sums.is_warming
    assert len(sums.warmup_X) == 60
    assert sums.scored_weight == 0
    sums = advance(sums, warming_delta(X[60:]), CONFIG)
    assert not sums.is_warming
    assert_counted_once(sums, 120)


def test_a_delta_that_was_still_warming_is_absorbed_by_a_model_with_centers_once() -> None:
    head = warm(n=2_000)
    late = two_clouds(np.random.default_rng(9), 500)
    sums = advance(head.sums, warming_delta(late), CONFIG)
    assert_counted_once(sums, 2_500)
    n_alerted = sums.transactions_seen - sums.transactions_taught
    # The threshold is the 98th percentile of what came before.
    assert 0 < n_alerted < 30
    assert sums.alerted_weight == pytest.approx(0.02 * 2_000 + n_alerted)


def test_what_is_above_the_threshold_moves_no_center_but_is_counted() -> None:
    version = warm()
    far = np.full((300, 3), 8.0)
    scored = version.score(far, euros(far))
    assert scored.alerted.all()
    after = next_version(version, taught(version, far))
    np.testing.assert_array_equal(after.centers, version.centers)
    np.testing.assert_array_equal(after.variances, version.variances)
    assert_counted_once(after.sums, 2_300)
    assert after.sums.transactions_taught == 2_000


def test_only_the_rows_marked_as_teaching_teach() -> None:
    version = warm()
    X = two_clouds(np.random.default_rng(4), 50)
    delta, half = Sums.zero(CONFIG), Sums.zero(CONFIG)
    teaching = np.arange(50) % 2 == 0
    alerted = np.arange(50) % 10 == 1
    learn(delta, version.score(X, euros(X)), teaching, alerted, X[:, 0], euros(X))
    even, none = X[teaching], np.zeros(25, bool)
    learn(half, version.score(even, euros(even)), ~none, none, even[:, 0], euros(even))
    np.testing.assert_allclose(delta.cluster_sums, half.cluster_sums, rtol=1e-12)
    assert (delta.transactions_seen, delta.transactions_taught) == (50, 25)
    # What neither taught nor alerted is no alert: the threshold's correction counts these.
    assert delta.alerted_weight == 5


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 400))
def test_any_split_over_partitions_merged_in_any_order_counts_every_transaction_once(
    data: st.DataObject, seed: int, n: int
) -> None:
    """Invariant 2: partitions cut their streams anywhere and lag behind; deltas come in any order."""
    rng = np.random.default_rng(seed)
    X = two_clouds(rng, n)
    n_partitions = data.draw(st.integers(1, 5))
    owner = rng.integers(0, n_partitions, n)
    deltas = [Sums.zero(CONFIG) for _ in range(n_partitions)]
    queues = [list(np.flatnonzero(owner == p)) for p in range(n_partitions)]
    head = Scorer.of("", Sums.zero(CONFIG), CONFIG)
    seen_by = [head] * n_partitions
    while any(queues) or any(delta.transactions_seen for delta in deltas):
        p = data.draw(st.integers(0, n_partitions - 1))
        take = data.draw(st.sampled_from([1, 7, 60, 200]))
        rows, queues[p] = X[queues[p][:take]], queues[p][take:]
        if len(rows):
            version = seen_by[p]
            if version.is_warming:
                learn_warming(deltas[p], rows, euros(rows))
            else:
                scored = version.score(rows, euros(rows))
                learn(deltas[p], scored, ~scored.alerted, scored.alerted, rows[:, 0], euros(rows))
        if data.draw(st.booleans()) or not queues[p]:
            head = next_version(head, deltas[p])
            deltas[p], seen_by[p] = Sums.zero(CONFIG), head
    assert head.sums.transactions_seen == n
    if head.is_warming:
        assert len(head.sums.warmup_X) == n
    else:
        assert_counted_once(head.sums, n)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6))
def test_the_parts_of_a_stream_teach_what_the_whole_teaches(cuts: list[int]) -> None:
    """At one model version the deltas of any cut add up to the delta of the whole."""
    version = warm()
    X = two_clouds(np.random.default_rng(8), 300)
    edges = sorted({0, 300, *cuts})
    summed = Sums.zero(CONFIG)
    for first, last in pairwise(edges):
        summed = summed.merged(taught(version, X[first:last]))
    whole = taught(version, X)
    assert summed.transactions_taught == whole.transactions_taught
    for name in ("cluster_weights", "cluster_sums", "cluster_sums_sq", "scored_weight"):
        np.testing.assert_allclose(getattr(summed, name), getattr(whole, name), rtol=1e-9)


def test_advancing_changes_neither_the_head_nor_the_delta() -> None:
    version = warm()
    delta = taught(version, two_clouds(np.random.default_rng(1), 100))
    before = version.sums.cluster_sums.tobytes(), delta.cluster_sums.tobytes()
    advance(version.sums, delta, CONFIG)
    assert (version.sums.cluster_sums.tobytes(), delta.cluster_sums.tobytes()) == before


def test_scores_decay_with_their_own_half_life() -> None:
    """100,000 seen, half-lives 1,000 (all) and 2,000 (scores), 1,000 new: γ = 0.5 and √0.5."""
    config = small_config(half_life=1_000, score_half_life=2_000, dying_share=0.0)
    head = sums_with_centers(config, np.zeros((2, 3)), np.array([80.0, 20.0]))
    head.transactions_seen = head.transactions_taught = 100_000
    head = with_recent(head, [1.0])
    head.scored_weight, head.alerted_weight = np.asarray(100.0), np.asarray(2.0)
    delta = Sums.zero(config)
    delta.transactions_seen = 1_000
    after = advance(head, delta, config)
    assert after.cluster_weights.tolist() == [40.0, 10.0]
    assert after.scored_weight == pytest.approx(70.7107, abs=1e-4)
    assert after.recent_rows[0, -2:] == pytest.approx([1.0, 0.707107], abs=1e-6)
    assert after.alerted_weight == pytest.approx(1.41421, abs=1e-5)
    assert (after.transactions_seen, after.transactions_taught) == (101_000, 100_000)


def test_the_score_half_life_is_shorter_while_the_model_is_young() -> None:
    """20,000 seen: a fifth of that, 4,000, instead of 20,000; 4,000 new ones halve the rest."""
    config = small_config(score_half_life=20_000, dying_share=0.0)
    head = sums_with_centers(config, np.zeros((2, 3)), np.array([80.0, 20.0]))
    head.transactions_seen = 20_000
    head.scored_weight = np.asarray(100.0)
    delta = Sums.zero(config)
    delta.transactions_seen = 4_000
    assert advance(head, delta, config).scored_weight == pytest.approx(50.0)


def test_a_young_model_is_renewed_when_it_has_grown_by_a_tenth() -> None:
    assert [delta_limit(n, 20_000) for n in (0, 9_999, 50_000, 200_000, 10**9)] == [
        1_000,
        1_000,
        5_000,
        20_000,
        20_000,
    ]


def test_a_cluster_that_traffic_has_left_is_re_seeded_where_the_traffic_is() -> None:
    """One of two clouds vanishes; with a half-life of 500 it is below 2 % after a few thousand."""
    config = small_config(half_life=500)
    rng = np.random.default_rng(6)
    clouds = np.array([[0.0, -30.0, 0.0], [0.0, 30.0, 0.0]])
    head = sums_with_centers(config, clouds, np.array([500.0, 500.0]), 1.0)
    version = Scorer.of("", head, config)
    for _ in range(12):
        X = rng.normal(size=(500, 3)) + clouds[1]
        version = next_version(version, taught(version, X, only_quiet=False))
    sums = version.sums
    assert sums.revivals == 1
    assert sums.cluster_weights.min() > 0.2 * sums.cluster_weights.sum()
    means = sums.cluster_sums.sum(axis=0) / sums.cluster_known.sum(axis=0)
    assert means[1:] == pytest.approx([30.0, 0.0], abs=0.15)
    assert version.centers[:, 1] == pytest.approx([30.0, 30.0], abs=1.0)
