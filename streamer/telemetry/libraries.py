"""What the libraries under a worker may say in its log.

Faust, mode and aiokafka tell every step of their own lives at INFO: some ninety lines from a start to
a stop, and nothing of a payment.  What a reader needs of it the worker says itself, in one line each
(ops/LOGS.md).  So a library is heard from WARNING on; at STREAMER_LOG_LEVEL=DEBUG from INFO on, and
never below: their DEBUG lines print what they carry, whole fetches with card numbers among it.

Some of their warnings are no news, or wrong.  Each is dropped with its reason here, and a test holds
the texts against the installed packages, so that none outlives the message it is about.
"""

from __future__ import annotations

import logging
import re
from typing import Final

from streamer.telemetry.exceptions import described

__all__ = ["DROPPED", "LIBRARIES", "LibraryFilter", "library_level"]

# These put handlers of their own on their loggers, or stop their messages from rising to the root.
LIBRARIES: Final = (
    "aiohttp",
    "aiokafka",
    "asyncio",
    "confluent_kafka",
    "faust",
    "httpcore",
    "httpx",
    "httpx2",
    "mode",
    "numba",
    "py.warnings",
    "redis",
)

_FAUST_CONSUMER: Final = "faust.transport.drivers.aiokafka"
# Faust takes the time of the last answer for that of the last request, and counts from its own start
# where there is none (faust-streaming issue 629): a partition that is claimed late, has nothing to
# read, or waits for Redis is reported as dead. `streamer.stream.kafka.progress` looks at the same,
# knows which partitions are being read, and the log says "not ready" when one of them stands still.
_PROGRESS_KNOWS: Final = (
    "progress.py tells a partition that stands still; this also tells idle ones"
)
# Faust does not see the agent's batches, nor what is read but not yet claimed.
_NOT_ITS_STREAM: Final = "Faust counts its own events, and commits wait for checkpoints by design"

DROPPED: Final[dict[tuple[str, str], str]] = {
    (_FAUST_CONSUMER, "Aiokafka has not sent fetch request for"): _PROGRESS_KNOWS,
    (_FAUST_CONSUMER, "Aiokafka stopped fetching from"): _PROGRESS_KNOWS,
    (_FAUST_CONSUMER, "Highwater not yet available for"): _PROGRESS_KNOWS,
    (
        _FAUST_CONSUMER,
        "No active partitions for",
    ): "a worker may have none, and is well (health.py)",
    (_FAUST_CONSUMER, "Stream has not started processing"): _NOT_ITS_STREAM,
    (_FAUST_CONSUMER, "Stream stopped processing, or is slow for"): _NOT_ITS_STREAM,
    (_FAUST_CONSUMER, "Has not committed"): (
        "a commit follows the checkpoint, which Redis may hold up; lateness.py says so, and what for"
    ),
    ("faust.app.base", "Missing sensor state for rebalance"): (
        "two rebalances in a row, of which Faust times the second only; nothing depends on the time"
    ),
    ("mode.timers", "Timer "): (
        "woke up too late or too early: one line for each of Faust's timers; pauses.py says once for "
        "how long the event loop stood still"
    ),
    ("aiokafka.consumer.group_coordinator", "Heartbeat failed for group %s because it is"): (
        "rebalancing: every rebalance begins with it, and the worker tells its partitions after it"
    ),
    ("aiokafka.conn", "Sending username and password in the clear"): (
        "STREAMER_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT says so, on purpose; once per connection"
    ),
}
"""Logger and beginning of each message that is dropped, with why."""

# What mode puts before a message of a service: "[^---ConsumerThread]: ".
_SERVICE: Final = re.compile(r"\[\^-*\w+\]: ")
_OURS: Final = "streamer."

# asyncio hands over its context as text: the task with its arguments and the exception's own repr.
_COROUTINE: Final = re.compile(r"coro=<([\w.<>]+)\(\)")


class LibraryFilter(logging.Filter):
    """Drops what no reader needs of the libraries, and takes the data out of what is left.

    A structlog event of ours is a dict and passes; every other record is a library's, mode's under our
    loggers' names among them, since its services log by the module of their class.
    """

    def __init__(self, least: int) -> None:
        """``least`` is the level from which on a library is heard."""
        super().__init__()
        self._least = least

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is to be written; exceptions within it become their description."""
        if isinstance(record.msg, dict):
            return True
        text = str(record.msg)
        if record.levelno < self._least or _is_dropped(record.name, text):
            return False
        if record.name == "asyncio":
            record.msg, _, rest = text.partition("\n")
            if found := _COROUTINE.search(rest):
                record.coroutine = found[1]
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(
                _Described(argument) if isinstance(argument, BaseException) else argument
                for argument in record.args
            )
        return True


class _Described:
    """Stands for an exception among a message's arguments, whether it asks for `str` or `repr`."""

    def __init__(self, error: BaseException) -> None:
        self._text = described(error)

    def __repr__(self) -> str:
        return self._text


def library_level(level: int) -> int:
    """Return the level from which on a library is heard where ours is ``level``."""
    return logging.INFO if level <= logging.DEBUG else max(level, logging.WARNING)


def _is_dropped(logger: str, text: str) -> bool:
    """Return whether a library's message is to be dropped; what it logs under our names, too.

    >>> _is_dropped("streamer.stream.kafka.fetching", "[^---ConsumerThread]: Has not committed %r")
    True
    """
    if service := _SERVICE.match(text):
        text = text[service.end() :]
    is_ours = logger.startswith(_OURS)
    return any((is_ours or logger == name) and text.startswith(start) for name, start in DROPPED)
