"""Faust's process around the app: signals, and what a person asks a process that hangs."""

from __future__ import annotations

from typing import Any

import faust
import structlog

from streamer.core_dumps import leave_no_core
from streamer.stream.stacks import log_stacks

__all__ = ["ScoringWorker"]

_log = structlog.get_logger(__name__)


class ScoringWorker(faust.Worker):
    """Faust's process around the app; a signal starts the deadline, a profile, or tells the stacks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # `faust -A` starts no command of ours.
        leave_no_core()
        super().__init__(*args, **kwargs)

    def _on_sigusr1(self) -> None:
        # Faust's own answer prints every frame's local variables: payments.
        log_stacks()

    def _on_sigusr2(self) -> None:
        # Faust's own answer to this signal is a debugger, which nobody there can leave.
        self.app.profiling.begin()

    def _schedule_shutdown(self, signal: Any) -> None:
        if not self.app.health.is_stopping:
            _log.info("worker stops", signal=signal.name, within_s=self.app.deadline.within_s)
        self.app.begin_stop()
        super()._schedule_shutdown(signal)
