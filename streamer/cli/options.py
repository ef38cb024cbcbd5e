"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["as_json", "column_mapping", "seed"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")

seed = click.option(
    "--seed", type=int, default=7, show_default=True, help="Seed of the simulated payments."
)


def column_mapping(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --map and --default to a command that reads a file."""
    command = click.option(
        "--default",
        "defaults",
        multiple=True,
        metavar="FIELD=VALUE",
        help="A value for a field that the file has no column for, such as currency=EUR.",
    )(command)
    return click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="The file's column for a field, such as card_id=customer_id. Repeatable.",
    )(command)
