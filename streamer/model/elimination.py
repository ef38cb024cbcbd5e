"""Solving the odds' equations to the same bits everywhere.

LAPACK's last bits depend on the processor and on the number of threads.  The version that scored a
payment must score it alike where somebody asks for an explanation, so the 200 steps of Gaussian
elimination are taken one by one, by additions and multiplications that IEEE 754 fixes.

Of a symmetric matrix the lower triangle lies in one array (n(n + 1)/2,), row by row, and elimination
needs no more of it.
"""

from __future__ import annotations

from streamer.arrays import Floats
from streamer.compiled import compiled

__all__ = ["eliminate", "row_start", "solve_positive_definite"]


def solve_positive_definite(A: Floats, b: Floats) -> Floats:
    """Return x of A x = b; A (n(n + 1)/2,) symmetric positive definite, b (n,).

    Elimination without pivoting, which is stable for such A (Golub and Van Loan, 4.2).

    >>> import numpy as np
    >>> solve_positive_definite(np.array([4.0, 2.0, 3.0]), np.array([8.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    A, x = A.copy(), b.copy()
    eliminate(A, x)
    return x


@compiled
def row_start(a: int) -> int:
    """Return where a triangle's row a begins.

    >>> [row_start(a) + b for a in range(3) for b in range(a + 1)]
    [0, 1, 2, 3, 4, 5]
    """
    return a * (a + 1) // 2


@compiled
def eliminate(A: Floats, x: Floats) -> None:
    """Put x of A x = b into ``x``, which holds b; both are IN/OUT.

    The last row is eliminated first, since what is left of those before it lies together.
    """
    n = len(x)
    for i in range(n - 1, -1, -1):
        last = A[row_start(i) :]
        for r in range(i):
            # A row by itself: the loop over it is then known not to leave it, and vectorised.
            row, ratio = A[row_start(r) :], last[r] / last[i]
            for c in range(r + 1):
                row[c] -= ratio * last[c]
            x[r] -= ratio * x[i]
    for i in range(n):
        row = A[row_start(i) :]
        for c in range(i):
            x[i] -= row[c] * x[c]
        x[i] /= row[i]
