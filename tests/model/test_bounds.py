"""What nobody can teach the model: a card's share, the leash of a center, the pace of its anchor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Scorer, Sums, advance, may_teach, uniform_hash
from streamer.model.bounds import bounded_step
from streamer.model.revival import revive
from tests.model.helpers import Floats, small_config, sums_with_centers

# No cluster is to die in these tests: what moves a center is the delta alone.
CONFIG = small_config(
    dying_share=0.0,
    variance_floor_share=0.0,
    center_leash=1.0,
    variance_leash=0.2,
    anchor_half_lives=5.0,
    half_life=1_000,
)


def anchored_head(centers: Floats | None = None, variance: float = 4.0) -> Sums:
    """Return two clusters of 1,000 payments each, anchored where they are; 10,000 seen."""
    where = np.array([[0.0] * 3, [50.0] * 3]) if centers is None else centers
    sums = sums_with_centers(CONFIG, where, np.array([1_000.0, 1_000.0]), variance)
    sums.transactions_seen = 10_000
    return sums.merged(bounded_step(sums, Sums.zero(CONFIG), CONFIG))


def lessons(rows: Floats, cluster: int = 0) -> Sums:
    """Return the delta of ``rows``, all of one cluster."""
    delta = Sums.zero(CONFIG)
    delta.transactions_seen = delta.transactions_taught = len(rows)
    delta.cluster_weights[cluster] = len(rows)
    delta.cluster_known[cluster] = len(rows)
    delta.cluster_sums[cluster] = rows.sum(axis=0)
    delta.cluster_sums_sq[cluster] = (rows**2).sum(axis=0)
    delta.feature_weights += len(rows)
    delta.feature_sums += rows.sum(axis=0)
    delta.feature_sums_sq += (rows**2).sum(axis=0)
    return delta


def offsets_from_anchor(sums: Sums) -> Floats:
    """Return each center's distance from its anchor, in the anchor's deviations."""
    centers = sums.cluster_sums / sums.cluster_known
    scaled = (centers - sums.anchor_centers) / np.sqrt(sums.anchor_variances)
    return np.asarray(np.linalg.norm(scaled, axis=1))


def test_a_card_with_few_payments_teaches_with_all_of_them() -> None:
    assert may_teach(uniform_hash(np.arange(1_000)), np.full(1_000, 19.0), 20.0).all()


def test_a_busy_card_teaches_with_its_share() -> None:
    """With 79 payments that still weigh of its day, each teaches with probability 20/80 = 1/4."""
    taught = may_teach(uniform_hash(np.arange(40_000)), np.full(40_000, 79.0), 20.0)
    # Four standard deviations of 40,000 draws are 0.0087.
    assert taught.mean() == pytest.approx(0.25, abs=0.009)


def test_which_payments_teach_depends_on_their_offsets_alone() -> None:
    sums = np.full(100, 60.0)
    whole = may_teach(uniform_hash(np.arange(100)), sums, 20.0)
    parts = [may_teach(uniform_hash(np.array([i])), sums[:1], 20.0)[0] for i in range(100)]
    assert whole.tolist() == parts
    assert 0 < whole.sum() < 100


def test_a_step_within_the_leash_is_taken_as_it_is() -> None:
    """100 payments at 1, variance 4, move a center of 1,000 by 100/1,100 = 0.09: 0.05σ."""
    delta = lessons(np.tile([1.0, 0.0, 0.0], (100, 1)))
    delta.cluster_sums_sq[0] += 100 * 4.0
    bounded = bounded_step(anchored_head(), delta, CONFIG)
    np.testing.assert_allclose(bounded.cluster_sums, delta.cluster_sums)
    np.testing.assert_allclose(bounded.cluster_sums_sq, delta.cluster_sums_sq)
    np.testing.assert_allclose(bounded.feature_sums_sq, delta.feature_sums_sq)


def test_a_step_beyond_the_leash_ends_on_it() -> None:
    """1,000 payments at (12, 16, 0) would put the center at (6, 8, 0): 5 deviations of 2 away.

    Drawn in to 1 deviation that is (1.2, 1.6, 0).  The variances within the cluster, 4 + 6² and 4 + 8²,
    are beyond 4·e^0.2 = 4.886 and kept there.
    """
    delta = lessons(np.tile([12.0, 16.0, 0.0], (1_000, 1)))
    delta.cluster_sums_sq[0] += 1_000 * 4.0
    delta.feature_sums_sq += 1_000 * 4.0
    after = anchored_head().merged(bounded_step(anchored_head(), delta, CONFIG))
    centers = after.cluster_sums / after.cluster_known
    assert centers[0] == pytest.approx([1.2, 1.6, 0.0])
    variances = after.cluster_sums_sq / after.cluster_known - centers**2
    assert variances[0] == pytest.approx([4.0 * math.exp(0.2), 4.0 * math.exp(0.2), 4.0])
    assert centers[1].tolist() == [50.0] * 3
    np.testing.assert_allclose(after.feature_sums, after.cluster_sums.sum(axis=0))
    np.testing.assert_allclose(after.feature_sums_sq, after.cluster_sums_sq.sum(axis=0))


def test_a_cluster_cannot_be_made_tight_at_once_either() -> None:
    """A million payments on the very center: variance 4·e^-0.2, not 0."""
    after = anchored_head().merged(
        bounded_step(anchored_head(), lessons(np.zeros((1_000_000, 3))), CONFIG)
    )
    variances = after.cluster_sums_sq[0] / after.cluster_known[0]
    assert variances == pytest.approx([4.0 * math.exp(-0.2)] * 3)


def test_an_anchor_follows_its_center_at_its_own_half_life() -> None:
    """5 half-lives of 1,000: after 5,000 payments an anchor has gone half of the way of 1σ = 2."""
    delta = lessons(np.tile([1e3, 0.0, 0.0], (5_000, 1)))
    step = bounded_step(anchored_head(), delta, CONFIG)
    assert step.anchor_centers[0] == pytest.approx([1.0, 0.0, 0.0])


def test_the_anchor_of_a_young_model_follows_faster() -> None:
    """100 seen, a tenth of the half-life: a hundredth of the anchor's 5,000, so half way in 50."""
    head = anchored_head()
    head.transactions_seen = 100
    step = bounded_step(head, lessons(np.tile([1e6, 0.0, 0.0], (50, 1))), CONFIG)
    assert step.anchor_centers[0] == pytest.approx([1.0, 0.0, 0.0])


