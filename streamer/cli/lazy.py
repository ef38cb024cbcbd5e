"""Imports the commands when they are asked for: a worker that restarts is waited for.

A group that imports all its commands costs each of them a tenth of a second, and the garbage collector,
which finds nothing while modules are loaded, a fifth of the whole start.  The list of commands, which
is all that many ask for, needs none of them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from click.utils import make_default_short_help

__all__ = ["LazyGroup", "uncollected"]


class LazyGroup(click.Group):
    """A group of commands that lie in modules of their own."""

    def __init__(
        self, *args: Any, commands_in: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        """``commands_in`` maps a command's name to its module, which calls it the same with
        underscores, and to the first sentence of its help."""
        super().__init__(*args, **kwargs)
        self._commands_in = commands_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the alphabet as click does."""
        del ctx
        return sorted(self._commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of that name."""
        del ctx
        if cmd_name not in self._commands_in:
            return None
        with uncollected():
            module = import_module(self._commands_in[cmd_name][0])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands as click does, without importing any."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        rows = [(name, make_default_short_help(self._commands_in[name][1], room)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector rest within."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
