"""What Python's garbage collector goes through, and how often; what freed memory the system gets back.

A batch's objects are freed as soon as nobody refers to them; the collector is there for cycles, which
errors and requests leave behind.  By default it looks after every 700 new containers, several times in
a batch, and now and then at all that was ever imported, which took 0.1 s.

Invariant: at most `_YOUNG` containers, with what they hold, wait to be found.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Final

__all__ = ["collect_rarely", "give_back"]

# A fetch of 4,000 records stays below it, so that none is gone through while it is scored.
_YOUNG: Final = 50_000
# Python's own: so many looks at the young before one at what outlived them, and so on.
_MIDDLE, _OLD = 10, 10


def collect_rarely() -> None:
    """Leave out all that there is by now, and look at what comes after every `_YOUNG` containers."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def give_back() -> None:
    """Return freed memory to the system, which glibc keeps; of use once, after all is loaded.

    What reads and relocates compiled kernels leaves some 30 MB behind.  Other C libraries keep little.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
