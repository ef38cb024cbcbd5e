"""``streamer gate``: whether a version may take over."""

from __future__ import annotations

import click

from streamer.cli.gate_options import Gate, asks_the_gate, show_gate
from streamer.cli.options import as_json
from streamer.display.output import EXIT_FAILED, print_json, readable_errors

__all__ = ["gate"]


@click.command("gate")
@click.argument("version")
@click.option(
    "--against",
    default="head",
    show_default=True,
    metavar="VERSION",
    help="The version to compare with: an id or its beginning, `head`, or a file.",
)
@asks_the_gate(is_required=True)
@as_json
@readable_errors
def gate(version: str, against: str, gate: Gate, as_json: bool) -> None:
    """Decide by figures whether VERSION may replace the head.

    VERSION is an id or its beginning, `head`, or a file that `streamer fit` or `streamer model
    export` wrote. Both versions score the payments, each as a worker would that had started with
    it. Each rule of the policy is shown with its figure. Exit code 0 when none fails, else 1.

    \b
    streamer gate model.safetensors --payments last-week.parquet
    streamer gate 4f1c --payments last-week.parquet --policy ops/gate.toml --json
    """
    told = gate.run(version, against)
    if as_json:
        print_json(told)
    else:
        show_gate(told)
    if not told["passed"]:
        raise SystemExit(EXIT_FAILED)
