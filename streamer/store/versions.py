"""Model versions: content-addressed and immutable, one of them the head, every change on record.

Invariants:
* The id is the hash of the state; storing a version that is there already changes nothing.
* No head is ever trimmed, a canary's neither, nor what the last promotions replaced, nor what was
  stored last by other than a checkpoint: a new one comes every few seconds, a bad promotion is found
  minutes later, and who stored a version promotes it when somebody has looked at it.  Whatever trims
  also moves a head, so watching both is enough to promote no version that is being trimmed.
* Every change of the head has its entry in the lineage, written in the same step.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any, Final

import msgspec
from redis.exceptions import WatchError

from streamer.errors import ConfigurationError, InvariantError, UnknownVersionError
from streamer.model.codec import VersionHeader, decode_version, encode_version, state_id
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.keys import Keys
from streamer.store.stored import Heads, StoredVersion, VersionInfo
from streamer.watching import Watch

__all__ = [
    "blob_of",
    "decoded",
    "find_version",
    "heads",
    "lineage",
    "list_versions",
    "promoted_at_ms",
    "put_version",
    "queue_entry",
    "queue_head",
    "queue_trimming",
    "queue_version",
    "queue_watch",
    "read_heads",
    "replaced_ids",
    "resolved",
    "trimmable",
    "watch",
]


_BROUGHT_KEPT: Final = 10


async def heads(client: Client, config: ModelConfig, known: Heads | None = None) -> Heads:
    """Return the current version, sums of zero where nothing was ever learned, and a canary's.

    ``known`` are versions that need not be read where they are still the heads.
    """

    async def attempt(pipe: Pipe) -> Heads:
        return await read_heads(pipe, client.keys, config, known)

    return await client.transact([client.keys.head, client.keys.watch], attempt)


async def watch(client: Client) -> Watch:
    """Return what is watched."""
    [stored] = await client.pipelined([("GET", client.keys.watch)], atomic=False)
    return _watch(client.keys, stored)


async def promoted_at_ms(client: Client) -> int | None:
    """Return when somebody last made a version the head; None where nobody ever did."""
    [stored] = await client.pipelined([("GET", client.keys.promoted)], atomic=False)
    if stored is not None and not stored.isdigit():
        raise InvariantError(
            f"{client.keys.promoted} must be epoch milliseconds, got another text; does something else "
            "write under its keys?"
        )
    return None if stored is None else int(stored)


async def put_version(
    client: Client, sums: Sums, header: VersionHeader, config: ModelConfig
) -> str:
    """Store a version without making it the head, and return its id.

    It is kept until ten others were stored like this, whatever checkpoints add.
    """
    version = StoredVersion(state_id(sums), sums, header)
    created_at_ms = round(datetime.fromisoformat(header.created_at).timestamp() * 1000)
    blob = encode_version(sums, header, config.feature_names)
    # Twice NX: one that is there keeps its date too, by which the oldest are trimmed.
    commands: list[tuple[Any, ...]] = [
        ("SET", client.keys.version(version.id), blob, "NX"),
        ("ZADD", client.keys.versions, "NX", created_at_ms, version.id),
        ("LREM", client.keys.brought, 0, version.id),
        ("LPUSH", client.keys.brought, version.id),
        ("LTRIM", client.keys.brought, 0, _BROUGHT_KEPT - 1),
    ]
    await client.pipelined(commands, atomic=True)
    return version.id


async def find_version(
    client: Client, wanted: str, config: ModelConfig
) -> tuple[bytes, StoredVersion]:
    """Return the file and the content of the version whose id starts with ``wanted``."""

    async def attempt(pipe: Pipe) -> tuple[bytes, StoredVersion]:
        version_id = await resolved(pipe, client.keys, wanted)
        blob = await asked(pipe, "GET", client.keys.version(version_id))
        return blob, decoded(client.keys, version_id, blob, config)

    return await client.transact([client.keys.head], attempt)


async def list_versions(client: Client, config: ModelConfig) -> list[VersionInfo]:
    """Return what is stored, newest first."""
    keys = client.keys
    [ids, current] = await client.pipelined(
        [("ZRANGE", keys.versions, 0, -1, "REV"), ("GET", keys.head)], atomic=True
    )
    names = [_text(version_id) for version_id in ids]
    blobs = await client.pipelined([("GET", keys.version(name)) for name in names], atomic=False)
    infos = []
    for name, blob in zip(names, blobs, strict=True):
        if blob is None:  # trimmed since the list was read
            continue
        version = decoded(keys, name, blob, config)
        infos.append(
            VersionInfo(
                id=name,
                parent=version.header.parent,
                created_at=version.header.created_at,
                reason=version.header.reason,
                transactions_seen=version.sums.transactions_seen,
                is_head=name == _text(current),
                size_bytes=len(blob),
            )
        )
    return infos


async def lineage(client: Client, count: int) -> list[dict[str, str]]:
    """Return the latest ``count`` changes of the head, newest first."""
    [entries] = await client.pipelined(
        [("XREVRANGE", client.keys.lineage, "+", "-", "COUNT", count)], atomic=False
    )
    return [{_text(name): _text(value) for name, value in fields.items()} for _, fields in entries]


async def read_heads(
    pipe: Pipe, keys: Keys, config: ModelConfig, known: Heads | None = None
) -> Heads:
    """Return the heads as seen by a transaction that watches ``keys.head`` and ``keys.watch``.

    Those that are ``known`` are not read: an id stands for one state, wherever it is.
    """
    watch = _watch(keys, await asked(pipe, "GET", keys.watch))
    had = () if known is None else (known.head, known.canary)
    versions = {each.id: each for each in had if each is not None}
    version_id = _text(await asked(pipe, "GET", keys.head))
    if not version_id:
        sums = Sums.zero(config)
        current = StoredVersion(state_id(sums), sums, VersionHeader("", "", "", config.hash))
    elif version_id in versions:
        current = versions[version_id]
    else:
        current = await _pointed(pipe, keys, keys.head, version_id, config)
    if not watch.is_canary:
        return Heads(current, None, watch)
    canary = versions.get(watch.canary)
    if canary is None:
        canary = await _pointed(pipe, keys, keys.watch, watch.canary, config)
    return Heads(current, canary, watch)


async def _pointed(
    pipe: Pipe, keys: Keys, key: str, version_id: str, config: ModelConfig
) -> StoredVersion:
    """Return the version that ``key`` names."""
    try:
        blob = await blob_of(pipe, keys, version_id)
    except _TrimmedError:
        # No head is ever trimmed: unless another worker moved it, it names what never was.
        stored = await asked(pipe, "GET", key)
        named = _text(stored) if key == keys.head else _watch(keys, stored).canary
        if named != version_id:
            raise
        raise InvariantError(
            f"{key} must name a stored version, got another text; does something else write "
            "under its keys?"
        ) from None
    return decoded(keys, version_id, blob, config)


async def trimmable(
    pipe: Pipe, keys: Keys, limits: Limits, kept: Set[str], n_new: int = 1
) -> list[str]:
    """Return the ids beyond the limit once ``n_new`` are added, without those that are kept.

    What was stored by others than checkpoints is kept too; its list must be watched.
    """
    # Both ends count, so that one less than the limit stays for one that is new.
    last = -max(limits.versions_kept + 1 - n_new, 1)
    oldest = await asked(pipe, "ZRANGE", keys.versions, 0, last)
    brought = set(map(_text, await asked(pipe, "LRANGE", keys.brought, 0, -1)))
    return [name for name in map(_text, oldest) if name not in kept | brought]


async def replaced_ids(pipe: Pipe, keys: Keys) -> list[str]:
    """Return the ids of what the last promotions replaced, newest first."""
    return _text(await asked(pipe, "GET", keys.replaced)).split()


def queue_version(pipe: Pipe, keys: Keys, version_id: str, blob: bytes, now_ms: int) -> None:
    """Queue the writes that store a version, of which ``blob`` is the file."""
    pipe.execute_command("SET", keys.version(version_id), blob)
    pipe.execute_command("ZADD", keys.versions, now_ms, version_id)


def queue_head(
    pipe: Pipe, keys: Keys, version_id: str, entry: dict[str, str | int], limits: Limits
) -> None:
    """Queue the writes that make ``version_id`` the head and say so in the lineage."""
    pipe.execute_command("SET", keys.head, version_id)
    queue_entry(pipe, keys, entry, limits)


def queue_entry(pipe: Pipe, keys: Keys, entry: Mapping[str, str | int], limits: Limits) -> None:
    """Queue an entry of the lineage."""
    named = [item for pair in entry.items() for item in pair]
    # "~": Redis trims whole nodes of the stream, which costs nothing, and a few entries more stay.
    most = "MAXLEN", "~", limits.lineage_max_entries
    pipe.execute_command("XADD", keys.lineage, *most, "*", *named)


def queue_trimming(pipe: Pipe, keys: Keys, version_ids: list[str]) -> None:
    """Queue the writes that remove versions."""
    for version_id in version_ids:
        pipe.execute_command("DEL", keys.version(version_id))
        pipe.execute_command("ZREM", keys.versions, version_id)


async def resolved(pipe: Pipe, keys: Keys, wanted: str) -> str:
    """Return the one stored id that starts with ``wanted``, or the head's for ``head``."""
    if wanted == "head":
        wanted = _text(await asked(pipe, "GET", keys.head)) or wanted
    stored: list[bytes] = await asked(pipe, "ZRANGE", keys.versions, 0, -1)
    ids = [_text(version_id) for version_id in stored]
    matches = [version_id for version_id in ids if wanted and version_id.startswith(wanted)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise UnknownVersionError(
            f"model version must be one of the {len(ids)} stored, got {wanted!r}; "
            "`streamer model list` shows them"
        )
    raise ConfigurationError(
        f"model version must be unambiguous, got {wanted!r}, which begins {len(matches)} of them: "
        f"{', '.join(match[: len(wanted) + 4] for match in matches[:5])}"
    )


class _TrimmedError(WatchError):
    """A version was trimmed since it was named.  redis-py raises its base for a lost connection too."""


async def blob_of(pipe: Pipe, keys: Keys, version_id: str) -> bytes:
    """Return a version's file; asks to be tried again when it was trimmed since it was named."""
    blob: bytes | None = await asked(pipe, "GET", keys.version(version_id))
    if blob is not None:
        return blob
    if await asked(pipe, "ZSCORE", keys.versions, version_id) is None:
        raise _TrimmedError
    raise InvariantError(
        f"model version {version_id[:12]} must be stored while it is listed, got nothing; "
        "has Redis evicted it? maxmemory-policy must be noeviction"
    )


def decoded(keys: Keys, version_id: str, blob: bytes, config: ModelConfig) -> StoredVersion:
    try:
        sums, header = decode_version(blob, config)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{keys.version(version_id)} must be usable, got: {error}"
        ) from error
    return StoredVersion(version_id, sums, header)


def _watch(keys: Keys, stored: bytes | None) -> Watch:
    if stored is None:
        return Watch()
    try:
        return msgspec.json.decode(stored, type=Watch)
    except msgspec.MsgspecError:
        raise InvariantError(
            f"{keys.watch} must be what a worker of this release wrote, got something else; does "
            "something else write under its keys?"
        ) from None


def queue_watch(pipe: Pipe, keys: Keys, watch: Watch) -> None:
    """Queue the write of what is watched."""
    pipe.execute_command("SET", keys.watch, msgspec.json.encode(watch))


def _text(stored: bytes | None) -> str:
    return stored.decode(errors="replace") if stored is not None else ""
