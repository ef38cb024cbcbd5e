"""What moves a head otherwise than by learning: promotions, canaries, and the ways back.

Invariants:
* Each is one step that watches both heads, with its entry in the lineage.
* A version that was gone back from is taken only where somebody says why; a way back needs nothing.
* A way back goes to what has been the head before, and to nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from streamer.errors import ConfigurationError
from streamer.model.codec import encode_version, state_id
from streamer.model.model_config import ModelConfig
from streamer.model.reference import refrozen
from streamer.store.client import Client, Pipe
from streamer.store.head_history import heads_in
from streamer.store.history_limits import Limits
from streamer.store.keys import Keys
from streamer.store.stored import Heads, StoredVersion, rfc3339
from streamer.store.versions import (
    blob_of,
    decoded,
    queue_entry,
    queue_head,
    queue_trimming,
    queue_version,
    queue_watch,
    read_heads,
    replaced_ids,
    resolved,
    trimmable,
)
from streamer.watching import Watch, WatchLimits

__all__ = [
    "Wish",
    "end_canary",
    "queue_canary_end",
    "queue_replaced",
    "set_head",
    "start_canary",
]

# So many versions that promotions replaced are kept.
_REPLACED_KEPT: Final = 4
_LIMITS: Final = WatchLimits()


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what: ``reason`` is what kind of change it is, ``why`` what the person says about it,
    ``told`` what else its entry in the lineage has.

    ``is_forced`` takes a version that was gone back from.
    """

    version: str
    reason: str
    who: str
    now_ms: int
    why: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    limits: WatchLimits = _LIMITS
    is_forced: bool = False

    def entry(self, version: StoredVersion) -> dict[str, str | int]:
        """Return the lineage's, but for what it takes the place of."""
        entry: dict[str, str | int] = {
            "version": version.id,
            "parent": version.header.parent,
            "reason": self.reason,
            "who": self.who,
            "at": rfc3339(self.now_ms),
            "transactions_seen": version.sums.transactions_seen,
        }
        return entry | ({"why": self.why} if self.why else {}) | dict(self.told)


async def set_head(client: Client, limits: Limits, wish: Wish, config: ModelConfig) -> str:
    """Make a stored version the head and return the head's id; does nothing where it already is.

    Drift is measured from a promotion on: the head gets the version's own histograms for a reference.
    Where that changes its state, it is a version of its own, whose parent is the one asked for.

    A promotion is watched from here on, a rollback is not, and ends a canary.
    """
    keys = client.keys

    async def attempt(pipe: Pipe) -> str:
        heads = await read_heads(pipe, keys, config)
        version_id, version = await _wanted(pipe, keys, wish, config)
        if heads.head.id == version.id:
            return version.id
        is_back = wish.reason == "rollback"
        if is_back:
            await _check_was_head(pipe, keys, version_id, version)
        else:
            _check_wish(wish, heads.watch, version_id, version)
        replaced = heads.head.id if heads.head.header.created_at else ""
        entry = wish.entry(version) | {"replaced": replaced}
        if is_back:
            watch = heads.watch.gone_back(heads.watch.canary or heads.head.id)
        else:
            watch = heads.watch.promoted(
                asked=version_id,
                begun=version.id,
                replaced=replaced,
                now_ms=wish.now_ms,
                who=wish.who,
                why=wish.why,
                limits=wish.limits,
            )
            if not replaced:
                # There is nothing to go back to.
                watch = watch.stays()
        await _queue_change(pipe, keys, limits, version, version_id, replaced, config, wish.now_ms)
        queue_watch(pipe, keys, watch)
        queue_head(pipe, keys, version.id, entry, limits)
        return version.id

    return await client.transact([keys.head, keys.watch, keys.brought], attempt)


async def start_canary(
    client: Client,
    limits: Limits,
    wish: Wish,
    n_partitions: int,
    for_ms: int,
    config: ModelConfig,
) -> Watch:
    """Have the ``n_partitions`` partitions of the lowest numbers score with a version, for a time."""
    keys = client.keys

    async def attempt(pipe: Pipe) -> Watch:
        heads = await read_heads(pipe, keys, config)
        version_id, version = await _wanted(pipe, keys, wish, config)
        _check_wish(wish, heads.watch, version_id, version)
        if version.id == heads.head.id:
            raise ConfigurationError(
                f"a canary must be another version than the head, got {version.id[:12]}"
            )
        watch = heads.watch.canary_begun(
            asked=version_id,
            begun=version.id,
            n_partitions=n_partitions,
            now_ms=wish.now_ms,
            for_ms=for_ms,
            who=wish.who,
            why=wish.why,
            limits=wish.limits,
        )
        entry = wish.entry(version) | {
            "canary": version.id,
            "partitions": n_partitions,
            "until": rfc3339(watch.until_ms),
        }
        kept = {heads.head.id, version.id, *await replaced_ids(pipe, keys)}
        trimmed = await trimmable(pipe, keys, limits, kept)
        pipe.multi()
        if version.id != version_id:
            blob = encode_version(version.sums, version.header, config.feature_names)
            queue_version(pipe, keys, version.id, blob, wish.now_ms)
            queue_trimming(pipe, keys, trimmed)
        queue_watch(pipe, keys, watch)
        queue_entry(pipe, keys, entry, limits)
        return watch

    return await client.transact([keys.head, keys.watch, keys.brought], attempt)


