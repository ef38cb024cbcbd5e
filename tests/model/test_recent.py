"""The recent sample: what is kept and for how many it counts, and that a version ranks by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Scorer, Sums, advance, learn, uniform_hash
from streamer.model.codec import VersionHeader, decode_version, encode_version
from streamer.model.recent import CAPACITY, freshest, rows_of
from tests.builders import model_config
from tests.explaining.helpers import euros, rows, with_odds
from tests.model.helpers import small_config


def learned(version: Scorer, n: int, cuts: list[int]) -> Sums:
    """Return the delta of ``n`` payments, cut into batches."""
    (X, V), draws = rows(version, n, seed=3), uniform_hash(np.arange(n))
    delta, currencies = Sums.zero(version.config), euros(n)
    for first, end in pairwise(sorted({0, n, *cuts})):
        part = slice(first, end)
        scored = version.score(X[part], currencies[part], V[part])
        flags = ~scored.alerted, scored.alerted
        learn(delta, scored, *flags, X[part, 0], currencies[part], None, draws[part])
    return delta


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=8))
def test_what_is_kept_does_not_depend_on_where_batches_end(cuts: list[int]) -> None:
    whole, parts = learned(with_odds(), 600, []), learned(with_odds(), 600, cuts)
    assert 30 < len(whole.recent_rows) < 200
    assert parts.recent_rows.tobytes() == whole.recent_rows.tobytes()


def test_a_payment_is_kept_by_its_rarity_and_counts_for_those_that_were_not() -> None:
    """With 2% asked for, the top 4% are kept, and of rarity r one in r / 0.04: half of traffic lies
    above the median payment, which is kept at draws below 0.08 and counts for 12.5.

    The distances' top would be kept at a quarter of that: rarity 0.1 there counts as 0.4 here.
    """
    version = with_odds()
    X, V = rows(version, 5)
    scored = version.score(X, euros(5), V)._replace(
        odds_ranks=np.array([0.99, 0.5, 0.5, 0.1, 0.5]),
        distance_ranks=np.array([0.1, 0.1, 0.1, 0.9, 0.9]),
    )
    assert scored.by_odds
    draws = np.array([0.999, 0.0799, 0.0801, 0.0999, 0.0999])
    delta, flags = Sums.zero(version.config), (np.zeros(5, bool), np.zeros(5, bool))
    learn(delta, scored, *flags, X[:, 0], euros(5), None, draws)
    kept = delta.recent_rows
    assert kept[:, -2] == pytest.approx([1.0, 12.5, 10.0, 10.0])
    assert kept[:, : X.shape[1]] == pytest.approx(X[[0, 1, 3, 4]], nan_ok=True, rel=1e-6)


def test_weights_add_up_to_the_traffic() -> None:
    """10,000 payments: the standard error of their estimated number is about 1%."""
    n = 10_000
    delta = learned(with_odds(), n, [])
    assert len(delta.recent_rows) < CAPACITY
    assert delta.recent_rows[:, -2].sum() == pytest.approx(n, rel=0.05)


def test_samples_merge_in_any_order() -> None:
    deltas = [learned(with_odds(), n, []) for n in (50, 200, 400)]
    one = deltas[0].merged(deltas[1]).merged(deltas[2]).recent_rows
    other = deltas[2].merged(deltas[0].merged(deltas[1])).recent_rows
    assert sorted(map(bytes, one)) == sorted(map(bytes, other))


def test_the_freshest_stay_and_of_equally_fresh_ones_the_last() -> None:
    """Five more than there is room for: three of the older half go, and the first two of the others."""
    n = CAPACITY + 5
    counted = rows_of(np.zeros((n, 0)), np.zeros((n, 0)), np.arange(n), np.ones(n))
    counted[100:103, -1] = 0.25
    kept = freshest(counted)[:, 0].tolist()
    assert kept == [i for i in range(n) if i not in {0, 1, 100, 101, 102}]
    assert freshest(counted[:10]) is not None


def test_rows_age_with_the_traffic_and_never_grow_beyond_their_room() -> None:
    config = small_config(score_half_life=1_000)
    head = Sums.zero(config)
    head.cluster_weights[:], head.transactions_seen = 1.0, 100_000
    for number in range(3):
        delta = Sums.zero(config)
        delta.transactions_seen = 1_000
        X = np.zeros((1_000, 3))
        delta.recent_rows = rows_of(X, X[:, :0], np.full(1_000, number), np.ones(1_000))
        head = advance(head, delta, config)
    assert len(head.recent_rows) == CAPACITY
    numbers, freshness = head.recent_rows[:, 3], head.recent_rows[:, -1]
    assert [int((numbers == i).sum()) for i in range(3)] == [48, 1_000, 1_000]
    assert [float(freshness[numbers == i][0]) for i in range(3)] == [0.25, 0.5, 1.0]


def test_a_version_grows_by_a_quarter_of_a_megabyte_at_most() -> None:
    width = Sums.zero(model_config()).recent_rows.shape[1]
    assert CAPACITY * width * 4 < 250_000


def test_a_version_is_a_function_of_its_sums() -> None:
    """Made twice, and made of what comes out of the store: the same ranks to the last bit."""
    version = with_odds()
    header = VersionHeader("", "", "merge", "")
    names = version.config.feature_names
    stored, _ = decode_version(encode_version(version.sums, header, names), version.config)
    for other in (version.sums, stored):
        made = Scorer.of(version.id, other, version.config)
        assert made.odds_below.tobytes() == version.odds_below.tobytes()
        assert made.distances_below.tobytes() == version.distances_below.tobytes()
        assert made.threshold_log_odds == version.threshold_log_odds


def test_odds_that_move_by_five_move_the_next_versions_threshold_with_them() -> None:
    """A base of 5 more in log-odds: every score moves, no rank does."""
    version = with_odds()
    moved = version.sums.merged(Sums.zero(version.config))
    assert version.odds is not None
    beta = version.odds.coefficients.copy()
    beta[0] += 5.0
    higher = replace(version, odds=version.odds._replace(coefficients=beta))._ranking_recent()
    X, V = rows(version, 1_000, seed=9)
    before, after = (each.score(X, euros(1_000), V) for each in (version, higher))
    assert higher.threshold_log_odds == pytest.approx(version.threshold_log_odds + 5.0, abs=0.05)
    assert after.alerted.mean() == pytest.approx(before.alerted.mean(), abs=0.004)
    assert after.scores == pytest.approx(before.scores, abs=0.02)
    assert moved.recent_rows.tobytes() == version.sums.recent_rows.tobytes()
