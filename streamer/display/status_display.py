"""The status as a person reads it: what is wrong first, then the service from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streamer.status import Status, Trouble
from streamer.status.facts import ModelStatus

__all__ = ["rendered"]

_RANKINGS: Final = {
    "distance": "distance",
    "log_odds": "log-odds",
    "expected_loss": "expected loss",
}


def rendered(status: Status, troubles: Sequence[Trouble]) -> RenderableType:
    """Return the whole page."""
    return Group(*_parts(status, troubles))


def _parts(status: Status, troubles: Sequence[Trouble]) -> Iterator[RenderableType]:
    title = f"{status.namespace}: {status.topic} at {status.at}"
    yield Text(title, style="bold")
    yield from _troubles(troubles)
    if status.redis_error is None:
        yield Text()
        yield _workers(status)
        yield Text()
        yield _partitions(status)
    if status.model is not None:
        yield Text()
        yield from map(Text, _model(status.model))
    if status.policy:
        yield Text(f"policy {status.policy} is in force{_followers(status)}")
    for each in status.endpoints:
        yield Text(f"{each.url}: {'ready' if each.is_ready else 'not ready'}")
    if status.changes:
        yield Text()
        yield Text("changes", style="bold")
        for change in status.changes:
            yield Text(f"{change.at}  {change.reason}  {change.details}  by {change.who}")


def _troubles(troubles: Sequence[Trouble]) -> Iterator[RenderableType]:
    if not troubles:
        yield Text("nothing is wrong", style="green")
    for each in troubles:
        yield Text(f"wrong: {each.what}", style="red")
        yield Text(f"       {each.runbook}", style="dim")


def _workers(status: Status) -> RenderableType:
    table = Table("worker", "partitions", "last seen", "policy", box=None, pad_edge=False)
    for worker in status.workers:
        held = [str(each.partition) for each in status.partitions if each.owner == worker.name]
        seen = f"{_past(worker.seen_s)} s ago"
        seen += "" if worker.is_alive else ", dead"
        table.add_row(worker.name, ", ".join(held) or "none", seen, worker.policy)
    return table


def _followers(status: Status) -> str:
    alive = [worker for worker in status.workers if worker.is_alive]
    n_behind = sum(worker.policy != status.policy for worker in alive)
    return f", which {n_behind} of {len(alive)} workers have not taken up yet" if n_behind else ""


def _partitions(status: Status) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for name in (
        "partition",
        "offset",
        "lag",
        "checkpoint",
        "scored",
        "alerted",
        "dead letters",
        "lost",
    ):
        table.add_column(name, justify="right")
    table.add_column("owner")
    for each in status.partitions:
        age = each.checkpoint_age_s
        table.add_row(
            str(each.partition),
            _count(each.offset),
            _count(each.lag),
            "" if age is None else f"{_past(age)} s ago",
            _count(each.scored),
            _count(each.alerted),
            _count(each.dead_lettered),
            _count(each.lost),
            each.owner,
        )
    return table


def _model(model: ModelStatus) -> Iterator[str]:
    age = "" if model.age_s is None else f", {_past(model.age_s)} s old"
    state = (
        f"warming: nothing alerts before {model.warmup:,}"
        if model.is_warming
        else f"ranks by {_RANKINGS[model.ranked_by]}"
    )
    yield f"model {model.version[:12]}{age}: {model.transactions_seen:,} payments seen, {state}"
    yield (
        f"alerts {model.budget_achieved:.3%} of recent payments, {model.budget_requested:.3%} wanted"
        + _per_hour(model)
    )
    moved = f"{len(model.moved)} features have moved" if model.moved else "no feature has moved"
    told = {
        "none": "drift: no reference yet",
        "provisional": "drift: the reference has not settled",
        "settled": f"drift: {moved}",
    }
    yield told[model.drift_reference]


def _per_hour(model: ModelStatus) -> str:
    if model.per_hour_requested is None:
        return ""
    achieved = "unknown" if model.per_hour_achieved is None else f"{model.per_hour_achieved:,.1f}"
    return f"; {achieved} an hour, {model.per_hour_requested:,.1f} wanted"


def _past(seconds: float) -> str:
    """Return how long ago something was; another machine's clock may be a little ahead."""
    return f"{max(seconds, 0.0):,.0f}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
