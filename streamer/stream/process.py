"""Faust's process around the app: signals, and what a person asks a process that hangs."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from types import FrameType
from typing import Any, Final

import faust
import structlog

__all__ = ["ScoringWorker"]

_log = structlog.get_logger(__name__)

_MAX_FRAMES: Final = 12
_MAX_TASKS: Final = 50


class ScoringWorker(faust.Worker):
    """Faust's process around the app; a signal starts the deadline, a profile, or tells the stacks."""

    def _on_sigusr1(self) -> None:
        # Faust's own answer prints every frame's local variables: payments.
        _log.warning("stacks", threads=_threads(), tasks=_tasks())

    def _on_sigusr2(self) -> None:
        # Faust's own answer to this signal is a debugger, which nobody there can leave.
        self.app.profiling.begin()

    def _schedule_shutdown(self, signal: Any) -> None:
        if not self.app.health.is_stopping:
            _log.info("worker stops", signal=signal.name, within_s=self.app.deadline.within_s)
        self.app.begin_stop()
        super()._schedule_shutdown(signal)


def _threads() -> dict[str, list[str]]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        f"{names.get(ident, '?')} {ident}": [_frame(*at) for at in traceback.walk_stack(frame)][
            :_MAX_FRAMES
        ]
        for ident, frame in sys._current_frames().items()
    }


def _tasks() -> dict[str, list[str]]:
    return {
        task.get_name(): [_frame(frame, frame.f_lineno) for frame in task.get_stack(limit=3)]
        for task in list(asyncio.all_tasks())[:_MAX_TASKS]
    }


def _frame(frame: FrameType, line: int) -> str:
    name = "/".join(frame.f_code.co_filename.split("/")[-3:])
    return f"{name}:{line} {frame.f_code.co_name}"
