"""Ended spans on their way to the collector: a bounded queue, and one line a minute for what is lost.

The SDK's batch processor drops the oldest span of a full queue, says so in a line that it filters by
itself, and counts nothing that can be read without its metrics.  So no more spans are handed to it than
it has room for, and those that are too many are counted here.

Invariants:
* Every span that ended was sent, was not taken by the collector, was dropped here, or waits.
* Nobody waits for the collector but the exporter's own thread, and `shutdown_within` for as long as it
  is told.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

__all__ = ["Exporting"]

_log = structlog.get_logger(__name__)

_INTERVAL_S: Final = 60.0
_SDK_LOGGER: Final = "opentelemetry.exporter"


class Exporting(SpanProcessor):
    """Hands ended spans to the SDK's batch processor, and counts them."""

    def __init__(
        self,
        exporter: SpanExporter,
        max_queue_size: int,
        max_export_batch_size: int,
        schedule_delay_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._losses = _Losses(monotonic)
        self._exporter = _Counted(exporter, self._losses)
        self._max_queue_size = max_queue_size
        # Of the thread that ends spans; the exporter's own are its thread's.
        self._n_taken = 0
        self._n_dropped = 0
        self._is_over = False
        self._batches = BatchSpanProcessor(
            self._exporter, max_queue_size, schedule_delay_ms, max_export_batch_size
        )

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing: only what has ended is sent."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or drop it where the queue is full."""
        if self._is_over:
            return
        if self._n_taken - self._exporter.n_handed >= self._max_queue_size:
            self._n_dropped += 1
            self._losses.note(1, "the queue is full (OTEL_BSP_MAX_QUEUE_SIZE)")
            return
        self._n_taken += 1
        self._batches.on_end(span)

    def counts(self) -> dict[str, int]:
        """Return how many spans were sent, not taken by the collector, and dropped."""
        exporter = self._exporter
        return {
            "sent": exporter.n_sent,
            "refused": exporter.n_refused,
            "dropped": self._n_dropped,
        }

    def shutdown_within(self, within_s: float) -> None:
        """Send what waits; take nothing more."""
        self._is_over = True
        # A thread that dies with the process: the SDK waits half a minute for a collector that hangs.
        sending = threading.Thread(target=self._batches.shutdown, daemon=True)
        sending.start()
        sending.join(within_s)
        if n_left := self._n_taken - self._exporter.n_handed + self._exporter.n_on_their_way:
            self._n_dropped += n_left
            _log.warning("spans are lost", count=n_left, why=f"not sent within {within_s:g} s")


class _Counted(SpanExporter):
    """The exporter itself, with what became of the spans that it was given."""

    def __init__(self, exporter: SpanExporter, losses: _Losses) -> None:
        self._exporter = exporter
        self._losses = losses
        self.n_handed = 0
        self.n_sent = 0
        self.n_refused = 0

    @property
    def n_on_their_way(self) -> int:
        return self.n_handed - self.n_sent - self.n_refused

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.n_handed += len(spans)
        why = "the collector does not take them"
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            result, why = SpanExportResult.FAILURE, repr(error)
        if result is SpanExportResult.SUCCESS:
            self.n_sent += len(spans)
            self._losses.mended()
        else:
            self.n_refused += len(spans)
            self._losses.note(len(spans), self._losses.heard or why)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _Losses(logging.Handler):
    """Says once a minute that spans are lost and why; the SDK says it several times for each request.

    What the exporter logs goes here and no further; the last of it is the reason.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._told_at = -math.inf
        self._is_told = False
        self._n_untold = 0
        self._telling = threading.Lock()
        self.heard = ""
        logger = logging.getLogger(_SDK_LOGGER)
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self.heard = record.getMessage()

    def note(self, count: int, why: str) -> None:
        """Count lost spans, and say so where the last line was long enough ago."""
        with self._telling:
            self._n_untold += count
            now = self._monotonic()
            if now - self._told_at < _INTERVAL_S:
                return
            count, self._n_untold = self._n_untold, 0
            self._told_at, self._is_told = now, True
        _log.warning("spans are lost", count=count, why=why)

    def mended(self) -> None:
        """Say that spans are taken, where it was said that they were not."""
        self.heard = ""
        with self._telling:
            if not self._is_told:
                return
            count, self._n_untold, self._is_told = self._n_untold, 0, False
        _log.info("the collector takes spans again", lost_meanwhile=count)
