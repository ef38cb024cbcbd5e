"""What ``streamer partition`` prints: where partitions stand, and what a reset does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from streamer.display.output import table_console
from streamer.store import LogBounds, Reset, ResetRequest

__all__ = ["print_partitions", "sentences"]


def print_partitions(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows of ``partition show`` as a table, and below it what became of the records."""
    names = ("topic", "partition", "offset", "lag", "epoch", "generation", "age", "owner")
    table = Table(*names, box=None)
    for row in rows:
        age_s = row["checkpoint_age_s"]
        table.add_row(
            row["topic"],
            str(row["partition"]),
            _number(row["offset"]),
            _number(row["lag"]),
            str(row["epoch"]),
            str(row["generation"]),
            "" if age_s is None else f"{age_s:,.0f} s",
            row["owner"],
        )
    console = table_console()
    console.print(table)
    for row in rows:
        if row["ledger"] is None:
            counts = f"{row['n_stored'] or 0:,} verdicts stored"
        else:
            told = {name: n for name, n in row["ledger"].items() if n or name == "imbalance"}
            counts = ", ".join(f"{name} {n:,}" for name, n in told.items())
        console.print(f"{row['topic']}/{row['partition']}: {counts}", soft_wrap=True)


def sentences(plan: Reset, request: ResetRequest, group: str) -> list[str]:
    """Return what a reset does; ``group`` is the consumer group."""
    before, after = plan.before, plan.after
    name = f"{request.topic}/{request.partition}"
    records = "verdicts" if request.is_feedback else "records"
    lines = [*_where_it_is(plan, name, group), f"Its log {_described(request.bounds)}."]
    if plan.is_other_log:
        lines.append("That log is not the one that was read: it was made anew or cut.")
    lines.append(
        f"It goes on at {after.offset}; its epoch goes from {before.log.epoch} to {after.log.epoch}."
    )
    lines += [
        f"{len(loss):,} {records} are declared lost ({loss.cause}): {loss.first_offset} to "
        f"{loss.next_offset - 1}."
        for loss in plan.losses
    ]
    lines += _how_much_is_lost(plan, records)
    if plan.n_repeated:
        again = (
            "stored again; one that still stands is learned no second time"
            if request.is_feedback
            else "read, learned and alerted again"
        )
        lines.append(f"Up to {plan.n_repeated:,} {records} are {again}.")
    if before.owner:
        lines.append(
            f"{before.owner} had it last; where it still reads it, it ends and starts anew."
        )
    return lines


def _where_it_is(plan: Reset, name: str, group: str) -> list[str]:
    offset, epoch = plan.before.offset, plan.before.log.epoch
    if plan.is_store_behind:
        return [
            f"Redis does not hold where {name} was left; the group {group} has committed {offset} "
            f"in epoch {epoch}."
        ]
    if offset is None:
        return [f"{name} has never been read."]
    return [f"{name} has been read up to {offset}."]


def _described(bounds: LogBounds) -> str:
    if bounds.beginning == bounds.end:
        return f"is empty now; its next offset is {bounds.end}"
    return f"holds the offsets {bounds.beginning} to {bounds.end - 1} now"


def _how_much_is_lost(plan: Reset, records: str) -> list[str]:
    if not plan.is_loss_known:
        return [
            f"The loss is at least {plan.n_lost:,} {records}: nobody knows what else there was."
        ]
    if plan.is_other_log:
        return [
            f"The old log was last seen to end at {plan.before.log.end}; {records} that came after "
            "that are lost and not counted."
        ]
    return [] if plan.losses else ["No record is passed over."]


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
