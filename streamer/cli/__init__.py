"""The command line: ``streamer demo``, ``worker``, ``replay``, ``evaluate`` and the others."""

from __future__ import annotations

import click

from streamer import __version__
from streamer.cli.config import check_config
from streamer.cli.demo import demo
from streamer.cli.dlq import dlq
from streamer.cli.evaluate import evaluate
from streamer.cli.explain import explain
from streamer.cli.fit import fit
from streamer.cli.intake import intake
from streamer.cli.model import model
from streamer.cli.partition import partition
from streamer.cli.replay import replay
from streamer.cli.simulate import simulate
from streamer.cli.worker import worker

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="streamer")
def main() -> None:
    """Score card payments for fraud as they stream through Kafka.

    Start with `streamer demo`: it needs no Kafka and no Redis of yours. For the real thing, set
    STREAMER_KAFKA_BOOTSTRAP_SERVERS and STREAMER_REDIS_URL, look at `streamer check-config`, and run
    `streamer worker`, as many as the transactions topic has partitions.

    Exit codes: 0 done, 1 failed, 2 wrong settings or arguments.
    """


for command in (
    demo,
    worker,
    replay,
    explain,
    evaluate,
    fit,
    simulate,
    model,
    partition,
    intake,
    dlq,
    check_config,
):
    main.add_command(command)
