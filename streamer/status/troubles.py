"""What is wrong with a service, in words, worst first, each with the page that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamer.durations import DAY_S
from streamer.status.answers import answers
from streamer.status.facts import ModelStatus, PartitionStatus, Status

__all__ = ["Trouble", "troubles_of"]

_RUNBOOK: Final = "ops/runbooks/recovery.md"
_RETENTION: Final = "docs/retention.md#topics"
# A checkpoint is due every few seconds; a rebalance or a slow Redis takes some more.
_CHECKPOINT_LATE_S: Final = 30.0
# A loss is for somebody to read, not for ever.
_LOSS_NEWS_S: Final = DAY_S
_LOSSES: Final = (
    ("retention", "retention-overtook-the-worker"),
    ("recreated", "topic-deleted-and-made-again"),
    ("truncated", "log-shorter-than-the-checkpoint"),
    ("store", "redis-came-back-empty"),
)
# What the design promises over any 50,000 payments is 15%; this is looked at after fewer.
_BUDGET_BAND: Final = 0.5
_BUDGET_KNOWN_AFTER: Final = 50_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, and the page and heading that say what to do about it."""

    what: str
    runbook: str


def troubles_of(status: Status) -> list[Trouble]:
    """Return what is wrong, worst first; nothing for a service that does its work."""
    return [
        *_servers(status),
        *_workers(status),
        *(_trouble(what, heading) for what, heading in answers(status.endpoints)),
        *(trouble for each in status.partitions for trouble in _partition(each, status)),
        *_losses(status),
        *(Trouble(sentence, _RETENTION) for sentence in status.kept_otherwise),
        *(_model(status.model) if status.model is not None else ()),
    ]


def _servers(status: Status) -> Iterator[Trouble]:
    if status.redis_error is not None:
        yield _trouble(f"Redis does not answer: {status.redis_error}", "redis-away-hung-or-slow")
    if status.kafka_error is not None:
        yield _trouble(f"Kafka does not answer: {status.kafka_error}", "kafka-away")


def _workers(status: Status) -> Iterator[Trouble]:
    if status.redis_error is not None:
        return
    if not any(worker.is_alive for worker in status.workers):
        yield _trouble("no worker is alive", "worker-killed-frozen-out-of-memory")
        return
    if status.n_partitions is None:
        return
    known = {each.partition for each in status.partitions}
    if missing := sorted(set(range(status.n_partitions)) - known):
        yield _trouble(
            f"partition {missing[0]} of {status.topic} has never been claimed"
            if len(missing) == 1
            else f"partitions {_numbers(missing)} of {status.topic} have never been claimed",
            "partitions-added",
        )


def _partition(each: PartitionStatus, status: Status) -> Iterator[Trouble]:
    name = f"partition {each.partition}"
    if each.imbalance:
        yield _trouble(f"{name} has a ledger that is out by {each.imbalance:,}", "first-always")
    if each.offset is not None and each.end is not None and each.offset > each.end:
        yield _trouble(
            f"{name} was read up to {each.offset:,}, its log ends at {each.end:,}",
            "log-shorter-than-the-checkpoint",
        )
        return
    if each.offset is not None and each.beginning is not None and each.offset < each.beginning:
        yield _trouble(
            f"{name} was read up to {each.offset:,}, its log begins at {each.beginning:,}",
            "retention-overtook-the-worker",
        )
    if not each.lag:
        return
    alive = {worker.name for worker in status.workers if worker.is_alive}
    if alive and each.owner not in alive:
        yield _trouble(
            f"{name} has {each.lag:,} records waiting and no worker that is alive"
            + (f"; {each.owner} had it" if each.owner else ""),
            "worker-killed-frozen-out-of-memory",
        )
    elif each.checkpoint_age_s is not None and each.checkpoint_age_s > _CHECKPOINT_LATE_S:
        yield _trouble(
            f"{name} has {each.lag:,} records waiting and no checkpoint for "
            f"{each.checkpoint_age_s:,.0f} s",
            "first-always",
        )


def _losses(status: Status) -> Iterator[Trouble]:
    for change in status.changes:
        if change.reason == "loss" and change.age_s < _LOSS_NEWS_S:
            causes = [heading for cause, heading in _LOSSES if f"cause {cause}" in change.details]
            heading = (*causes, "first-always")[0]
            yield _trouble(f"records were lost at {change.at}: {change.details}", heading)


def _model(model: ModelStatus) -> Iterator[Trouble]:
    for sentence in model.moved:
        yield _trouble(f"drift: {sentence}", "first-always")
    if model.is_warming or model.transactions_seen < _BUDGET_KNOWN_AFTER:
        return
    requested, achieved = model.budget_requested, model.budget_achieved
    if model.per_hour_requested is not None:
        if model.per_hour_achieved is None:
            return
        requested, achieved = model.per_hour_requested, model.per_hour_achieved
    if achieved > requested * (1 + _BUDGET_BAND):
        yield _trouble(
            f"alerts are {achieved / requested:.1f} times what was agreed", "the-fuse-blew"
        )


def _numbers(partitions: list[int]) -> str:
    shown = ", ".join(map(str, partitions[:8]))
    return shown + (f" and {len(partitions) - 8} more" if len(partitions) > 8 else "")


def _trouble(what: str, heading: str) -> Trouble:
    return Trouble(what, f"{_RUNBOOK}#{heading}")
