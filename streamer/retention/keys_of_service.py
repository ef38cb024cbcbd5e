"""What workers, commands and audit keep in Redis of a service, and how long."""

from __future__ import annotations

from typing import Final

from streamer.retention.kept_row import kept

__all__ = ["KEYS_OF_SERVICE"]

_ID: Final = r"[0-9a-f]{64}"
_SERVICE: Final = "as long as the namespace"
_NOBODY: Final = "whoever removes the namespace"
KEYS_OF_SERVICE: Final = (
    kept("identity", "identity", "a random id of this Redis", _SERVICE, _NOBODY),
    kept("service", "service", "the settings that workers agree on", _SERVICE, _NOBODY),
    kept(
        "workers",
        "workers",
        "names of workers",
        "half a minute after they were seen",
        "each heartbeat",
    ),
    kept(
        "model:head",
        "model:(head|promoted|replaced|watch)",
        "which version is in use",
        _SERVICE,
        "the next one",
    ),
    kept(
        "model:brought",
        "model:brought",
        "versions that people stored",
        "ten more are stored",
        "the next one",
    ),
    kept(
        "model:versions", "model:versions", "ids of stored versions", "as the versions", "a merge"
    ),
    kept(
        "model:version:*",
        f"model:version:{_ID}",
        "a version: sums over all payments, and features of a recent sample without names",
        "newer ones are stored; those replaced or brought stay longer",
        "a merge",
        "model_versions_kept",
    ),
    kept(
        "challengers",
        "challengers",
        "what is kept of challengers",
        "they are ended",
        "`streamer challenger stop`",
    ),
    kept(
        "challenger:*",
        r"challenger:[^:]+",
        "what one has learned: sums",
        "it is ended",
        "`streamer challenger stop`",
    ),
    kept(
        "lineage",
        "lineage",
        "changes of the head: who, when, why",
        "newer entries need the room",
        "the next entry",
        "lineage_max_entries",
    ),
    kept(
        "policy:head",
        "policy:(head|workers)",
        "which policy is in force, and for whom",
        _SERVICE,
        "the next one",
    ),
    kept(
        "policy:record:*",
        r"policy:record:[^:]+",
        "a policy that was in force: a few hundred bytes",
        _SERVICE,
        _NOBODY,
    ),
    kept(
        "policy:history",
        "policy:history",
        "policies: who, when, why",
        "newer entries need the room",
        "the next entry",
        "lineage_max_entries",
    ),
    kept("partitions", "partitions", "names of partitions", _SERVICE, _NOBODY),
    kept(
        "replayed:*",
        r"replayed:[^:]+:[^:]*:\d+",
        "offsets of dead letters that were sent again",
        "the topic has them no more",
        "`streamer dlq replay`",
    ),
    kept(
        "audit:heads",
        "audit:heads",
        "the last entry of each chain: number and hash",
        "its entries are past their time",
        "the writer of a chain",
        "audit_retention_s",
    ),
    kept(
        "audit:unsent",
        "audit:unsent",
        "entries that Kafka has not taken",
        "Kafka has them",
        "who wrote them, or the next process",
        "audit_max_unsent",
        of_card=True,
    ),
    kept(
        "aliases",
        "aliases",
        "the key of aliases",
        _SERVICE,
        "an erasure, the part of its card",
        of_card=True,
    ),
    kept(
        "erasures",
        "erasures",
        "cards that are to be forgotten",
        "they are, or the proposal is declined or gone",
        "`streamer privacy erase`, the console",
        of_card=True,
    ),
    kept(
        "erasures:done",
        "erasures:done",
        "which partitions have let go of one",
        "the erasure is done",
        "`streamer privacy erase`",
    ),
    kept(
        "erasures:finished",
        "erasures:(finished|key)",
        "when a card was forgotten, under a digest whose key lies beside it",
        "its time is over",
        "the next erasure that is asked for or finished",
        "audit_retention_s",
        of_card=True,
    ),
)
"""The rows, in the order of the page."""
