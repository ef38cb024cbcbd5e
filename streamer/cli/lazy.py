"""Imports the commands when they are asked for: a worker that restarts is waited for.

A group that imports all its commands costs each of them a tenth of a second, and the garbage collector,
which finds nothing while modules are loaded, a fifth of the whole start.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup", "uncollected"]


class LazyGroup(click.Group):
    """A group of commands that lie in modules of their own."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        """``modules`` maps a command's name to its module, which calls it the same with underscores."""
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the alphabet as click does."""
        del ctx
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of that name."""
        del ctx
        if cmd_name not in self._modules:
            return None
        with uncollected():
            module = import_module(self._modules[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


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
