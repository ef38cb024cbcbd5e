"""Options that several commands share."""

from __future__ import annotations

import click

__all__ = ["as_json", "encoding_option", "seed", "without_number"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")

encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    help="The encoding of the text, such as cp1251 or shift_jis, where it is not recognised.",
)

seed = click.option(
    "--seed", type=int, default=7, show_default=True, help="Seed of the simulated payments."
)


def without_number(
    _context: click.Context, option: click.Parameter, text: str | None
) -> str | None:
    """Return what somebody typed without a card's number, and say so: it stays in the history."""
    from streamer.contract.card_numbers import without_card_numbers

    told = text and without_card_numbers(text)
    if told != text:
        click.echo(f"streamer: a card's number in {option.opts[-1]} is left out", err=True)
    return told
