"""A flame graph of a running worker: the next 30 s of the thread that does everything.

`pyinstrument` samples the event loop's thread every few milliseconds, from within: a container
needs no right to trace.  The page is one HTML file that asks for nothing else.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from streamer.errors import ConfigurationError
from streamer.extra import require

__all__ = ["Profiling"]

_log = structlog.get_logger(__name__)

_DURATION_S: Final = 30.0
# Fine enough for 30 s; a sample costs some 10 µs with the deep stacks of an event loop.
_INTERVAL_S: Final = 0.002


class Profiling:
    """Profiles one at a time: one from the start when there is ``out``, and one at each SIGUSR2."""

    def __init__(self, out: Path | None, duration_s: float = _DURATION_S) -> None:
        """``out`` is the file to write; ConfigurationError when it cannot be, or lacks its package."""
        self._out = out
        self._duration_s = duration_s
        self._running: asyncio.Task[None] | None = None
        if out is not None:
            require("pyinstrument")
            if not os.access(out.parent, os.W_OK):
                raise ConfigurationError(f"--profile must be a file that can be written, got {out}")

    def begin_with(self) -> None:
        """Begin with a profile where a file for it was named."""
        if self._out is not None:
            self.begin()

    def begin(self) -> None:
        """Take a profile from now on; says so in the log, and in what file it will be."""
        if self._running is not None and not self._running.done():
            _log.warning("a profile is being taken", hint="one at a time")
            return
        try:
            require("pyinstrument")
        except ConfigurationError as error:
            _log.warning("no profile", error=str(error))
            return
        self._running = asyncio.create_task(self._take())

    async def _take(self) -> None:
        from pyinstrument import Profiler

        out = self._out or _file_name()
        _log.info("profile begun", seconds=self._duration_s, file=str(out))
        # Each sample counts for what ran, whichever task it belonged to.
        profiler = Profiler(interval=_INTERVAL_S, async_mode="disabled")
        # Where reading the clock is slow the package gives advice on standard error, in the middle of
        # a log that is JSON.
        with redirect_stderr(io.StringIO()) as advice:
            profiler.start()
        if advice.getvalue():
            _log.warning(
                "the profile slows what it shows", hint=" ".join(advice.getvalue().split())
            )
        try:
            await asyncio.sleep(self._duration_s)
        finally:
            # A worker that stops before writes what it has.
            session = profiler.stop()
            try:
                out.write_text(profiler.output_html())
            except OSError as error:
                _log.warning("profile not written", error=str(error), file=str(out))
            else:
                _log.info("profile written", samples=session.sample_count, file=str(out))


def _file_name() -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return Path(tempfile.gettempdir()) / f"streamer-{os.getpid()}-{now}.html"
