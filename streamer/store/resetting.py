"""A reset in Redis: planned, shown, then done.

Invariants:
* What is done is planned anew from what is stored at that moment: a worker may have gone on.
* The step happens together with its entries in the lineage, or not at all.
* A namespace in which nobody has read the partition is left alone: its name may be a slip.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from streamer.contract.ledger import Loss
from streamer.errors import ConfigurationError
from streamer.model.model_config import ModelConfig
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.losses import loss_entry
from streamer.store.reset import Reset, ResetRequest, plan_reset
from streamer.store.stored import PartitionRecord, partition_record, rfc3339
from streamer.store.versions import queue_entry, read_heads

__all__ = ["planned", "reset"]


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
    name = f"{request.topic}/{request.partition}"

    async def attempt(pipe: Pipe) -> Reset:
        await identity.verify(pipe, client)
        stored = partition_record(await asked(pipe, "HGETALL", key), key)
        plan = _plan(client, stored, request)
        head = (await read_heads(pipe, client.keys, config)).head

        def queue_losses(losses: tuple[Loss, ...], epoch: int) -> None:
            for loss in losses:
                entry = loss_entry(loss, name, epoch, request.who, now_ms, head.id)
                queue_entry(pipe, client.keys, entry, limits)

        pipe.multi()
        pipe.execute_command("HSET", key, *_fields(plan.after, now_ms, request.is_feedback))
        # A Redis that has lost everything does not list it any more.
        pipe.execute_command("SADD", client.keys.partitions, f"{request.topic}:{request.partition}")
        queue_losses(plan.losses_before, plan.before.log.epoch)
        queue_losses(plan.losses_after, plan.after.log.epoch)
        queue_entry(pipe, client.keys, _entry(plan, request, head.id, now_ms), limits)
        return plan

    return await client.transact([client.keys.identity, key, client.keys.head], attempt)


def _plan(client: Client, stored: PartitionRecord, request: ResetRequest) -> Reset:
    if not stored.generation and stored.offset is None and request.committed is None:
        raise ConfigurationError(
            f"partition must be one that was read in STREAMER_NAMESPACE {client.keys.namespace!r}, or "
            "of which the group STREAMER_CONSUMER_GROUP has committed an offset, got "
            f"{request.topic}/{request.partition}"
        )
    return plan_reset(stored, request)


def _fields(after: PartitionRecord, now_ms: int, is_feedback: bool) -> list[Any]:
    values: dict[str, Any] = {
        "offset": after.offset,
        "generation": after.generation,
        "epoch": after.log.epoch,
        "topic_id": after.log.topic_id,
        "log_end": after.log.end,
        "saved_at_ms": now_ms,
    }
    # The cards that the reserve told of, and the waves, are those of the records as they were.
    counts = asdict(after.ledger) | {"entity_format": after.entity_format}
    counts |= {"told_cards": "", "waves": ""}
    values |= {"shift": after.shift} if is_feedback else counts
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
