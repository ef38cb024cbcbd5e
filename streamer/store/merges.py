"""What the lineage says of a merge."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.model.drift import MOVED_PSI, drift_of
from streamer.model.model_config import ModelConfig
from streamer.store.stored import Checkpoint, StoredVersion

__all__ = ["merge_entry"]


def merge_entry(
    head: StoredVersion, new: Sequence[Checkpoint], config: ModelConfig
) -> dict[str, str | int]:
    """Return the entry of a merge; where several partitions are in it, theirs stand side by side."""
    return {
        "version": head.id,
        "parent": head.header.parent,
        "reason": "merge",
        "who": new[0].owner,
        "at": head.header.created_at,
        "transactions_seen": head.sums.transactions_seen,
        "transactions_new": sum(each.delta.transactions_seen for each in new),
        "partition": " ".join(each.name for each in new),
        "generation": " ".join(str(each.generation) for each in new),
        "next_offset": " ".join(str(each.next_offset) for each in new),
        **_moved_most(head, config),
    }


def _moved_most(head: StoredVersion, config: ModelConfig) -> dict[str, str | int]:
    """Return the feature that has moved most and its PSI, where one has moved; else nothing.

    A reference that has not settled moves everything, and would fill the lineage with that.
    """
    drift = drift_of(head.sums, config)
    psi = float(drift.psi[drift.worst])
    if not drift.is_settled or psi <= MOVED_PSI:
        return {}
    return {"drift_feature": config.feature_names[drift.worst], "drift_psi": f"{psi:.3f}"}
