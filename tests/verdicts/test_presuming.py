"""Which presumed payments teach: drawn by what they are, and counted so that each is learned once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from streamer.arrays import Floats, Integers
from streamer.indexing import fingerprints
from streamer.verdicts.presuming import draw_presumed
from tests.builders import batch, payment, pipeline_config
from tests.pipeline.helpers import ordinary, run, state_of, trained

N_INPUTS = 2


class Kept:
    """``n`` payments in slots 0 to n-1, all of the same ranks, each kept with ``share``."""

    def __init__(self, n: int, *ranks: float, share: float = 1.0) -> None:
        self.prints = fingerprints([f"t-{i}" for i in range(n)])
        self.vectors = np.zeros((n, N_INPUTS + 3), np.float32)
        self.vectors[:, N_INPUTS : N_INPUTS + 2] = ranks
        self.shares = np.full(n, share)
        self.slots = np.arange(n)

    def drawn(
        self, least: float = 0.2, slots: Integers | None = None, *, as_python: bool = False
    ) -> tuple[Integers, Floats]:
        slots = self.slots if slots is None else slots
        drawn, weights = np.empty(len(slots), np.int64), np.empty(len(slots))
        kernel = draw_presumed.py_func if as_python else draw_presumed
        known = slots, self.prints, self.vectors, N_INPUTS, self.shares
        n = kernel(*known, least, drawn, weights)
        return drawn[:n], weights[:n]


@pytest.mark.parametrize(
    ("distance_rank", "odds_rank", "weight"),
    [
        (0.9375, np.nan, 1.25),
        (0.5, 0.875, 2.5),
        (0.875, 0.5, 2.5),
        (0.5, 0.5, 5.0),
        (0.25, 0.96875, 1.0),
        (np.nan, np.nan, 1.0),
    ],
)
def test_a_presumed_payment_counts_once_in_expectation_the_rarer_it_is_the_more_surely(
    distance_rank: float, odds_rank: float, weight: float
) -> None:
    """Rarity 1/16 teaches with 0.05 · 16 = 0.8, 1/8 with 0.4, a half with 0.2, the least; 1/32 always.

    q · 1/q is 1; the variance of 20,000 such sums is 20,000 (1/q - 1).
    """
    n = 20_000
    drawn, weights = Kept(n, distance_rank, odds_rank).drawn()
    assert weights == pytest.approx(np.full(len(drawn), weight))
    assert abs(weights.sum() - n) <= 4 * np.sqrt(n * (weight - 1.0))


def test_who_teaches_depends_on_no_batch_and_on_no_slot() -> None:
    kept = Kept(500, 0.5, 0.5, share=0.5)
    whole, weights = kept.drawn()
    assert weights == pytest.approx(np.full(len(whole), 10.0))
    assert 60 < len(whole) < 140
    parts = [kept.drawn(slots=np.arange(*ends))[0] for ends in pairwise((0, 1, 2, 130, 131, 500))]
    assert np.concatenate(parts).tolist() == whole.tolist()
    names = kept.prints[whole]
    kept.prints = kept.prints[::-1].copy()
    assert sorted(kept.prints[kept.drawn()[0]].tolist()) == sorted(names.tolist())


def test_with_one_all_teach_and_each_counts_as_it_was_kept_to_the_bit() -> None:
    kept = Kept(300, 0.3, 0.7)
    kept.shares = np.random.default_rng(1).random(300) + 1e-3
    order = np.random.default_rng(2).permutation(300)
    drawn, weights = kept.drawn(1.0, order)
    assert drawn.tolist() == order.tolist()
    assert weights.tobytes() == (1.0 / kept.shares[order]).tobytes()


def test_compiled_and_as_it_is_written_the_same_are_drawn() -> None:
    """Ranks of single precision on either side of where all begin to teach."""
    kept = Kept(2_000, 0.0, 0.0)
    ranks = np.linspace(0.9, 1.0, 2_000, dtype=np.float32)
    kept.vectors[:, N_INPUTS], kept.vectors[::7, N_INPUTS + 1] = ranks, np.nan
    for one, other in zip(kept.drawn(), kept.drawn(as_python=True), strict=True):
        assert one.tobytes() == other.tobytes()


def test_all_that_are_presumed_are_counted_as_learned_and_some_of_them_teach() -> None:
    config = pipeline_config()
    state = run([batch(ordinary(60))], config, trained(), state_of(config)).state
    later = payment(99, after_s=9 * 86_400, card_id="card-9")
    run([batch([later], first_offset=60)], config, trained(), state)
    assert state.delta.verdicts_learned == 60
    weight, frauds = state.delta.verdict_weights.tolist()
    assert 0 < weight != 60
    assert frauds == 0
    every = replace(config, verdicts=replace(config.verdicts, presumed_least=1.0))
    state = run([batch(ordinary(60))], every, trained(), state_of(every)).state
    run([batch([later], first_offset=60)], every, trained(), state)
    assert state.delta.verdict_weights.tolist() == [60, 0]
