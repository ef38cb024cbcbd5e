"""The command line: ``streamer demo``, ``worker``, ``replay``, ``evaluate`` and the others."""

from __future__ import annotations

from typing import Final

import click

from streamer import __version__
from streamer.cli.lazy import LazyGroup

__all__ = ["main"]


_COMMANDS: Final = {
    "check-config": "streamer.cli.config",
    "demo": "streamer.cli.demo",
    "dev": "streamer.cli.dev",
    "dlq": "streamer.cli.dlq",
    "evaluate": "streamer.cli.evaluate",
    "explain": "streamer.cli.explain",
    "fit": "streamer.cli.fit",
    "intake": "streamer.cli.intake",
    "model": "streamer.cli.model",
    "partition": "streamer.cli.partition",
    "replay": "streamer.cli.replay",
    "simulate": "streamer.cli.simulate",
    "status": "streamer.cli.status",
    "worker": "streamer.cli.worker",
}


@click.group(
    cls=LazyGroup,
    modules=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="streamer")
def main() -> None:
    """Score card payments for fraud as they stream through Kafka.

    Start with `streamer demo`: it needs no Kafka and no Redis of yours. For the real thing, set
    STREAMER_KAFKA_BOOTSTRAP_SERVERS and STREAMER_REDIS_URL, look at `streamer check-config`, and run
    `streamer worker`, as many as the transactions topic has partitions.

    Exit codes: 0 done, 1 failed, 2 wrong settings or arguments.
    """
