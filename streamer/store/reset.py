"""An operator's decision where a partition goes on, and what that loses: planned, shown, then done.

For a log that was truncated or made anew under its name, or to pass over records on purpose.

Invariants:
* The ledger stays balanced: what is passed over is counted as consumed and as lost, with its cause.
* Where an offset may come to mean another record the epoch grows, and with it every alert id.
* The generation grows: a worker that has the partition is fenced and goes on from the new offset.
* The step happens together with its entries in the lineage, or not at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from streamer.errors import ConfigurationError
from streamer.ledger import Ledger, Loss
from streamer.model.config import ModelConfig
from streamer.store.client import Client, Pipe, asked
from streamer.store.identity import Identity
from streamer.store.losses import loss_entry
from streamer.store.records import LogIdentity, PartitionRecord, partition_record, rfc3339
from streamer.store.versions import Limits, queue_entry, read_head

__all__ = ["LogBounds", "Reset", "ResetRequest", "plan_reset", "planned", "reset"]


@dataclass(frozen=True, slots=True)
class LogBounds:
    """A log as the broker has it now: its first offset, the one after its last, and the topic's id.

    ``topic_id`` is empty where the broker has none.
    """

    beginning: int
    end: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """``to`` is ``beginning``, ``end`` or an offset; ``may_repeat`` allows to read records again."""

    topic: str
    partition: int
    to: str
    bounds: LogBounds
    who: str
    reason: str
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does to one partition.

    ``n_repeated`` records have been read before and are read again; ``is_loss_known`` is False where
    nobody knows how many records the old log still had.
    """

    before: PartitionRecord
    after: PartitionRecord
    losses: tuple[Loss, ...]
    n_repeated: int
    is_other_log: bool
    is_loss_known: bool

    @property
    def n_lost(self) -> int:
        return sum(map(len, self.losses))


def plan_reset(stored: PartitionRecord, request: ResetRequest) -> Reset:
    """Return what ``request`` would do to ``stored``; ConfigurationError where it must not."""
    bounds = request.bounds
    target = _target(request)
    known_id = stored.log.topic_id
    is_recreated = bool(known_id and bounds.topic_id and known_id != bounds.topic_id)
    offset = stored.offset
    # A log cannot have lost what was read from it unless it is another one or was cut.
    is_cut = not is_recreated and offset is not None and offset > bounds.end
    is_other_log = is_recreated or is_cut
    losses: list[Loss] = []
    start = bounds.beginning if offset is None else offset
    if is_other_log:
        old_end = stored.log.end
        if old_end is not None and old_end > start:
            losses.append(Loss(start, old_end, "recreated" if is_recreated else "truncated"))
        # Of a cut log nobody knows where the new records begin; of a new one all are new.
        start = bounds.beginning if is_recreated else bounds.end
    if start < min(target, bounds.beginning):
        losses.append(Loss(start, min(target, bounds.beginning), "retention"))
    if max(start, bounds.beginning) < target:
        losses.append(Loss(max(start, bounds.beginning), target, "operator"))
    n_repeated = 0 if is_recreated else max(start - target, 0)
    if n_repeated and not request.may_repeat:
        raise _repeats(request, offset, target, n_repeated, is_cut)
    n_lost = sum(map(len, losses))
    is_backward = is_recreated or (offset is not None and target < offset)
    after = replace(
        stored,
        offset=target,
        generation=stored.generation + 1,
        ledger=stored.ledger + Ledger(consumed=n_lost, lost=n_lost),
        log=LogIdentity(stored.log.epoch + is_backward, bounds.topic_id, bounds.end),
    )
    return Reset(
        stored,
        after,
        tuple(losses),
        n_repeated,
        is_other_log,
        is_loss_known=not is_other_log
        or (stored.log.end is not None and stored.log.end >= (offset or 0)),
    )


async def planned(client: Client, request: ResetRequest) -> Reset:
    """Return what ``request`` would do now."""
    key = client.keys.partition(request.topic, request.partition)
    [stored] = await client.pipelined([("HGETALL", key)], atomic=False)
    return _plan(client, partition_record(stored, key), request)


async def reset(
    client: Client,
    identity: Identity,
    request: ResetRequest,
    config: ModelConfig,
    limits: Limits,
    now_ms: int,
) -> Reset:
    """Do it, planned anew from what is stored at that moment, and return what was done."""
    key = client.keys.partition(request.topic, request.partition)

    async def attempt(pipe: Pipe) -> Reset:
        await identity.verify(pipe, client)
        stored = partition_record(await asked(pipe, "HGETALL", key), key)
        plan = _plan(client, stored, request)
        head = await read_head(pipe, client.keys, config)
        pipe.multi()
        pipe.execute_command("HSET", key, *_fields(plan.after, now_ms))
        for loss in plan.losses:
            name = f"{request.topic}/{request.partition}"
            entry = loss_entry(loss, name, request.who, now_ms, head.id)
            queue_entry(pipe, client.keys, entry, limits)
        queue_entry(pipe, client.keys, _entry(plan, request, head.id, now_ms), limits)
        return plan

    return await client.transact([client.keys.identity, key, client.keys.head], attempt)


def _plan(client: Client, stored: PartitionRecord, request: ResetRequest) -> Reset:
    if not stored.generation:
        raise ConfigurationError(
            f"partition must be one that a worker has claimed in STREAMER_NAMESPACE "
            f"{client.keys.namespace!r}, got {request.topic}/{request.partition}"
        )
    return plan_reset(stored, request)


def _target(request: ResetRequest) -> int:
    bounds = request.bounds
    if request.to in ("beginning", "end"):
        return bounds.beginning if request.to == "beginning" else bounds.end
    is_number = request.to.isascii() and request.to.isdigit()
    if not is_number or not bounds.beginning <= int(request.to) <= bounds.end:
        raise ConfigurationError(
            f"--to must be beginning, end or an offset from {bounds.beginning} to {bounds.end}, which "
            f"{request.topic}/{request.partition} has now, got {request.to}"
        )
    return int(request.to)


def _repeats(
    request: ResetRequest, offset: int | None, target: int, n_repeated: int, is_cut: bool
) -> ConfigurationError:
    what = (
        f"the log was cut below {offset} and ends at {request.bounds.end} now: up to {n_repeated} "
        "records may have been read before"
        if is_cut
        else f"{n_repeated} records of the same log have been read before"
    )
    return ConfigurationError(
        f"--to must be at or after what was read of {request.topic}/{request.partition}, got {target}; "
        f"{what} and would be learned and alerted again; give --again to read them nevertheless"
    )


def _fields(after: PartitionRecord, now_ms: int) -> list[Any]:
    values: dict[str, Any] = {
        "offset": after.offset,
        "generation": after.generation,
        "epoch": after.log.epoch,
        "topic_id": after.log.topic_id,
        "log_end": after.log.end,
        "saved_at_ms": now_ms,
        **asdict(after.ledger),
    }
    return [item for pair in values.items() for item in pair]


def _entry(plan: Reset, request: ResetRequest, version: str, now_ms: int) -> dict[str, str | int]:
    before = plan.before.offset
    return {
        "version": version,
        "reason": "reset",
        "why": request.reason,
        "who": request.who,
        "at": rfc3339(now_ms),
        "partition": f"{request.topic}/{request.partition}",
        "from_offset": "none" if before is None else before,
        "to_offset": plan.after.offset or 0,
        "epoch": plan.after.log.epoch,
        "generation": plan.after.generation,
    }
