"""What a checkpoint takes out of a partition's state.

Nothing is scored meanwhile: rows are copied, and what takes longer is done when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping

from streamer.pipeline import PartitionState

__all__ = ["reserve", "take_changed"]


def reserve(state: PartitionState) -> None:
    """Make the room that `take_changed` will need, where that takes long."""
    for table in state.tables.all():
        table.reserve()


def take_changed(
    state: PartitionState,
) -> tuple[dict[str, Mapping[str, bytes]], dict[str, list[str]]]:
    """Return what has changed of everything kept by name, and what has gone; ``state`` is IN/OUT."""
    repeats, labels, rulings = state.repeats, state.verdicts.buffer, state.verdicts.rulings
    changed: dict[str, Mapping[str, bytes]] = {
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
