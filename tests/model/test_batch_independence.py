"""A payment gets the same bits alone, in any batch, and on any processor that adds and multiplies."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.compiled import Kernel
from streamer.model import (
    Scorer,
    budget,
    feature_histogram,
    histogram,
    odds,
    scores,
    trial,
)
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.model.elimination import solve_positive_definite
from streamer.model.kmeans import assign
from tests.explaining.helpers import Floats, with_odds
from tests.model import bits, oracle
from tests.pipeline.helpers import trained
from tests.rig.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 40


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, LARGEST),
    edges=st.sets(st.integers(1, LARGEST - 1)),
    by_odds=st.booleans(),
)
def test_neither_scores_nor_what_is_learned_depend_on_where_batches_are_cut(
    seed: int, n: int, edges: set[int], by_odds: bool
) -> None:
    """Cut anywhere, and row by row: every sum of a delta is that of the payments in their order."""
    version = with_odds() if by_odds else trained()
    payments = bits.payments_of(version, n, seed)
    expected = bits.scores_id(bits.scored(version, [payments]))
    deltas = [state_id(delta) for delta in bits.learned(version, [payments])]
    for batches in (
        bits.cut(payments, sorted(e for e in edges if e < n)),
        bits.one_by_one(payments),
    ):
        assert bits.scores_id(bits.scored(version, batches)) == expected
        assert [state_id(delta) for delta in bits.learned(version, batches)] == deltas


def test_a_large_batch_gives_the_bits_of_its_rows() -> None:
    """Also of a matrix whose columns lie together."""
    version = with_odds()
    payments = bits.payments_of(version, 5_000, seed=1)
    whole = bits.scored(version, [payments])
    assert bits.scores_id(bits.scored(version, bits.one_by_one(payments))) == bits.scores_id(whole)
    by_column = replace(payments, X=np.asfortranarray(payments.X), V=np.asfortranarray(payments.V))
    assert bits.scores_id(bits.scored(version, [by_column])) == bits.scores_id(whole)
    learned, by_column_learned = (bits.learned(version, [p]) for p in (payments, by_column))
    assert list(map(state_id, by_column_learned)) == list(map(state_id, learned))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 30),
    offset=st.sampled_from([0.0, 1.0, 1e3, 1e6]),
)
def test_a_sample_between_two_centers_has_the_same_one_in_any_batch(
    seed: int, n: int, offset: float
) -> None:
    """Samples exactly half way, so that rounding decides; far from 0, so that it is coarse."""
    rng = np.random.default_rng(seed)
    centers = offset + rng.normal(size=(6, 15))
    precisions = np.repeat(rng.uniform(0.5, 2.0, (1, 15)), 6, axis=0)
    X = (centers[rng.integers(6, size=n)] + centers[rng.integers(6, size=n)]) / 2
    by_feature = np.ascontiguousarray(centers.T), np.ascontiguousarray(precisions.T)
    whole = assign(X, *by_feature)
    assert whole.tolist() == [assign(X[i : i + 1], *by_feature)[0] for i in range(n)]
    direct = oracle.squared_distances(X, centers, precisions)
    assert direct[np.arange(n), whole] == pytest.approx(direct.min(axis=1), rel=1e-7)


def packed(value: float) -> bytes:
    """Return the bits of a number, one and the same for every NaN."""
    return struct.pack("<d", math.nan if math.isnan(value) else value)


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-20, 20)
POSITIVE = st.floats(1e-3, 1e3)
SHARES = st.floats(0, 1)
SIDES = st.sampled_from([-1.0, 0.0, 1.0])
EQUATIONS: list[tuple[Kernel[..., float], tuple[st.SearchStrategy[Any], ...]]] = [
    (scores.clipped, (NUMBERS, st.floats(-9, 0), st.floats(0, 9))),
    (scores.suspicious, (NUMBERS, SIDES)),
    (scores.huber, (st.floats(0, 1e150), st.floats(0, 1e9) | st.just(math.inf))),
    (histogram.distance_position, (st.floats(0, allow_nan=False),)),
    (odds.standardised, (NUMBERS, st.floats(-20, 20), POSITIVE)),
    (odds.odds_position, (st.floats(-1e6, 1e6),)),
    (trial.rarity_bin, (SHARES,)),
    (feature_histogram.value_bin, (NUMBERS, st.floats(1e-3, 1e3))),
    (budget.hour_of, (st.integers(-(2**40), 2**45),)),
]


@pytest.mark.parametrize(
    ("equation", "arguments"), EQUATIONS, ids=[kernel.py_func.__name__ for kernel, _ in EQUATIONS]
)
@given(data=st.data())
def test_an_equation_gives_the_bits_of_its_own_text(
    equation: Kernel[..., float], arguments: tuple[st.SearchStrategy[Any], ...], data: st.DataObject
) -> None:
    """Compiled, and as the Python that it is written in."""
    values = data.draw(st.tuples(*arguments))
    assert packed(equation(*values)) == packed(equation.py_func(*values))


def saved(version: Scorer, folder: Path) -> str:
    """Return the path of a file with ``version``."""
    path = folder / "model.safetensors"
    header = VersionHeader("", "2026-01-05T12:00:00Z", "merge", version.config.hash)
    path.write_bytes(encode_version(version.sums, header, version.config.feature_names))
    return str(path)


def printed(command: list[str], environment: dict[str, str]) -> str:
    """Return what a Python process of its own prints."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    return result.stdout.strip()


@pytest.mark.parametrize("by_odds", [False, True])
def test_the_loops_give_the_bits_of_their_own_text(by_odds: bool, tmp_path: Path) -> None:
    """Scores, deltas and labels, as a process finds them that compiles nothing."""
    version = with_odds() if by_odds else trained()
    command = ["-m", "tests.model.bits", saved(version, tmp_path)]
    compiled = bits.everything_of(version, 40, seed=1)
    assert printed(command, {"NUMBA_DISABLE_JIT": "1"}) == compiled


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_elimination_solves_what_lapack_solves(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n + 5, n)) * np.exp(rng.normal(size=n))
    A, b = factor.T @ factor + 0.1 * np.eye(n), rng.normal(size=n)
    np.testing.assert_allclose(
        solve_positive_definite(A[np.tril_indices(n)], b),
        np.linalg.solve(A, b),
        rtol=1e-6,
        atol=1e-9,
    )


_COEFFICIENTS = """
import sys
from streamer.model import Scorer
from streamer.model.codec import decode_version
from tests.builders import model_config
sums, _ = decode_version(open(sys.argv[1], "rb").read(), model_config())
version = Scorer.of("", sums, model_config())
print(version.odds.coefficients.tobytes().hex())
"""


@pytest.mark.parametrize(
    "blas", [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_CORETYPE": "Prescott"}], ids=str
)
def test_the_odds_have_the_same_coefficients_elsewhere(
    blas: dict[str, str], tmp_path: Path
) -> None:
    """With one thread, and as a processor of 2004 would compute them."""
    version = with_odds()
    assert version.odds is not None
    coefficients: Floats = version.odds.coefficients
    command = ["-c", _COEFFICIENTS, saved(version, tmp_path)]
    assert printed(command, blas) == coefficients.tobytes().hex()


def test_a_version_derived_again_from_its_sums_is_the_same() -> None:
    version = with_odds()
    again = Scorer.of(version.id, version.sums, version.config)
    assert bits.everything_of(again, 20, seed=0) == bits.everything_of(version, 20, seed=0)
