"""Runs the Faust app as a process: logging, signals, exit codes."""

from __future__ import annotations

from pathlib import Path

from streamer.settings import Settings, TracingSettings
from streamer.stream.app import build_app
from streamer.stream.ending import end_process
from streamer.stream.garbage import keep_little
from streamer.stream.process import ScoringWorker
from streamer.telemetry.logs import configure_logging
from streamer.telemetry.profiling import Profiling
from streamer.telemetry.uncaught import log_uncaught

__all__ = ["run_worker"]


def run_worker(settings: Settings, tracing: TracingSettings, profile: Path | None = None) -> None:
    """Run a worker until it is stopped; exits the process.  A profile is written to ``profile``."""
    keep_little()
    configure_logging(settings.log_level, settings.log_format)
    log_uncaught()
    app = build_app(settings, tracing)
    app.profiling = Profiling(profile)
    worker = ScoringWorker(
        app,
        quiet=True,
        loglevel=settings.log_level,
        redirect_stdouts=False,
        override_logging=False,
    )
    # Its escape sequences have no place among log lines.
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        end_process(ended.code or 0)
