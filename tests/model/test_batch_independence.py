"""A payment gets the same bits alone, in any batch, and on any processor that adds and multiplies."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import ModelVersion, Scored
from streamer.model.codec import VersionHeader, encode_version
from streamer.model.elimination import solve_positive_definite
from streamer.model.kmeans import assign
from tests.explanation.helpers import Floats, euros, rows, with_head
from tests.pipeline.helpers import trained
from tests.rig.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 40


def same_bits(whole: Scored, parts: list[Scored]) -> bool:
    """Whether ``parts``, one after the other, are ``whole`` to the last bit, NaN included."""
    for field in fields(whole):
        value = getattr(whole, field.name)
        if value is None:
            assert all(getattr(part, field.name) is None for part in parts)
        elif value.tobytes() != np.concatenate([getattr(p, field.name) for p in parts]).tobytes():
            return False
    return True


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, LARGEST),
    edges=st.sets(st.integers(1, LARGEST - 1)),
    by_head=st.booleans(),
)
def test_scores_do_not_depend_on_the_batch(
    seed: int, n: int, edges: set[int], by_head: bool
) -> None:
    """Cut anywhere, and row by row."""
    version = with_head() if by_head else trained()
    X, V = rows(version, n, seed)
    whole = version.score(X, euros(n), V)
    for cuts in (sorted(e for e in edges if e < n), list(range(1, n))):
        slices = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
        parts = [version.score(X[s], euros(s.stop - s.start), V[s]) for s in slices]
        assert same_bits(whole, parts)


def test_a_large_batch_gives_the_bits_of_its_rows() -> None:
    """Products of more rows than fit a slice, and a matrix whose columns lie together."""
    version = with_head()
    X, V = rows(version, 5_000, seed=1)
    whole = version.score(X, euros(5_000), V)
    single = [version.score(X[i : i + 1], euros(1), V[i : i + 1]) for i in range(0, 5_000, 50)]
    picked = version.score(X[::50], euros(100), V[::50])
    assert same_bits(picked, single)
    assert picked.distances_sq.tobytes() == whole.distances_sq[::50].tobytes()
    by_column = version.score(np.asfortranarray(X), euros(5_000), np.asfortranarray(V))
    assert same_bits(whole, [by_column])


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
    present = np.ones_like(X)
    whole = assign(X, present, centers, precisions)
    single = [assign(X[i : i + 1], present[i : i + 1], centers, precisions)[0] for i in range(n)]
    assert whole.tolist() == single
    direct = ((X[:, None] - centers) ** 2 * precisions).sum(axis=2)
    chosen = direct[np.arange(n), whole]
    assert chosen == pytest.approx(direct.min(axis=1), rel=1e-7)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_elimination_solves_what_lapack_solves(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n + 5, n)) * np.exp(rng.normal(size=n))
    A, b = factor.T @ factor + 0.1 * np.eye(n), rng.normal(size=n)
    np.testing.assert_allclose(
        solve_positive_definite(A, b), np.linalg.solve(A, b), rtol=1e-6, atol=1e-9
    )


_COEFFICIENTS = """
import sys
from streamer.model import ModelVersion
from streamer.model.codec import decode_version
from tests.builders import model_config
sums, _ = decode_version(open(sys.argv[1], "rb").read(), model_config())
version = ModelVersion.of("", sums, model_config())
print(version.head.coefficients.tobytes().hex())
"""


@pytest.mark.parametrize(
    "blas", [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_CORETYPE": "Prescott"}], ids=str
)
def test_the_head_has_the_same_coefficients_elsewhere(blas: dict[str, str], tmp_path: Path) -> None:
    """With one thread, and as a processor of 2004 would compute them."""
    version = with_head()
    path = tmp_path / "model.safetensors"
    header = VersionHeader("", "2026-01-05T12:00:00Z", "merge", version.config.hash)
    path.write_bytes(encode_version(version.sums, header, version.config.feature_names))
    result = subprocess.run(
        [sys.executable, "-c", _COEFFICIENTS, str(path)],
        cwd=ROOT,
        env=os.environ | blas,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert version.head is not None
    coefficients: Floats = version.head.coefficients
    assert result.stdout.strip() == coefficients.tobytes().hex()


def test_a_version_derived_again_from_its_sums_is_the_same() -> None:
    version = with_head()
    again = ModelVersion.of(version.id, version.sums, version.config)
    X, V = rows(version, 20)
    assert same_bits(version.score(X, euros(20), V), [again.score(X, euros(20), V)])
