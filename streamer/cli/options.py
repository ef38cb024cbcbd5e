"""Options that several commands share."""

from __future__ import annotations

import click

__all__ = ["as_json", "encoding_option", "seed"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")

encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    help="The encoding of the text, such as cp1251 or shift_jis, where it is not told right.",
)

seed = click.option(
    "--seed", type=int, default=7, show_default=True, help="Seed of the simulated payments."
)
