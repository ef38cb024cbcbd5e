"""The simplified silhouette: against numbers worked by hand, and a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamer.model import simplified_silhouettes
from tests.model.test_kmeans import by_feature


def test_it_compares_the_distances_to_the_nearest_two_centers() -> None:
    """Centers at 0, 3 and 10; from 1 it is 1 and 2: (2 - 1) / 2. On a center 1, half way 0."""
    X, centers = np.array([[1.0], [3.0], [1.5], [11.0]]), np.array([[0.0], [3.0], [10.0]])
    found = simplified_silhouettes(X, *by_feature(centers, np.ones_like(centers)))
    assert found == pytest.approx([0.5, 1.0, 0.0, (8 - 1) / 8], abs=1e-6)


def test_distances_are_in_deviations_and_what_is_missing_counts_for_nothing() -> None:
    rng = np.random.default_rng(5)
    X, centers = rng.normal(size=(40, 3)), rng.normal(size=(5, 3))
    X[rng.random((40, 3)) < 0.2] = np.nan
    variances = rng.uniform(0.2, 3.0, size=(5, 3))
    expected = []
    for x in X:
        a, b = sorted(
            math.sqrt(sum((x[j] - c[j]) ** 2 / v[j] for j in range(3) if not math.isnan(x[j])))
            for c, v in zip(centers, variances, strict=True)
        )[:2]
        expected.append((b - a) / b if b else 0.0)
    found = simplified_silhouettes(X, *by_feature(centers, 1.0 / variances))
    assert found == pytest.approx(expected, abs=1e-6)


def test_one_center_is_told_apart_from_nothing() -> None:
    one = np.zeros((1, 2))
    assert np.isnan(simplified_silhouettes(np.ones((3, 2)), *by_feature(one, one + 1))).all()
    two = np.zeros((2, 2))
    assert simplified_silhouettes(one, *by_feature(two, two + 1)).tolist() == [0.0]
