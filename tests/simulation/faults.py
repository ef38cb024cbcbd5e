"""What each kind of fault does to a world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from faust.types import TP

from tests.simulation.accounts import Books
from tests.simulation.scenario import Fault
from tests.simulation.simulated_redis import copied

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["inflict"]

_BROKEN_SHARE: Final = 0.3


def inflict(world: World, fault: Fault) -> None:
    """Have a fault strike."""
    if world.is_healed:
        return
    worker = world.workers[fault.target % len(world.workers)] if world.workers else None
    partition = fault.target % world.scenario.n_partitions
    tp = list(world.logs)[fault.target % len(world.logs)]
    world.note(f"fault: {fault.kind}, {fault.target}, {fault.for_s:.1f} s")
    later = world.loop.in_world
    match fault.kind:
        case "kill" if worker is not None:
            world.kill(worker)
        case "kill at checkpoint":
            world.kill_at_checkpoint = world.checker.n_checkpoints + 1 + fault.target
        case "burst":
            world.grow(tp, world.n_at_first)
        case "freeze" if worker is not None:
            world.freeze(worker, fault.for_s)
        case "stop" if worker is not None:
            worker.stop()
        case "rebalance":
            world.group.rebalance()
        case "redis away":
            world.redis.is_away = True
            later(fault.for_s, world.redis.recover)
        case "redis away at claim":
            world.away_at_claim_s = fault.for_s
        case "redis hangs":
            world.redis.hang()
            later(fault.for_s, world.redis.recover)
        case "redis breaks connections":
            world.redis.broken_share = _BROKEN_SHARE
            later(fault.for_s, setattr, world.redis, "broken_share", 0.0)
        case "redis emptied":
            _replace_store(world, {}, Books.empty(world.scenario.n_partitions))
        case "redis restored" if world.snapshots:
            _replace_store(world, *world.snapshots[fault.target % len(world.snapshots)])
        case "cut off" | "isolated" if worker is not None:
            world.cut_off(worker, fault)
        case "broker away":
            world.broker.is_away = True
            later(fault.for_s, world.broker_returns)
        case "delivered again" if worker is not None:
            worker.rewind(partition, fault.target + 1)
        case "retention":
            _expire(world, tp)
        case "recreated":
            _recreate(world, tp.topic)
        case "truncated":
            _cut(world, tp)
        case "passed over":
            world.operator.pass_over(tp)
        case "canary":
            world.operator.begin_canary(fault.target, fault.for_s)
        case "canary ended":
            world.operator.end_canary()
        case "flood":
            world.is_flooded = True
            later(fault.for_s, setattr, world, "is_flooded", False)
        case "clock jumps" if worker is not None:
            worker.clock_error_ms += round((fault.for_s - 5.0) * 1000)


def _expire(world: World, tp: TP) -> None:
    """Let the log of a partition begin later."""
    log = world.logs[tp]
    log.expire(world.rng.randint(log.start, log.end))
    world.look()
    world.note(f"log of {tp.topic}/{tp.partition} begins at {log.start}")


def _recreate(world: World, topic: str) -> None:
    """Make a topic again, if nobody has read of it for its predecessor: what is now there is asked for,
    and not what was in between."""
    for tp, log in world.logs.items():
        readers = [worker.reading_former(tp) for worker in world.workers]
        if tp.topic == topic and log.read_to and any(place is not None for place in readers):
            world.note(f"topic {topic} stays: it is still read as the one before")
            return
    world.recreate(topic)


def _cut(world: World, tp: TP) -> None:
    """Let the log of a partition end earlier: below the checkpoint, or where nobody has read.

    Between the two an alert may be out on a record that is now another one; nothing in Kafka tells
    them apart, and nothing here asks for it.
    """
    log = world.logs[tp]
    stored = world.checker.stored(tp).offset or 0
    ends = [*range(log.start, min(stored, log.end)), *range(max(log.read_to, log.start), log.end)]
    if ends:
        log.cut(world.rng.choice(ends))
        world.look()
        world.note(f"log of {tp.topic}/{tp.partition} ends at {log.end}")


def _replace_store(world: World, data: dict[str, Any], books: Books) -> None:
    """Let Redis come back with something else.

    Not while it alone knows of a reset: nobody would find out that the log is another one.
    """
    for tp in world.logs:
        committed = world.group.committed.get(tp)
        known = 0 if committed is None else committed.epoch
        if world.checker.stored(tp).log.epoch > known:
            world.note(
                f"Redis stays: {tp.topic}/{tp.partition} was reset, which Kafka does not know"
            )
            return
    world.note(f"Redis comes back with {len(data)} keys")
    world.redis.restart({key: copied(value) for key, value in data.items()})
    world.checker.replaced(books)
