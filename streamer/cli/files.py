"""Options of the commands that read payments, and what comes of them: one object for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.options import encoding_option
from streamer.datafiles import (
    FORMATS,
    STANDARD_INPUT,
    TIME_UNITS,
    FileReport,
    Format,
    PaymentFile,
    TimeUnit,
    declared,
    is_url,
)
from streamer.errors import ConfigurationError

if TYPE_CHECKING:
    from streamer.fitting.shards import FileSpec
    from streamer.intake import Declaration

__all__ = ["PAYMENTS", "PAYMENT_FILES", "Reading", "reads_payments"]

PAYMENTS: Final = click.Path(exists=True, allow_dash=True, path_type=Path)
"""The type of an argument that names payments: a file, a directory, or ``-`` for standard input."""


class _PaymentFiles(click.ParamType):
    name = "payments"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        return str(value) if is_url(value) else Path(str(PAYMENTS.convert(value, param, ctx)))


PAYMENT_FILES: Final = _PaymentFiles()
"""What `PAYMENTS` takes, and addresses such as ``s3://bucket/payments.parquet``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read, as the options say; nothing is checked before `report` is called."""

    intake: str | None
    maps: tuple[str, ...]
    defaults: tuple[str, ...]
    time_unit: TimeUnit | None
    format: Format | None
    encoding: str | None
    rejects: Path | None

    def specs(self, *paths: Path | str) -> list[FileSpec]:
        """Return the files as somebody else reads them, who cannot write ``rejects`` here."""
        from streamer.fitting.shards import FileSpec

        if self.rejects is not None:
            raise ConfigurationError("--rejects must not be given with --ray or --shards")
        if any(str(path) == STANDARD_INPUT for path in paths):
            raise ConfigurationError("files of shards must have names, got standard input")
        said = self.declaration, self.format, self.encoding
        return [
            FileSpec(str(path) if is_url(path) else str(Path(path).resolve()), *said)
            for path in paths
        ]

    @property
    def declaration(self) -> Declaration:
        """What the options declare; raise where they cannot be."""
        return declared(self.maps, self.defaults, self.time_unit, self.intake)

    @contextmanager
    def report(self, *paths: Path | str) -> Iterator[FileReport]:
        """Yield what will be known of the payments of ``paths``; it has the files to read."""
        file = PaymentFile.of(paths, self.declaration, self.format, self.encoding)
        if self.rejects is None:
            yield _looked_through(FileReport(file))
            return
        if not self.rejects.parent.is_dir():
            raise ConfigurationError(
                f"directory of --rejects must exist, got {self.rejects.parent}"
            )
        from streamer.settings import load_settings
        from streamer.starting.card_keys_in_use import card_rule_of

        with self.rejects.open("wb") as out:
            yield _looked_through(FileReport(file, out, card_rule_of(load_settings())))


def _looked_through(report: FileReport) -> FileReport:
    """Say of the file what somebody would stop the command for, before it begins."""
    note = report.file.card_note
    if note is not None:
        click.echo(f"streamer: {note}", err=True)
    return report


_OPTIONS: Final = (
    click.option(
        "--intake",
        metavar="PRESET|FILE.toml",
        help="How the payments are written: a preset, or a declaration in a file. --map, --default "
        "and --time-unit are short forms of its lines.",
    ),
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="The file's column for a field, such as card_id=customer_id. Repeatable.",
    ),
    click.option(
        "--default",
        "defaults",
        multiple=True,
        metavar="FIELD=VALUE",
        help="A value for a field that the file has no column for, such as currency=EUR. "
        "Repeatable.",
    ),
    click.option(
        "--time-unit",
        type=click.Choice(TIME_UNITS),
        help="The timestamp is a number of these units, not a date: epoch-... counts from 1970, the "
        "others from 2020-01-01.",
    ),
    click.option(
        "--format",
        type=click.Choice(FORMATS),
        help="The format of standard input (-), or of a file whose name does not tell it.",
    ),
    encoding_option,
    click.option(
        "--rejects",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="OUT.jsonl",
        help="Write every refused row to this file, with its number and the reason. Card numbers in "
        "it are masked, unless STREAMER_CARD_NUMBERS is allow.",
    ),
)


def reads_payments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one `Reading` named ``reading``."""

    @wraps(command)
    def run(
        intake: str | None,
        maps: tuple[str, ...],
        defaults: tuple[str, ...],
        time_unit: TimeUnit | None,
        format: Format | None,
        encoding: str | None,
        rejects: Path | None,
        **others: Any,
    ) -> Any:
        return command(
            reading=Reading(intake, maps, defaults, time_unit, format, encoding, rejects), **others
        )

    decorated: Callable[..., Any] = run
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