def test_what_most_clusters_do_is_the_traffics_own_change() -> None:
    """Five clusters, four of which go up by 6 (3σ): all of that.  When the fifth alone does, it is held
    at 1σ = 2."""
    config = small_config(n_clusters=5, center_leash=1.0, variance_leash=math.inf)
    head = sums_with_centers(config, np.zeros((5, 3)), np.full(5, 1_000.0), 4.0)
    head = head.merged(bounded_step(head, Sums.zero(config), config))
    for movers, expected in (([0, 1, 2, 3], [6.0] * 4 + [0.0]), ([4], [0.0] * 4 + [2.0])):
        delta = Sums.zero(config)
        delta.cluster_known[movers] = 1_000.0
        delta.cluster_sums[movers, 0] = 12_000.0
        after = head.merged(bounded_step(head, delta, config))
        assert after.cluster_sums[:, 0] / after.cluster_known[:, 0] == pytest.approx(expected)


def test_a_feature_is_free_until_enough_payments_had_it_and_then_anchored_where_it_is() -> None:
    """49 payments had it, and 49 more at 40: the center goes to 20, and 98 are enough to hold on to."""
    head = anchored_head()
    head.cluster_known[0, 2], head.cluster_sums[0, 2] = 49.0, 0.0
    head.anchor_centers[0, 2] = head.anchor_variances[0, 2] = 0.0
    delta = lessons(np.tile([0.0, 0.0, 40.0], (49, 1)))
    after = head.merged(bounded_step(head, delta, CONFIG))
    assert after.cluster_sums[0, 2] / after.cluster_known[0, 2] == pytest.approx(20.0)
    assert after.anchor_centers[0, 2] == pytest.approx(20.0)
    few = lessons(np.zeros((0, 3)))
    assert head.merged(bounded_step(head, few, CONFIG)).anchor_variances[0, 2] == 0.0


