"""Sends every log event, ours and the libraries', through one renderer to one stream.

structlog and the standard library meet in the root handler's formatter: Faust, mode, aiokafka and
confluent-kafka log through `logging`, and their lines come out like ours.  An event is redacted
last, after its exception has become text, so that nothing reaches the renderer unseen.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from streamer.telemetry.redaction import redact_event

__all__ = ["RepeatFilter", "configure_logging"]

# These put handlers of their own on their loggers, or stop their messages from rising to the root.
_LIBRARIES: Final = ("faust", "mode", "aiokafka", "confluent_kafka", "aiohttp", "asyncio", "redis")
# These log a line for every request at INFO, which is each unknown schema of a registry.
_CHATTY: Final = ("httpx", "httpx2", "httpcore")
# What a reader looks for first stands first in a line.
_LEADING: Final = ("timestamp", "level", "logger", "event")
# What makes two warnings of one logger the same.
_KIND: Final = ("event", "topic", "partition")
_FIRST_REPEAT_S: Final = 5.0
_LONGEST_REPEAT_S: Final = 60.0


def configure_logging(
    level: str = "INFO",
    format: Literal["json", "console"] = "json",
    stream: TextIO | None = None,
) -> None:
    """Route all logging of the process to ``stream`` (standard error), in one format.

    Calling it again replaces what an earlier call set.
    """
    stream = sys.stderr if stream is None else stream
    shared = _shared_processors()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RepeatFilter(time.monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                redact_event,
                _lead,
                _renderer(format, stream),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _route_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class RepeatFilter(logging.Filter):
    """Passes one warning of a kind in five seconds; it says how many of its kind came before it.

    While a broker is away the clients complain dozens of times a second, in half a dozen kinds.  So the
    pause doubles, up to a minute, while a kind goes on.  A kind is what the code says, whatever
    values it fills in; of our own events also the partition that they are about.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        # Bounded by the places in the code that warn, and the partitions.
        self._passed: dict[Hashable, tuple[float, float]] = {}
        self._n_suppressed: Counter[Hashable] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is to be written; adds ``suppressed`` to it where it is."""
        if record.levelno < logging.WARNING or record.levelno >= logging.CRITICAL:
            return True
        event = record.msg if isinstance(record.msg, dict) else {"event": str(record.msg)}
        kind = (record.name, record.levelno, *(event.get(name) for name in _KIND))
        now = self._monotonic()
        passed_at, pause_s = self._passed.get(kind, (-math.inf, _FIRST_REPEAT_S))
        silent_s = now - passed_at
        if silent_s < pause_s:
            self._n_suppressed[kind] += 1
            return False
        goes_on = silent_s < 2 * pause_s
        next_s = min(2 * pause_s, _LONGEST_REPEAT_S) if goes_on else _FIRST_REPEAT_S
        self._passed[kind] = (now, next_s)
        if n_suppressed := self._n_suppressed.pop(kind, 0):
            if isinstance(record.msg, dict):
                record.msg = record.msg | {"suppressed": n_suppressed}
            else:
                record.suppressed = n_suppressed
        return True


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(format: str, stream: TextIO) -> Processor:
    if format == "console":
        # The renderer's own tracebacks would show local variables, and after redaction at that.
        return structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False)


def _route_libraries() -> None:
    logging.captureWarnings(True)
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in _LIBRARIES:
            library = logging.getLogger(name)
            library.handlers.clear()
            library.propagate = True
            library.disabled = False
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _lead(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first: dict[str, Any] = {key: event.pop(key) for key in _LEADING if key in event}
    return {**first, **event}