async def end_canary(
    client: Client, limits: Limits, wish: Wish, config: ModelConfig
) -> Watch | None:
    """Have all partitions score with the head again; return what was watched, None without a canary."""
    keys = client.keys

    async def attempt(pipe: Pipe) -> Watch | None:
        heads = await read_heads(pipe, keys, config)
        if heads.canary is None:
            return None
        pipe.multi()
        queue_canary_end(pipe, keys, limits, heads, wish)
        return heads.watch

    return await client.transact([keys.head, keys.watch], attempt)


async def _wanted(
    pipe: Pipe, keys: Keys, wish: Wish, config: ModelConfig
) -> tuple[str, StoredVersion]:
    """Return the id that is asked for, and the version that stands for it as a head."""
    version_id = await resolved(pipe, keys, wish.version)
    version = decoded(keys, version_id, await blob_of(pipe, keys, version_id), config)
    sums = refrozen(version.sums)
    if (state := state_id(sums)) == state_id(version.sums):
        return version_id, version
    created_at = rfc3339(wish.now_ms)
    header = replace(version.header, parent=version.id, created_at=created_at, reason=wish.reason)
    return version_id, StoredVersion(state, sums, header)


def _check_wish(wish: Wish, watch: Watch, version_id: str, version: StoredVersion) -> None:
    """Refuse what would be two versions on trial, or one that was gone back from."""
    if watch.is_canary:
        raise ConfigurationError(
            f"one version at a time must be on trial, got the canary {watch.canary[:12]} on "
            f"{watch.n_partitions} partitions until {rfc3339(watch.until_ms)}; `streamer model "
            "rollback --reason TEXT` ends it"
        )
    known = {version_id, version.id, version.header.parent}
    if known & set(watch.left) and not wish.is_forced:
        raise ConfigurationError(
            "a version that was gone back from must be promoted by --force REASON, got "
            f"{version_id[:12]}"
        )


async def _check_was_head(pipe: Pipe, keys: Keys, version_id: str, version: StoredVersion) -> None:
    """Refuse to go back to what never was the head: that is a promotion, which has its own rules."""
    had = {*await replaced_ids(pipe, keys), *await heads_in(pipe, keys)}
    if not {version_id, version.id} & had:
        raise ConfigurationError(
            "a rollback must go to a version that has been the head, as `streamer model history "
            f"--merges` lists them, got {version_id[:12]}, which has not; `streamer model promote` "
            "makes it the head"
        )


async def _queue_change(
    pipe: Pipe,
    keys: Keys,
    limits: Limits,
    version: StoredVersion,
    asked_id: str,
    replaced: str,
    config: ModelConfig,
    now_ms: int,
) -> None:
    """Begin to queue writes; first those that store what is to be a head, where it is not stored."""
    kept = {version.id, replaced, *await replaced_ids(pipe, keys)}
    is_new = version.id != asked_id
    trimmed = await trimmable(pipe, keys, limits, kept) if is_new else []
    await queue_replaced(pipe, keys, replaced, now_ms)
    if is_new:
        blob = encode_version(version.sums, version.header, config.feature_names)
        queue_version(pipe, keys, version.id, blob, now_ms)
        queue_trimming(pipe, keys, trimmed)


async def queue_replaced(pipe: Pipe, keys: Keys, replaced: str, now_ms: int) -> None:
    """Begin to queue writes; first those that say when the head was changed, and from what."""
    kept = dict.fromkeys([replaced, *await replaced_ids(pipe, keys)])
    pipe.multi()
    pipe.execute_command("SET", keys.promoted, now_ms)
    pipe.execute_command("SET", keys.replaced, " ".join(list(kept)[:_REPLACED_KEPT]))


def queue_canary_end(pipe: Pipe, keys: Keys, limits: Limits, heads: Heads, wish: Wish) -> Watch:
    """Queue what leaves a canary; the head stays what it is."""
    after = heads.watch.gone_back(heads.watch.canary)
    queue_watch(pipe, keys, after)
    queue_entry(pipe, keys, wish.entry(heads.head) | {"canary": heads.watch.canary}, limits)
    return after
