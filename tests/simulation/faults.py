"""What each kind of fault does to a world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.simulation.scenario import Fault

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
    world.note(f"fault: {fault.kind}, {fault.target}, {fault.for_s:.1f} s")
    later = world.loop.in_world
    match fault.kind:
        case "kill" if worker is not None:
            world.kill(worker)
        case "kill at checkpoint":
            world.kill_at_checkpoint = world.checker.n_checkpoints + 1 + fault.target
        case "burst":
            world.ends[partition] = world.n_at_first
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
            _replace_store(world, {})
        case "redis restored" if world.snapshots:
            _replace_store(world, world.snapshots[fault.target % len(world.snapshots)])
        case "cut off" | "isolated" if worker is not None:
            world.cut_off(worker, fault)
        case "broker away":
            world.broker.is_away = True
            later(fault.for_s, setattr, world.broker, "is_away", False)
        case "delivered again" if worker is not None:
            worker.rewind(partition, fault.target + 1)
        case "retention":
            _expire(world, partition)
        case "flood":
            world.is_flooded = True
            later(fault.for_s, setattr, world, "is_flooded", False)
        case "clock jumps" if worker is not None:
            worker.clock_error_ms += round((fault.for_s - 5.0) * 1000)


def _expire(world: World, partition: int) -> None:
    """Let the log of a partition begin later; once, so that it is clear what is lost."""
    if world.starts[partition] == 0:
        world.starts[partition] = world.rng.randint(0, world.ends[partition])
        world.note(f"log of {partition} begins at {world.starts[partition]}")


def _replace_store(world: World, data: dict[str, Any]) -> None:
    world.note(f"Redis comes back with {len(data)} keys")
    world.redis.restart(data)
    world.checker.replaced()
