"""The page of commands: every command, argument and option, as click has them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import click

from streamer.cli import main

__all__ = ["commands", "page"]

_HEAD: Final = """\
# Commands

Every command with its arguments and options, as `streamer COMMAND --help` has them: this page is made
from the commands themselves. [Settings](ops/SETTINGS.md) have a page of their own; `-h` and `--help`
are options of each command and are left out below.

"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, a group before what is in it."""
    yield from _within("streamer", main)


def _within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            found = command.get_command(context, part)
            if found is not None and not found.hidden:
                yield from _within(f"{name} {part}", found)


def page() -> str:
    """Return the page's text."""
    return _HEAD + "\n".join(_section(name, command) for name, command in commands())


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    lines = [f"## {name}", "", f"`{' '.join(command.get_usage(context).split()[1:])}`", ""]
    lines += [_prose(command.help or ""), ""]
    shown = [each for each in command.params if not _is_hidden(each)]
    if shown:
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        lines += [_row(each, context) for each in shown]
        lines.append("")
    return "\n".join(lines)


def _is_hidden(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and param.hidden


def _row(param: click.Parameter, context: click.Context) -> str:
    if isinstance(param, click.Argument):
        return f"| `{_cell(param.make_metavar(context))}` | | {_words_of_argument(param)} |"
    if not isinstance(param, click.Option):
        raise TypeError(f"a parameter must be an argument or an option, got {type(param).__name__}")
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    value = "" if param.is_flag or param.count else f" `{_cell(param.make_metavar(context))}`"
    extra = param.get_help_extra(context)
    default = extra.get("default", "")
    told = [(param.help or "").strip()]
    if param.required:
        told.append("Required.")
    if param.multiple:
        told.append("May be given more than once.")
    if "range" in extra:
        told.append(f"Range: {extra['range']}.")
    return f"| {names}{value} | {_cell(default)} | {_cell(' '.join(told))} |"


def _words_of_argument(param: click.Argument) -> str:
    words = "required" if param.required else "optional"
    return f"{words}, one or more" if param.nargs == -1 else words


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> str:
    r"""Return a help text as Markdown: what stands after ``\b`` is a block.

    >>> _prose("Do it.\n\n\b\nstreamer do --it\n\nThen rest.")
    'Do it.\n\n```text\nstreamer do --it\n```\n\nThen rest.'
    """
    parts = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text).replace("\f", "")):
        if part.startswith("\b"):
            parts.append(f"```text\n{part.removeprefix(chr(8)).strip(chr(10))}\n```")
        else:
            parts.append(" ".join(part.split()).replace("<", "&lt;"))
    return "\n\n".join(parts)
