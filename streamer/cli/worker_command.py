"""``streamer worker``: the service itself."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from streamer.cli.lazy import uncollected
from streamer.display.output import readable_errors
from streamer.settings import load_worker_settings

__all__ = ["worker"]


@click.command()
@click.option(
    "--profile",
    metavar="OUT.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a flame graph of the first 30 s; SIGUSR2 takes one at any time. Needs the extra "
    "`profile`.",
)
@readable_errors
def worker(profile: Path | None) -> None:
    """Score the transactions topic until stopped.

    Everything is set by STREAMER_* variables or a secrets directory, and traces by OpenTelemetry's
    own; `streamer check-config` lists them. Run one worker per core, at most as many as the topic
    has partitions; they share one model through Redis. SIGTERM checkpoints and leaves the group.
    /healthz, /readyz and /metrics are on STREAMER_WEB_PORT; /model is on STREAMER_ADMIN_PORT, which
    answers this machine only unless STREAMER_ADMIN_HOST is set.

    `faust -A streamer.stream.app worker` is the same.
    """
    settings, tracing = load_worker_settings()
    # Faust takes a second to import; the other commands do without it.
    with uncollected():
        from streamer.stream.run_worker import run_worker
    # What has been imported stays: the collector need not go through it again and again.
    gc.freeze()

    run_worker(settings, tracing, profile)
