"""``streamer skew``: once over what lies there, or for as long as the process lives."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable
from typing import Final

import structlog
from prometheus_client import start_http_server

from streamer.contract.decision_message import Decision
from streamer.settings import Settings
from streamer.skew.meetings import Compared, Meetings
from streamer.skew.skew_tally import SkewMetrics, Tally
from streamer.skew.skew_topics import SkewTopics
from streamer.skew.version_order import VersionOrder
from streamer.telemetry.logs import configure_logging

__all__ = ["follow", "once"]

_log = structlog.get_logger(__name__)

_COMMIT_S: Final = 5.0


def once(settings: Settings, since_ms: int, within_s: float) -> tuple[Tally, int]:
    """Compare the answers since a time, up to the topics' ends as they are when this is called; return
    with how many still wait."""
    tally, meetings = Tally(), _meetings(settings, within_s)
    # What comes later is not read, so that nothing is late for want of it.
    began_ms = _now_ms()
    topics = SkewTopics(settings, since_ms)
    try:
        while not topics.is_at_end:
            _take(topics, meetings, tally, began_ms)
    finally:
        topics.close()
    _add(meetings.ended(), tally)
    return tally, meetings.n_waiting


def follow(settings: Settings, within_s: float) -> None:
    """Compare answers as they come, from the place that was committed, until SIGTERM or SIGINT."""
    configure_logging(settings.log_level, settings.log_format)
    metrics, stop = SkewMetrics(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_http_server(settings.web_port, settings.web_host, metrics.registry)
    tally, meetings = Tally(metrics), _meetings(settings, within_s)
    topics = SkewTopics(settings, None)
    _log.info("answers are held against scores", topic=settings.serve_decisions_topic)
    committed_at = time.monotonic()
    try:
        while not stop.is_set():
            _take(topics, meetings, tally, _now_ms())
            metrics.waiting.set(meetings.n_waiting)
            # What nobody reads from here: a report is of one run over the topics.
            tally.moved_ages_s.clear()
            if time.monotonic() - committed_at >= _COMMIT_S:
                topics.commit(meetings.waiting())
                committed_at = time.monotonic()
        topics.commit(meetings.waiting())
    finally:
        topics.close()


def _meetings(settings: Settings, within_s: float) -> Meetings:
    return Meetings(VersionOrder(settings).of, round(within_s * 1000))


def _take(topics: SkewTopics, meetings: Meetings, tally: Tally, now_ms: int) -> None:
    for what, place, at_ms in topics.read():
        if isinstance(what, Decision):
            _add(meetings.answered(what, place, at_ms), tally)
        else:
            _add(meetings.told(what, at_ms), tally)
    _add(meetings.passed(topics.read_until_ms(now_ms)), tally)


def _add(compared: Iterable[Compared], tally: Tally) -> None:
    for each in compared:
        tally.add(each)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