def test_an_anchor_stays_when_its_payments_have_decayed() -> None:
    """A merge of 20 half-lives leaves 0.001 of 1,000 payments; the leash of 2 holds all the same."""
    after = advance(anchored_head(), lessons(np.full((20_000, 3), 9e3)), CONFIG)
    center = after.cluster_sums[0] / after.cluster_known[0]
    assert np.linalg.norm(center) == pytest.approx(2.0)


def test_infinities_switch_the_bounds_off() -> None:
    free = small_config(center_leash=math.inf, variance_leash=math.inf)
    delta = lessons(np.random.default_rng(1).normal(30.0, 9.0, (700, 3)))
    bounded = bounded_step(anchored_head(), delta, free)
    np.testing.assert_allclose(bounded.cluster_sums, delta.cluster_sums)
    np.testing.assert_allclose(bounded.cluster_sums_sq, delta.cluster_sums_sq)
    assert may_teach(uniform_hash(np.arange(50)), np.full(50, 1e9), math.inf).all()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_no_lessons_in_any_portions_take_a_center_off_its_leash(
    data: st.DataObject, seed: int
) -> None:
    """The attack as a property: any payments, merged one at a time or by the thousand."""
    rng = np.random.default_rng(seed)
    sums = anchored_head(rng.normal(0, 20, (2, 3)))
    start, n_seen = sums.anchor_centers.copy(), 0
    for _ in range(data.draw(st.integers(1, 8))):
        n = data.draw(st.sampled_from([1, 3, 100, 5_000]))
        away = data.draw(st.floats(-1e3, 1e3))
        rows = rng.normal(0, data.draw(st.sampled_from([0.0, 1.0, 40.0])), (n, 3)) + away
        sums, n_seen = advance(sums, lessons(rows, int(rng.integers(2))), CONFIG), n_seen + n
        version = Scorer.of("", sums, CONFIG)
        assert np.isfinite(version.centers).all()
        assert (version.variances > 0).all()
        assert (sums.cluster_sums_sq >= 0).all()
        assert offsets_from_anchor(sums).max() <= 1.0 + 1e-6
    moved = np.linalg.norm((sums.anchor_centers - start) / 2.0, axis=1)
    half_lives = n_seen / 1_000
    # 1σ a step is the anchor's highest speed; its σ may have grown by e^0.1 for every leash walked.
    assert moved.max() <= math.exp(0.1 * (1 + half_lives)) * half_lives * math.log(2) / 5 + 1e-9


def test_a_split_moves_the_anchors_with_the_halves() -> None:
    """The center is 0.5 above its anchor in the widest feature; so are both halves."""
    sums = anchored_head(np.array([[10.0] * 3, [0.0] * 3]))
    sums.cluster_sums_sq[0, 0] += 1_000 * 12.0
    sums.anchor_centers[0, 0] -= 0.5
    sums.cluster_weights[1] = 0.0
    after = revive(sums, small_config())
    centers = after.cluster_sums / after.cluster_known
    assert centers[:, 0] - after.anchor_centers[:, 0] == pytest.approx([0.5, 0.5])
    # 4·(1 - 2/π): the anchors' variance is that of a half, too.
    assert after.anchor_variances[:, 0] == pytest.approx([1.45352] * 2, abs=1e-5)
