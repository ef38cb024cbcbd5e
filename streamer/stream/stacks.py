"""Where every thread and task of this process is: what one asks a process that hangs."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from types import FrameType
from typing import Any, Final

import structlog

__all__ = ["log_stacks"]

_log = structlog.get_logger(__name__)

_MAX_FRAMES: Final = 12
_MAX_TASKS: Final = 50


def log_stacks(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Log the stacks of all threads and of the tasks of ``loop``, the running one where it is None.

    May be called from any thread.  Frames are told by file and line, not their variables, payments.
    """
    tasks = asyncio.all_tasks(loop)
    _log.warning(
        "stacks",
        threads=_threads(),
        tasks={_name(task): _frames_of(task) for task in list(tasks)[:_MAX_TASKS]},
    )


def _threads() -> dict[str, list[str]]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        f"{names.get(ident, '?')} {ident}": [_frame(*at) for at in traceback.walk_stack(frame)][
            :_MAX_FRAMES
        ]
        for ident, frame in sys._current_frames().items()
    }


def _name(task: asyncio.Task[Any]) -> str:
    return f"{task.get_name()} {getattr(task.get_coro(), '__qualname__', '?')}"


def _frames_of(task: asyncio.Task[Any]) -> list[str]:
    """Return the frames of ``task`` down to what it awaits: a task itself tells the outermost."""
    frames: list[str] = []
    awaited: Any = task.get_coro()
    while awaited is not None and len(frames) < _MAX_FRAMES:
        frame = next(
            (at for name in _FRAME_NAMES if (at := getattr(awaited, name, None)) is not None), None
        )
        if frame is None:
            break
        frames.append(_frame(frame, frame.f_lineno))
        awaited = next(
            (at for name in _AWAITED_NAMES if (at := getattr(awaited, name, None)) is not None),
            None,
        )
    return frames


# Of coroutines, asynchronous generators and generators.
_FRAME_NAMES: Final = ("cr_frame", "ag_frame", "gi_frame")
_AWAITED_NAMES: Final = ("cr_await", "ag_await", "gi_yieldfrom")


def _frame(frame: FrameType, line: int) -> str:
    name = "/".join(frame.f_code.co_filename.split("/")[-3:])
    return f"{name}:{line} {frame.f_code.co_name}"
