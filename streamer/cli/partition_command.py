"""``streamer partition``: how far each partition has come, and setting one to another place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from streamer.cli.operator import audited, now_ms, who, with_store
from streamer.cli.options import as_json, without_number
from streamer.display.output import print_json, readable_errors
from streamer.display.partition_display import print_partitions, sentences
from streamer.errors import ConfigurationError, StreamerError
from streamer.settings import Settings, load_settings
from streamer.store import LogBounds, PartitionRecord, ResetRequest

__all__ = ["partition"]


@click.group()
def partition() -> None:
    """Look after the partitions whose state is in Redis.

    Which Redis and which part of it: STREAMER_REDIS_URL and STREAMER_NAMESPACE.
    """


@partition.command()
@click.option(
    "--topic",
    help="Only this topic.  [default: STREAMER_TRANSACTIONS_TOPIC and STREAMER_FEEDBACK_TOPIC]",
)
@as_json
@readable_errors
def show(topic: str | None, as_json: bool) -> None:
    """Show offset, lag, owner and ledger of every partition.

    An imbalance other than 0 is a defect. The lag is empty when Kafka does not answer. Partitions of
    the feedback topic have no owner and no ledger; they show how many verdicts were ever stored.

    \b
    streamer partition show --topic fraud-feedback
    """
    settings = load_settings()
    records = with_store(lambda store: store.partitions(), settings)
    known = {name: record for name, record in records.items() if topic in (None, name[0])}
    bounds = _bounds(settings, known)
    rows = [_row(settings, *name, record, bounds.get(name)) for name, record in known.items()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        raise ConfigurationError(
            f"STREAMER_NAMESPACE must be one in which partitions were read, got {settings.namespace!r}"
            if topic is None
            else f"--topic must be one whose partitions were read in STREAMER_NAMESPACE "
            f"{settings.namespace!r}, got {topic}; one of verdicts has none before the first"
        )
    print_partitions(rows)


@partition.command()
@click.argument("number", type=click.IntRange(min=0), metavar="PARTITION")
@click.option("--to", required=True, metavar="beginning|end|OFFSET", help="Where to go on reading.")
@click.option(
    "--topic", help="The partition's topic.  [default: that of STREAMER_TRANSACTIONS_TOPIC]"
)
@click.option("--reason", required=True, callback=without_number, help="Why, for the lineage.")
@click.option("--who", "who_acts", help="Who decided it, for the lineage.  [default: user@host]")
@click.option("--again", is_flag=True, help="Allow records to be read, learned and alerted again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@readable_errors
def reset(
    number: int,
    to: str,
    topic: str | None,
    reason: str,
    who_acts: str | None,
    again: bool,
    yes: bool,
) -> None:
    """Go on reading PARTITION from another offset.

    For when its log was truncated or recreated, or a part of it is to be skipped. What is skipped is
    declared lost, in the lineage and in the ledger. A worker that has the partition ends, and goes on
    from the new offset when its supervisor starts it again; for a partition of the feedback topic it
    goes on by itself. Where Redis has lost its data, the consumer group's offset in Kafka tells how
    far the partition had come.

    \b
    streamer partition reset 3 --to beginning --reason "topic recreated"
    """
    if not reason.strip():
        raise ConfigurationError("--reason must say why, got nothing")
    settings = load_settings()
    topic = topic or settings.transactions_topic
    request = _request(settings, topic, number, to, who_acts or who(), reason, again)

    plan = with_store(lambda store: store.planned_reset(request), settings)
    for line in sentences(plan, request, settings.consumer_group):
        click.echo(line)
    if not yes:
        click.confirm("Do it?", abort=True)
    details = {"to": to, "why": reason, "who": request.who}
    with audited(settings, "reset partition", ("partition", f"{topic}/{number}"), details):
        done = with_store(lambda store: store.reset(request, now_ms()), settings)
    click.echo(
        f"{topic}/{number} goes on at {done.after.offset} in epoch {done.after.log.epoch}, "
        f"{done.n_lost:,} {'verdicts' if request.is_feedback else 'records'} declared lost",
        err=True,
    )


def _request(
    settings: Settings, topic: str, number: int, to: str, who_acts: str, reason: str, again: bool
) -> ResetRequest:
    from streamer.stream.kafka.partition_log import group_committed, log_bounds

    if topic not in (settings.transactions_topic, settings.feedback_topic):
        raise ConfigurationError(
            f"--topic must be {settings.transactions_topic} or {settings.feedback_topic}, which are "
            f"read, got {topic}"
        )
    stored = with_store(lambda store: store.partition(topic, number), settings)
    committed = group_committed(settings, topic, number)
    wanted = committed.offset if stored.offset is None and committed is not None else stored.offset
    bounds = log_bounds(settings, topic, number, wanted)
    is_feedback = topic == settings.feedback_topic
    return ResetRequest(
        topic, number, to, bounds, who_acts, reason, again, committed, is_feedback, stored
    )


def _row(
    settings: Settings,
    topic: str,
    number: int,
    record: PartitionRecord,
    bounds: LogBounds | None,
) -> dict[str, Any]:
    ledger = {**asdict(record.ledger), "imbalance": record.ledger.imbalance}
    age_s = None if record.saved_at_ms is None else (now_ms() - record.saved_at_ms) / 1000
    return {
        "topic": topic,
        "partition": number,
        "offset": record.offset,
        "lag": None if bounds is None or record.offset is None else bounds.end - record.offset,
        "epoch": record.log.epoch,
        "owner": record.owner,
        "generation": record.generation,
        "checkpoint_age_s": age_s,
        "ledger": None if topic == settings.feedback_topic else ledger,
        "n_stored": record.n_stored,
        "log": {
            "topic_id": record.log.topic_id,
            "end": record.log.end,
            "now": None if bounds is None else asdict(bounds),
        },
    }


def _bounds(
    settings: Settings, known: Mapping[tuple[str, int], PartitionRecord]
) -> dict[tuple[str, int], LogBounds]:
    """Return the logs as Kafka has them, as far as it answers: all else is known without it."""
    from streamer.stream.kafka.partition_log import log_bounds

    found: dict[tuple[str, int], LogBounds] = {}
    for name, record in known.items():
        try:
            found[name] = log_bounds(settings, *name, record.offset)
        except ConfigurationError as error:
            click.echo(f"streamer: no lag: {error}", err=True)
        except StreamerError as error:
            click.echo(f"streamer: no lag: {error}", err=True)
            break
    return found
