"""``streamer intake``: what a producer's messages, or a file's rows, would be read as."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator

import click
import orjson

from streamer.cli.options import encoding_option
from streamer.datafiles.file_sample import ROW, Sample, Tried
from streamer.display.intake_display import described, print_reading
from streamer.display.output import EXIT_FAILED, readable_errors
from streamer.errors import NothingToScoreError
from streamer.intake import Intake, outcome_of, preset_names, preset_text
from streamer.intake.by_name import load_declaration
from streamer.intake.judged_cards import judged
from streamer.intake.judged_times import timely
from streamer.intake.presets import preset_content
from streamer.intake.schemas import schemas_of_file
from streamer.intake.suggest import MAX_SAMPLE, suggest

__all__ = ["intake"]

_SHOWN_OF_TOPIC = 100


@click.group()
def intake() -> None:
    """Check how messages are read, and draft a declaration.

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
    help="The declaration. [default: with --topic STREAMER_INTAKE, else the one that needs no "
    "declaration]",
)
@encoding_option
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Read only the first N messages."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message instead.")
@readable_errors
def try_(
    file: str | None,
    topic: str | None,
    name: str | None,
    encoding: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print what every message of FILE becomes.

    A payment, a refund, skipped or a dead letter.

    FILE holds JSON, CSV, Parquet or hexadecimal messages, also compressed, or is a directory of
    such files; - is standard input. Messages are judged as a topic's are that arrive now, rows as
    by the file commands. How many of each there were comes last, on standard error. Exit code 0
    when at least one message is no dead letter, or the topic is empty; else 1.
    """
    from streamer.settings import load_settings
    from streamer.starting.card_keys_in_use import card_rule_of
    from streamer.starting.wiring import believable_times

    _require_one(file, topic, encoding)
    reader = _reader_of(name) if topic is None else _reader_of_topic(name)
    settings = load_settings()
    cards, believable, now_ms = card_rule_of(settings), believable_times(settings), _now_ms()
    outcomes: Counter[str] = Counter()
    for position, found in _tried(reader, file, topic, encoding, limit):
        reading = judged(found, cards, reader.card_path)
        if not position.startswith(ROW):
            reading = timely(reading, believable, now_ms)
        outcomes[outcome_of(reading)] += 1
        if as_json:
            line = orjson.dumps({"message": position, **described(reading)})
            sys.stdout.write(line.decode() + "\n")
        else:
            print_reading(position, reading)
    n, n_refused = outcomes.total(), outcomes["dead_letter"]
    if n:
        told = ", ".join(f"{k:,} {name.replace('_', ' ')}" for name, k in outcomes.most_common())
        click.echo(f"{n:,} read: {told}", err=True)
    if not n and topic is not None:
        click.echo("no message and no row was found", err=True)
    elif not n:
        raise NothingToScoreError(f"{file} must hold payments, got no message and no row")
    elif n == n_refused:
        raise SystemExit(EXIT_FAILED)


@intake.command("suggest")
@_file
@_topic
@encoding_option
@readable_errors
def suggest_(file: str | None, topic: str | None, encoding: str | None) -> None:
    """Print a draft of the declaration for a sample, as TOML.

    What is uncertain is in comments.
    """
    _require_one(file, topic, encoding)
    if topic is not None:
        values = [value for value, _ in _from_topic(topic, MAX_SAMPLE)]
        click.echo(suggest(values, _reader_of_topic(None).schemas), nl=False)
        return
    sample = Sample.of(str(file), encoding)
    suggested = sample.suggestion()
    click.echo("".join(f"# {note}.\n" for note in sample.notes) + suggested, nl=False)


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


def _require_one(file: str | None, topic: str | None, encoding: str | None) -> None:
    if (file is None) == (topic is None):
        raise click.UsageError("give either FILE or --topic NAME")
    if topic is not None and encoding is not None:
        raise click.UsageError("--encoding is for FILE; messages of a topic are UTF-8")


def _tried(
    reader: Intake,
    file: str | None,
    topic: str | None,
    encoding: str | None,
    limit: int | None,
) -> Iterator[Tried]:
    now_ms = _now_ms()
    if topic is not None:
        for value, position in _from_topic(topic, limit or _SHOWN_OF_TOPIC):
            for reading in reader.read(value, position=position, arrived_ms=now_ms):
                yield position, reading
        return
    sample = Sample.of(str(file), encoding)
    yield from sample.readings(reader.declaration, reader.schemas, now_ms, limit)
    for note in sample.notes:
        click.echo(f"note: {note}", err=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _reader_of(name: str | None) -> Intake:
    declaration = load_declaration(name)
    source = declaration.schema
    schemas = schemas_of_file(source) if source is not None and source.file else None
    return Intake(declaration, schemas)


def _reader_of_topic(name: str | None) -> Intake:
    """Return what a worker with these settings would read by, with its registry."""
    from streamer.settings import load_settings
    from streamer.stream.kafka.known_schemas import intake_that_asks

    settings = load_settings()
    return intake_that_asks(load_declaration(name or settings.intake), settings)


def _from_topic(topic: str, limit: int) -> Iterator[tuple[bytes, str]]:
    from streamer.settings import load_settings
    from streamer.stream.kafka.kafka_config import librdkafka_config
    from streamer.stream.kafka.sample import last_messages

    yield from last_messages(librdkafka_config(load_settings()), topic, limit)
