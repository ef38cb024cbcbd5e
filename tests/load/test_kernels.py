"""The step that is measured beside libraries: it is the same step, and the table says what it was."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from load.figures import Spread
from load.kernels import cells, compiled_step, material, table_of, us_per_step


def test_a_step_moves_centers_by_the_rows_nearest_to_them() -> None:
    """Rows 2, 4 and 9 beside centers 0 and 10, each worth one row: (0+2+4)/3 and (10+9)/2."""
    centers, weights = np.array([[0.0], [10.0]]), np.ones(2)
    compiled_step(np.array([[2.0], [4.0], [9.0]]), centers, weights)
    np.testing.assert_allclose(centers, [[2.0], [9.5]])
    np.testing.assert_array_equal(weights, [3.0, 2.0])


def test_it_is_the_step_of_partial_fit() -> None:
    """Three batches of 200 rows after the centers themselves, without random reassignment."""
    X, centers = material((600, 8, 5), seed=1)
    model = MiniBatchKMeans(8, init=centers, n_init=1, reassignment_ratio=0.0)
    model.partial_fit(centers)
    own, weights = centers.copy(), np.ones(8)
    for batch in X.reshape(3, 200, 5):
        model.partial_fit(batch)
        compiled_step(batch, own, weights)
    np.testing.assert_allclose(own, model.cluster_centers_, rtol=1e-9)


def test_the_table_sets_the_best_other_beside_the_compiled_step() -> None:
    """0.5 µs beside 2, 1 and 50: twice."""
    asked = cells([100], [16], [8])
    names = ("compiled", "scikit-learn", "faiss", "river")
    values = dict(zip(names, (0.5, 2.0, 1.0, 50.0), strict=True))
    spreads = {(name, asked[0]): Spread(v, v, v) for name, v in values.items()}
    assert "| 100 | 16 | 8 | 0.500 | 2.000 | 1.000 | 50.000 | 2.0 |" in table_of(spreads, asked)


def test_a_step_is_repeated_and_warmed_up_before() -> None:
    """The first call, in which things are allocated and compiled, is not in the figure."""
    calls: list[int] = []
    assert us_per_step(lambda: calls.append(1)) > 0
    assert len(calls) > 2
