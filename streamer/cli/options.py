"""Options that several commands share."""

from __future__ import annotations

import click

__all__ = ["as_json", "seed"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")

seed = click.option(
    "--seed", type=int, default=7, show_default=True, help="Seed of the simulated payments."
)
