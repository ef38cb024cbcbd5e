"""How the commands speak: one line per error, JSON for machines, exit codes 0, 1 and 2."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import click
import orjson

from streamer.errors import ConfigurationError, StreamerError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["EXIT_FAILED", "EXIT_MISCONFIGURED", "print_json", "readable_errors", "table_console"]

EXIT_FAILED: Final = 1
EXIT_MISCONFIGURED: Final = 2
# Of a table that goes into a pipe or a file, where nobody can make the window wider.
_PIPE_WIDTH: Final = 200
_P = ParamSpec("_P")


def print_json(content: Any) -> None:
    """Print one JSON object on standard output."""
    sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")


def table_console() -> Console:
    """Return where tables are printed: as wide as the terminal, or whole where that is none."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(highlight=False, width=width)


def readable_errors(command: Callable[_P, None]) -> Callable[_P, None]:
    """Turn errors of this package, and of files, into a text and a code: 2 for settings, else 1."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        # A supervisor's SIGTERM is to clean up as a Ctrl-C does; the worker installs its own handler.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            command(*args, **kwargs)
        except ConfigurationError as error:
            _fail(error, EXIT_MISCONFIGURED)
        except StreamerError as error:
            _fail(error, EXIT_FAILED)
        except KeyboardInterrupt:
            _fail("interrupted", EXIT_FAILED)
        except BrokenPipeError:
            # The reader of our output has gone, which is its right.
            sys.stderr.close()
        except OSError as error:
            # Of a file that somebody named; any other is a defect, and shows where.
            if error.filename is None:
                raise
            _fail(
                f"{error.filename} must be readable or writable here, got: {error.strerror}",
                EXIT_FAILED,
            )

    return run


def _fail(error: object, code: int) -> None:
    for line in str(error).splitlines():
        click.echo(f"streamer: {line}", err=True)
    raise SystemExit(code)
