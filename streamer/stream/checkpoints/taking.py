"""What a checkpoint takes out of a partition's state.

Nothing is scored meanwhile: rows are copied, and what takes longer is done when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamer.model import Sums
from streamer.pipeline import PartitionState
from streamer.pipeline.budgets import packed_budgets
from streamer.pipeline.told_cards import packed
from streamer.pipeline.waves import packed_waves
from streamer.store import Checkpoint
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.contending import Contending
from streamer.stream.scoring.kit import Kit
from streamer.stream.scoring.watched import take_counted

__all__ = ["reserve", "take_changed", "taken"]

Entities = dict[str, Mapping[str, bytes]]
Removed = dict[str, list[str]]


def reserve(state: PartitionState) -> None:
    """Make the room that `take_changed` will need, where that takes long."""
    for table in state.tables.all():
        table.reserve()


def take_changed(state: PartitionState) -> tuple[Entities, Removed]:
    """Return what has changed of everything kept by name, and what has gone; ``state`` is IN/OUT."""
    repeats, labels, rulings = state.repeats, state.verdicts.buffer, state.verdicts.rulings
    changed: Entities = {
        "repeats": repeats.take_changed(),
        "labels": labels.take_changed(),
        "rulings": rulings.take_changed(),
    }
    changed |= {table.kind.name: table.take_changed() for table in state.tables.all()}
    return changed, {
        "repeats": repeats.take_removed(),
        "labels": labels.take_removed(),
        "rulings": rulings.take_removed(),
    }


def taken(
    kit: Kit,
    assigned: Assigned,
    next_offset: int,
    entities: Entities,
    removed: Removed,
    contending: Contending,
) -> Checkpoint:
    """Return what a partition did up to ``next_offset``, its lessons out of its state (IN/OUT).

    What its challengers did is taken out of theirs.
    """
    state = assigned.state
    delta, state.delta = state.delta, Sums.zero(kit.pipeline.model)
    losses, assigned.losses = assigned.losses, ()
    challenges, changed, gone = contending.take(assigned)
    if changed or gone:
        entities, removed = entities | {"challenged": changed}, removed | {"challenged": gone}
    return Checkpoint(
        topic=assigned.topic,
        partition=assigned.partition,
        generation=assigned.generation,
        base_offset=assigned.base_offset,
        next_offset=next_offset,
        ledger=state.ledger,
        alerts_position=assigned.alerts_position,
        delta=delta,
        entities=entities,
        removed=removed,
        cursors=dict(state.verdicts.cursors),
        owner=kit.owner,
        now_ms=kit.clock.now_ms(),
        overflow_position=assigned.overflow_position,
        recent_alerts=tuple(state.recent_alerts),
        budgets=packed_budgets(state.budgets),
        debt=state.debt,
        told_cards=packed(state.told),
        waves=packed_waves(state.waves),
        log=assigned.log,
        losses=losses,
        lessons=state.verdicts.record.take(),
        challenges=challenges,
        counted=take_counted(assigned),
        erased=_erased(assigned),
        erasures=tuple(assigned.erasing),
    )


def _erased(assigned: Assigned) -> Mapping[str, Sequence[str]]:
    """Return the names, by kind, of which the checkpoint is to let nothing stand from before."""
    names: dict[str, list[str]] = {}
    for each in assigned.erasing.values():
        for kind, of_kind in each.items():
            names.setdefault(kind, []).extend(of_kind)
    return names
