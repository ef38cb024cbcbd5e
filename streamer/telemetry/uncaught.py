"""What nobody caught becomes a line of the log like any other, wherever it came up.

Python prints it to standard error in as many lines as there are frames: of the main thread, of other
threads, of destructors.  asyncio's own ("Task exception was never retrieved") come through `logging`
already, and warnings do since `configure_logging`.  librdkafka is told to print nothing, and what it
has to say comes through its callback (`streamer.stream.kafka.kafka_config`).

Not here: a fault in C code, of which the interpreter writes what it can before it is killed.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType

import structlog

__all__ = ["log_uncaught"]

_log = structlog.get_logger(__name__)


def log_uncaught() -> None:
    """Log what nobody catches from now on; the process ends as it would have."""
    sys.excepthook = _in_main_thread
    threading.excepthook = _in_thread
    sys.unraisablehook = _in_destructor


def _in_main_thread(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("uncaught exception", exc_info=error)


def _in_thread(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_value is None or issubclass(caught.exc_type, SystemExit):
        return
    name = None if caught.thread is None else caught.thread.name
    _log.critical("uncaught exception in a thread", thread=name, exc_info=caught.exc_value)


def _in_destructor(caught: sys.UnraisableHookArgs) -> None:
    _log.error("uncaught exception in a destructor", exc_info=caught.exc_value)
