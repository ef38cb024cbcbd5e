"""``streamer partition``: how far each partition has come, and setting one to another place."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from streamer.cli.operator import now_ms, who, with_store
from streamer.cli.options import as_json
from streamer.cli.output import print_json, readable_errors
from streamer.errors import ConfigurationError, StreamerError
from streamer.settings import Settings, load_settings
from streamer.store import LogBounds, PartitionRecord, Reset, ResetRequest

__all__ = ["partition"]


# A person waits.
_PATIENCE_S: Final = 5.0


@click.group()
def partition() -> None:
    """Look after the partitions whose state is in Redis (STREAMER_REDIS_URL, STREAMER_NAMESPACE)."""


@partition.command()
@click.argument("topic", required=False)
@as_json
@readable_errors
def show(topic: str | None, as_json: bool) -> None:
    """Show offset, owner, ledger and lag of every partition of TOPIC (STREAMER_TRANSACTIONS_TOPIC).

    An imbalance other than 0 is a defect. The lag is empty where Kafka does not answer.
    """
    settings = load_settings()
    topic = topic or settings.transactions_topic
    records = with_store(lambda store: store.partitions(), settings)
    known = {number: record for (name, number), record in records.items() if name == topic}
    bounds = _bounds(settings, topic, list(known))
    rows = [_row(topic, number, record, bounds.get(number)) for number, record in known.items()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        raise ConfigurationError(
            f"TOPIC must be one whose partitions were claimed in STREAMER_NAMESPACE "
            f"{settings.namespace!r}, got {topic}"
        )
    _print(rows)


@partition.command()
@click.argument("number", type=click.IntRange(min=0), metavar="PARTITION")
@click.option("--to", required=True, metavar="beginning|end|OFFSET", help="Where to go on reading.")
@click.option("--topic", help="Its topic.  [default: STREAMER_TRANSACTIONS_TOPIC]")
@click.option("--reason", required=True, help="Why, for the lineage.")
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
    """Set PARTITION to another offset: its log was truncated or made anew, or is to be passed over.

    `streamer partition reset 3 --to beginning --reason 'topic recreated'`. What is passed over is
    counted as lost in the ledger. A worker that has the partition ends, and goes on from the new
    offset when its supervisor starts it again.
    """
    from streamer.stream.log_bounds import log_bounds

    if not reason.strip():
        raise ConfigurationError("--reason must say why, got nothing")
    settings = load_settings()
    topic = topic or settings.transactions_topic
    bounds = log_bounds(settings, topic, number)
    request = ResetRequest(topic, number, to, bounds, who_acts or who(), reason, again)

    plan = with_store(lambda store: store.planned_reset(request), settings)
    for line in _sentences(plan, request):
        click.echo(line)
    if not yes:
        click.confirm("Do it?", abort=True)
    done = with_store(lambda store: store.reset(request, now_ms()), settings)
    click.echo(
        f"{topic}/{number} goes on at {done.after.offset} in epoch {done.after.log.epoch}, "
        f"{done.n_lost:,} records declared lost",
        err=True,
    )


def _sentences(plan: Reset, request: ResetRequest) -> list[str]:
    """Return what a reset does, one thing a line."""
    before, bounds = plan.before, request.bounds
    name = f"{request.topic}/{request.partition}"
    lines = [
        f"{name} has been read up to {before.offset}; its log now holds {bounds.beginning} "
        f"to {bounds.end}.",
        f"It goes on at {plan.after.offset}; its epoch goes from {before.log.epoch} to "
        f"{plan.after.log.epoch}.",
    ]
    if plan.is_other_log:
        lines.append("The log is not the one that was read: it was made anew or cut.")
    lines += [
        f"{len(loss):,} records are declared lost ({loss.cause}): {loss.first_offset} to "
        f"{loss.next_offset - 1}."
        for loss in plan.losses
    ]
    if not plan.is_loss_known:
        lines.append(
            f"The loss is at least {plan.n_lost:,}: nobody knows how far the old log reached."
        )
    elif not plan.losses:
        lines.append("No record is passed over.")
    if plan.n_repeated:
        lines.append(f"Up to {plan.n_repeated:,} records are read, learned and alerted again.")
    if before.owner:
        lines.append(f"{before.owner} had it last; where it still runs, it ends and starts anew.")
    return lines


def _row(
    topic: str, number: int, record: PartitionRecord, bounds: LogBounds | None
) -> dict[str, Any]:
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
        "ledger": {**asdict(record.ledger), "imbalance": record.ledger.imbalance},
        "log": {
            "topic_id": record.log.topic_id,
            "end": record.log.end,
            "now": None if bounds is None else asdict(bounds),
        },
    }


def _bounds(settings: Settings, topic: str, numbers: list[int]) -> dict[int, LogBounds]:
    """Return the logs as Kafka has them, as far as it answers: all else is known without it."""
    from streamer.stream.log_bounds import log_bounds

    found: dict[int, LogBounds] = {}
    for number in numbers:
        try:
            found[number] = log_bounds(settings, topic, number, timeout_s=_PATIENCE_S)
        except StreamerError as error:
            click.echo(f"streamer: no lag: {error}", err=True)
            break
    return found


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table("partition", "offset", "lag", "epoch", "generation", "age", "owner", box=None)
    for row in rows:
        age_s = row["checkpoint_age_s"]
        lag = row["lag"]
        table.add_row(
            str(row["partition"]),
            "" if row["offset"] is None else f"{row['offset']:,}",
            "" if lag is None else f"{lag:,}",
            str(row["epoch"]),
            str(row["generation"]),
            "" if age_s is None else f"{age_s:,.0f} s",
            row["owner"],
        )
    console = Console(highlight=False)
    console.print(table)
    for row in rows:
        told = {name: n for name, n in row["ledger"].items() if n or name == "imbalance"}
        counts = ", ".join(f"{name} {n:,}" for name, n in told.items())
        console.print(f"partition {row['partition']}: {counts}", soft_wrap=True)
