"""``streamer intake``: what a producer's messages, or a file's rows, would be read as."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from streamer.cli.intake_display import described, print_reading
from streamer.cli.output import EXIT_FAILED, readable_errors
from streamer.errors import ConfigurationError
from streamer.intake import Intake, Reading, Refused, preset_names, preset_text
from streamer.intake.loading import load_declaration
from streamer.intake.presets import preset_content
from streamer.intake.samples import Sampled, sample_of
from streamer.intake.schemas import schemas_of_file
from streamer.intake.suggest import MAX_SAMPLE, suggest

__all__ = ["intake"]

_SHOWN_OF_TOPIC = 100


@click.group()
def intake() -> None:
    """Look at what messages or rows are read as, and find the lines that declare them.

    \b
    streamer intake try payments.jsonl
    streamer intake suggest payments.jsonl > intake.toml
    streamer intake try payments.jsonl --intake intake.toml
    """


_file = click.argument("file", required=False, metavar="[FILE]")
_topic = click.option("--topic", metavar="NAME", help="Read the last messages of a Kafka topic.")


@intake.command("try")
@_file
@_topic
@click.option(
    "--intake",
    "name",
    metavar="PRESET|FILE.toml",
    help="The declaration. [default: STREAMER_INTAKE with --topic, else what needs no setting]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Look at the first N only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a message instead.")
@readable_errors
def try_(
    file: str | None, topic: str | None, name: str | None, limit: int | None, as_json: bool
) -> None:
    """Print what becomes of every message of FILE: payment, refund, skipped or dead letter.

    FILE holds JSON, CSV, Parquet or hexadecimal messages; - is standard input. Exit code 0 when at
    least one message is no dead letter, or there is none; else 1.
    """
    reader = _reader_of(name) if topic is None else _reader_of_topic(name)
    n, n_refused = 0, 0
    for sampled in _sample(file, topic, limit, _SHOWN_OF_TOPIC):
        for reading in _readings(reader, sampled):
            n += 1
            n_refused += isinstance(reading, Refused)
            if as_json:
                line = orjson.dumps({"message": sampled.position, **described(reading)})
                sys.stdout.write(line.decode() + "\n")
            else:
                print_reading(sampled.position, reading)
    if not n:
        click.echo("no message and no row was found", err=True)
    elif n == n_refused:
        raise SystemExit(EXIT_FAILED)


@intake.command("suggest")
@_file
@_topic
@readable_errors
def suggest_(file: str | None, topic: str | None) -> None:
    """Print the declaration that a sample calls for, as TOML; what is not sure is in comments."""
    sample = _sample(file, topic, MAX_SAMPLE, MAX_SAMPLE)
    schemas = None if topic is None else _reader_of_topic(None).schemas
    values = [s.value for s in sample if not isinstance(s.value, Refused)]
    click.echo(suggest(values, schemas), nl=False)


@intake.command()
def presets() -> None:
    """List the declarations that come with the package."""
    for name in preset_names():
        click.echo(f"{name:<12}{preset_content(name)['about']}")


@intake.command()
@click.argument("preset")
@readable_errors
def show(preset: str) -> None:
    """Print the lines of PRESET, to start from."""
    click.echo(preset_text(preset), nl=False)


def _sample(
    file: str | None, topic: str | None, limit: int | None, topic_limit: int
) -> list[Sampled]:
    if (file is None) == (topic is None):
        raise click.UsageError("give either FILE or --topic NAME")
    if topic is not None:
        return list(_from_topic(topic, limit or topic_limit))
    assert file is not None  # noqa: S101 - one of the two is given
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"file must be readable, got {file}: {error.strerror}") from None
    return sample_of(content, "standard input" if file == "-" else Path(file).name, limit)


def _reader_of(name: str | None) -> Intake:
    declaration = load_declaration(name)
    source = declaration.schema
    schemas = schemas_of_file(source) if source is not None and source.file else None
    return Intake(declaration, schemas)


def _reader_of_topic(name: str | None) -> Intake:
    """Return what a worker with these settings would read by, with its registry."""
    from streamer.settings import load_settings
    from streamer.stream.known_schemas import intake_that_asks

    settings = load_settings()
    return intake_that_asks(load_declaration(name or settings.intake), settings)


def _from_topic(topic: str, limit: int) -> Iterator[Sampled]:
    from streamer.settings import load_settings
    from streamer.stream.kafka_config import librdkafka_config
    from streamer.stream.sample import last_messages

    for value, position in last_messages(librdkafka_config(load_settings()), topic, limit):
        yield Sampled(value, position)


def _readings(reader: Intake, sampled: Sampled) -> Any:
    value, position = sampled
    if isinstance(value, Refused):
        return (value,)
    now_ms = time.time_ns() // 1_000_000
    if isinstance(value, bytes):
        return reader.read(value, position=position, arrived_ms=now_ms)
    readings: tuple[Reading, ...] = (reader.read_row(value, position=position, arrived_ms=now_ms),)
    return readings
