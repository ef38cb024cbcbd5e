"""``@compiled``: a plain loop over arrays, compiled by numba where it stands.

The loop is the definition.  Its text is Python, `Kernel.py_func` runs it as Python, and the compiled
form gives the same bits: no reassociation, no fused multiply-add, and a division by zero gives an
infinity as numpy's does.  Two things are not the same.  Indices are not checked, so one beyond the
end reads or writes somebody else's memory instead of raising.  And whole numbers are of 64 bits.

With NUMBA_DISABLE_JIT=1 every kernel is its Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

import numba

__all__ = ["Kernel", "compiled"]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_OPTIONS: Final[dict[str, Any]] = {
    # A kernel touches arrays alone, so other threads may run: the event loop's, beside a batch.
    "nogil": True,
    # Python's would put a test and a branch before each division, and no loop with one is vectorised.
    "error_model": "numpy",
    # Sums are added in the order of the text, or a payment's score would depend on its neighbours.
    "fastmath": False,
    "boundscheck": False,
}


class Kernel(Protocol[P, R_co]):
    """A compiled function, called like the one that it was made from."""

    @property
    def py_func(self) -> Callable[P, R_co]:
        """The function as it was written; kernels that it calls are compiled all the same."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it; the first call with other types compiles it for them, or loads it."""


def compiled(function: Callable[P, R_co]) -> Kernel[P, R_co]:
    """Compile a function of a module, over arrays and numbers; used bare."""
    kernel = numba.njit(cache=True, **_OPTIONS)(function)
    if kernel is function:
        # Uncompiled, it is asked for its Python in the same way.
        kernel.py_func = function
    return cast("Kernel[P, R_co]", kernel)
