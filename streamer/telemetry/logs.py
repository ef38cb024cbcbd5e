"""Sends every log event, ours and the libraries', through one renderer to one stream.

structlog and the standard library meet in the root handler's formatter: Faust, mode, aiokafka and
confluent-kafka log through `logging`, and their lines come out like ours, as far as they are of use
(`streamer.telemetry.libraries`).  An event is redacted last, after its exception has become fields, so
that nothing reaches the renderer unseen.

An event is one line, whatever happens: of one that cannot be written at least that is said.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from streamer.telemetry.exceptions import as_text, exception_fields
from streamer.telemetry.libraries import LIBRARIES, LibraryFilter, library_level
from streamer.telemetry.rarer_warnings import RepeatFilter
from streamer.telemetry.redaction import redact_event

__all__ = ["configure_logging"]

# What a reader looks for first stands first in a line.
_LEADING: Final = ("timestamp", "level", "logger", "event")


def configure_logging(
    level: str = "INFO",
    format: Literal["auto", "json", "console"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Route all logging of the process to ``stream`` (standard error), in one format.

    ``auto`` is text where the stream is a terminal, else JSON.  Calling it again replaces what an
    earlier call set.
    """
    stream = sys.stderr if stream is None else stream
    least = library_level(logging.getLevelNamesMapping()[level])
    handler = _OneLineHandler(stream)
    handler.addFilter(LibraryFilter(least))
    handler.addFilter(RepeatFilter(time.monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_added(), structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                exception_fields,
                redact_event,
                _lead,
                *_rendered(stream.isatty() if format == "auto" else format == "console", stream),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _route_libraries(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_added(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _added() -> list[Processor]:
    """Return what adds to an event where it is logged; a trace's id belongs here, too."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendered(for_a_person: bool, stream: TextIO) -> list[Processor]:
    if not for_a_person:
        return [structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False)]
    return [as_text, structlog.dev.ConsoleRenderer(colors=stream.isatty())]


class _OneLineHandler(logging.StreamHandler[TextIO]):
    """Writes a line; of a record that cannot be formatted, which one that was.

    The standard library would print the record's arguments, which nobody has looked through.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say in one line that a line is missing."""
        kind = sys.exc_info()[0]
        line = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "a log line could not be written",
            "at": f"{record.module}:{record.lineno}",
            "error": "" if kind is None else kind.__name__,
        }
        try:
            self.stream.write(json.dumps(line) + self.terminator)
            self.flush()
        except (OSError, ValueError):
            # The stream is closed, or its reader has gone; there is nobody left to tell.
            return


def _route_libraries(least: int) -> None:
    logging.captureWarnings(True)
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in LIBRARIES:
            library = logging.getLogger(name)
            library.handlers.clear()
            library.propagate = True
            library.disabled = False
    for name in LIBRARIES:
        # The filter would drop it as well; here it costs nothing.
        logging.getLogger(name).setLevel(least)


def _lead(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first: dict[str, Any] = {key: event.pop(key) for key in _LEADING if key in event}
    return {**first, **event}
