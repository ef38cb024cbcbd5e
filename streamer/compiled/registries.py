"""Has numba load what it knows of numpy, as it does before the first kernel, without scipy's algebra.

numba imports that at this moment to see whether there is a BLAS, for 0.3 s and 20 MB of every process.
Kernels are loops and call none: one that did would not compile.
"""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["refresh"]

_ASKS: Final = "numba.np.arraymath"
_ASKED_FOR: Final = "scipy.linalg"


def refresh(target_context: Any) -> None:
    """Have numba's ``target_context`` know all that was registered since it was last asked."""
    if _ASKS in sys.modules or _ASKED_FOR in sys.modules:
        target_context.refresh()
        return
    # What Python takes for a module that is not there.
    sys.modules[_ASKED_FOR] = None  # type: ignore[assignment]
    try:
        target_context.refresh()
    finally:
        del sys.modules[_ASKED_FOR]
