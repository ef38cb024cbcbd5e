"""Has every compiled loop at hand before the worker joins its group: no payment waits for one."""

from __future__ import annotations

import asyncio

import structlog

from streamer.compiled import tell_compilations
from streamer.starting.rehearsal import Rehearsal, rehearse
from streamer.stream.garbage import give_back

__all__ = ["load_kernels"]

_log = structlog.get_logger(__name__)


async def load_kernels() -> None:
    """Load or compile them in a thread, for the endpoints answer meanwhile; later ones are told."""
    done = await asyncio.to_thread(_rehearse)
    _log.info(
        "kernels loaded",
        compiled=done.loaded.compiled,
        from_cache=done.loaded.from_cache,
        seconds=round(done.seconds, 3),
    )
    if done.loaded.faults:
        _log.warning("kernels not kept", because=list(done.loaded.faults))
    tell_compilations(_tell_late)


def _rehearse() -> Rehearsal:
    done = rehearse()
    give_back()
    return done


def _tell_late(kernel: str, types: str) -> None:
    _log.warning("kernel compiled late", kernel=kernel, types=types)
