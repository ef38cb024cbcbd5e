"""Solving the odds' equations to the same bits everywhere.

LAPACK's last bits depend on the processor and on the number of threads.  The version that scored a
payment must score it alike where somebody asks for an explanation, so the 180 steps of Gaussian
elimination are taken one by one, by additions and multiplications that IEEE 754 fixes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled

__all__ = ["eliminate", "solve_positive_definite"]

Floats = NDArray[np.float64]


def solve_positive_definite(A: Floats, b: Floats) -> Floats:
    """Return x of A x = b; A (n, n) symmetric positive definite, b (n,).

    Elimination without pivoting, which is stable for such A (Golub and Van Loan, 4.2).

    >>> solve_positive_definite(np.array([[4.0, 2.0], [2.0, 3.0]]), np.array([8.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    A, x = A.copy(), b.copy()
    eliminate(A, x)
    return x


@compiled
def eliminate(A: Floats, x: Floats) -> None:
    """Put x of A x = b into ``x``, which holds b; both are IN/OUT."""
    n = len(x)
    for i in range(n):
        pivot, top = A[i, i], A[i]
        for r in range(i + 1, n):
            # A row by itself: the loop over it is then known not to leave it, and vectorised.
            row, ratio = A[r], A[r, i] / pivot
            for c in range(i + 1, n):
                row[c] -= ratio * top[c]
            x[r] -= ratio * x[i]
    for i in range(n - 1, -1, -1):
        x[i] /= A[i, i]
        for r in range(i):
            x[r] -= A[r, i] * x[i]
