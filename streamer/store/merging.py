"""What checkpoints make of the model's heads: their deltas merged, each into its partition's branch.

Invariants:
* Centers of different versions are never added up: a canary's partitions teach the canary alone, all
  others the head alone.
* A branch's ``transactions_seen`` is what its first version had and what its partitions have added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import msgspec

from streamer.model.codec import encode_version, state_id
from streamer.model.drift import MOVED_PSI, drift_of
from streamer.model.learning import advance
from streamer.model.model_config import ModelConfig
from streamer.store.stored import Checkpoint, Heads, StoredVersion, rfc3339

__all__ = ["Merge", "merged"]


class Merge(NamedTuple):
    """A branch's next version, its file and its entry in the lineage."""

    version: StoredVersion
    blob: bytes
    entry: dict[str, str | int]
    is_head: bool = True


def merged(
    heads: Heads, new: Sequence[Checkpoint], config: ModelConfig
) -> tuple[Heads, list[Merge]]:
    """Return the heads after the checkpoints' deltas, with what was merged; a thread's work."""
    merges: list[Merge] = []

    def following(branch: StoredVersion, *, is_head: bool) -> StoredVersion:
        of_branch = [each for each in new if heads.watch.scores(each.partition) is not is_head]
        merge = _following(branch, of_branch, config)
        if merge is None:
            return branch
        merges.append(merge._replace(is_head=is_head))
        return merge.version

    head = following(heads.head, is_head=True)
    canary = None if heads.canary is None else following(heads.canary, is_head=False)
    watch = heads.watch
    for each in new:
        for watch_id, beside, counts in each.counted:
            # What was scored with another version, before somebody changed it, is none of these.
            if watch_id == watch.id:
                watch = watch.counted(counts, beside=beside)
    if canary is not None and canary.id != watch.canary:
        watch = msgspec.structs.replace(watch, canary=canary.id)
    return Heads(head, canary, watch), merges


def _following(head: StoredVersion, new: Sequence[Checkpoint], config: ModelConfig) -> Merge | None:
    """Return a branch's version after the checkpoints' deltas; None where they hold nothing.

    One delta after the other, as if each had been a step of its own.
    """
    deltas = [each.delta for each in new if each.delta.teaches]
    if not deltas:
        return None
    sums = reduce(lambda before, delta: advance(before, delta, config), deltas, head.sums)
    header = replace(
        head.header,
        parent=head.id,
        created_at=rfc3339(new[0].now_ms),
        reason="merge",
        config_hash=config.hash,
        offsets={**head.header.offsets, **{each.name: each.next_offset for each in new}},
        made_of=None,
    )
    following = StoredVersion(state_id(sums), sums, header)
    blob = encode_version(sums, header, config.feature_names)
    return Merge(following, blob, _lineage_entry(following, new, config))


def _lineage_entry(
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
