"""What Python's garbage collector goes through, and how often; what freed memory the system gets back.

A batch's objects are freed as soon as nobody refers to them; the collector is there for cycles, which
errors and requests leave behind.  By default it looks after every 700 new containers, several times in
a batch, and now and then at all that was ever imported, which took 0.1 s.

Invariant: at most `_YOUNG` containers, with what they hold, wait to be found.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import Final

__all__ = ["collect_rarely", "give_back", "give_back_often", "keep_little"]

# A fetch of 4,000 records stays below it, so that none is gone through while it is scored.
_YOUNG: Final = 50_000
# Python's own: so many looks at the young before one at what outlived them, and so on.
_MIDDLE, _OLD = 10, 10

# Often enough for what a checkpoint or a table's growth leaves, rare enough to cost nothing.
_GIVEN_BACK_EVERY_S: Final = 60.0

# Of glibc's malloc.h: what `mallopt` sets.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_MALLOC: Final = {
    # Some thirty threads allocate, most of them librdkafka's: each would get up to 64 MB and more
    # of its own, and keep them.
    _ARENA_MAX: 2,
    # What is larger comes from the system and goes back to it.  Without this the bound follows what is
    # freed, up to 32 MB, and tables, fetches and checkpoints leave holes between what stays.
    _MMAP_THRESHOLD: 1 << 20,
    # Set, since it is 128 kB where the other is: a batch's arrays would be asked for again and again.
    _TRIM_THRESHOLD: 16 << 20,
}


def keep_little() -> None:
    """Have malloc keep little of what is freed; before there are threads.  Of glibc alone.

    What MALLOC_ variables say of the same is overruled.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, value in _MALLOC.items():
            mallopt(name, value)


def collect_rarely() -> None:
    """Leave out all that there is by now, and look at what comes after every `_YOUNG` containers."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def give_back() -> None:
    """Return freed memory to the system, which glibc keeps.

    What reads and relocates compiled kernels leaves some 30 MB behind.  Other C libraries keep little.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def give_back_often() -> None:
    """Return freed memory to the system once a minute, for ever.

    What batches and checkpoints free lies between what stays: malloc gives back the end of its heap by
    itself, and whole pages within it by this alone.  In a thread; whoever allocates meanwhile waits.
    """
    while True:
        await asyncio.sleep(_GIVEN_BACK_EVERY_S)
        await asyncio.to_thread(give_back)
