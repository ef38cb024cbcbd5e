"""A worker that ends itself: ``python -m tests.faults.crashing POINT PASS SIGNAL worker``.

The pass counts from 1.  The points are put around functions of the product from here: the product
itself knows nothing of them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from redis.asyncio.client import Pipeline

from streamer.cli import main
from streamer.store import Store
from streamer.stream.checkpoints.checkpointing import Checkpointing
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.transport import Consumer

__all__ = ["CHECKPOINT_POINTS", "crashing"]

# Of a checkpoint, in the order in which a worker passes them.
CHECKPOINT_POINTS: Final = (
    "before-snapshot",
    "after-snapshot",
    "before-exec",
    "after-exec",
    "before-commit",
    "after-commit",
)


def crashing(point: str, at_pass: int, by: str = "SIGKILL") -> tuple[str, ...]:
    """Return the arguments of a worker that ends itself."""
    return ("-m", "tests.faults.crashing", point, str(at_pass), by, "worker")


_passes_left = 0
_signal = signal.SIGKILL


def _reached() -> None:
    global _passes_left
    _passes_left -= 1
    if _passes_left == 0:
        os.kill(os.getpid(), _signal)


def _before(owner: Any, name: str, *, when: Callable[..., bool] = lambda *_: True) -> None:
    work = getattr(owner, name)

    @wraps(work)
    async def run(*args: Any, **options: Any) -> Any:
        if when(*args):
            _reached()
        return await work(*args, **options)

    setattr(owner, name, run)


def _after(owner: Any, name: str, *, when: Callable[..., bool] = lambda *_: True) -> None:
    work = getattr(owner, name)

    @wraps(work)
    async def run(*args: Any, **options: Any) -> Any:
        applies = when(*args)
        answer = await work(*args, **options)
        if applies:
            _reached()
        return answer

    setattr(owner, name, run)


def _is_checkpoint(pipe: Pipeline, *_: Any) -> bool:
    """Only a checkpoint reads before it writes, and so says ``multi()`` itself."""
    return bool(pipe.explicit_transaction)


_POINTS: Final[dict[str, Callable[[], None]]] = {
    "before-snapshot": lambda: _before(Checkpointing, "_snapshot"),
    "after-snapshot": lambda: _after(Checkpointing, "_snapshot"),
    "before-exec": lambda: _before(Pipeline, "execute", when=_is_checkpoint),
    # Redis has done it, and nothing of the product has seen the answer.
    "after-exec": lambda: _after(Pipeline, "execute", when=_is_checkpoint),
    "before-commit": lambda: _after(Store, "checkpoint"),
    "after-commit": lambda: _after(Consumer, "_commit"),
    "release": lambda: _before(Checkpointing, "release"),
    "claim": lambda: _after(Store, "claim"),
    "load": lambda: _after(Claiming, "claim"),
    "flush": lambda: _before(Publisher, "flush"),
}


if __name__ == "__main__":
    point, n_passes, name = sys.argv[1:4]
    del sys.argv[1:4]
    _passes_left, _signal = int(n_passes), signal.Signals[name]
    _POINTS[point]()
    main()
