"""Model versions: content-addressed and immutable, one of them the head, every change on record.

Invariants:
* The id is the hash of the state; storing a version that is there already changes nothing.
* The head is never trimmed, nor what the last promotion replaced: a new one comes every few seconds,
  and a bad promotion is found minutes later.  Whatever trims also moves the head, so watching the head
  is enough to promote no version that is being trimmed.
* Every change of the head has its entry in the lineage, written in the same step.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import datetime
from typing import Any

from redis.exceptions import WatchError

from streamer.errors import ConfigurationError, InvariantError, UnknownVersionError
from streamer.model.codec import VersionHeader, decode_version, encode_version, state_id
from streamer.model.model_config import ModelConfig
from streamer.model.reference import refrozen
from streamer.model.sums import Sums
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.keys import Keys
from streamer.store.stored import StoredVersion, VersionInfo, rfc3339

__all__ = [
    "find_version",
    "head",
    "lineage",
    "list_versions",
    "promoted_at_ms",
    "put_version",
    "queue_entry",
    "queue_head",
    "queue_trimming",
    "queue_version",
    "read_head",
    "replaced_id",
    "set_head",
    "trimmable",
]


async def head(client: Client, config: ModelConfig) -> StoredVersion:
    """Return the current version; sums of zero where nothing was ever learned."""

    async def attempt(pipe: Pipe) -> StoredVersion:
        return await read_head(pipe, client.keys, config)

    return await client.transact([client.keys.head], attempt)


async def set_head(
    client: Client,
    limits: Limits,
    wanted: str,
    *,
    reason: str,
    who: str,
    now_ms: int,
    config: ModelConfig,
    why: str = "",
) -> str:
    """Make a stored version the head and return the head's id; does nothing where it already is.

    ``reason`` is what kind of change it is, ``why`` what the person says about it.
    Drift is measured from a promotion on: the head gets the version's own histograms for a reference.
    Where that changes its state, it is a version of its own, whose parent is the one asked for.
    """
    keys = client.keys

    async def attempt(pipe: Pipe) -> str:
        version_id = await _resolve(pipe, keys, wanted)
        blob = await _blob(pipe, keys, version_id)
        version = _promoted(_decoded(keys, version_id, blob, config), reason, now_ms)
        replaced = _text(await asked(pipe, "GET", keys.head))
        if replaced == version.id:
            return version.id
        is_new = version.id != version_id
        kept = {version.id, replaced}
        trimmed = await trimmable(pipe, keys, limits, kept) if is_new else []
        pipe.multi()
        if is_new:
            blob = encode_version(version.sums, version.header, config.feature_names)
            queue_version(pipe, keys, version.id, blob, now_ms)
            queue_trimming(pipe, keys, trimmed)
        entry: dict[str, str | int] = {
            "version": version.id,
            "parent": version.header.parent,
            "reason": reason,
            "who": who,
            "at": rfc3339(now_ms),
            "transactions_seen": version.sums.transactions_seen,
            "replaced": replaced,
        }
        if why:
            entry["why"] = why
        queue_head(pipe, keys, version.id, entry, limits)
        pipe.execute_command("SET", keys.promoted, now_ms)
        pipe.execute_command("SET", keys.replaced, replaced)
        return version.id

    return await client.transact([keys.head], attempt)


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
    """Store a version without making it the head, and return its id."""
    version = StoredVersion(state_id(sums), sums, header)
    created_at_ms = round(datetime.fromisoformat(header.created_at).timestamp() * 1000)
    blob = encode_version(sums, header, config.feature_names)
    # Twice NX: one that is there keeps its date too, by which the oldest are trimmed.
    commands: list[tuple[Any, ...]] = [
        ("SET", client.keys.version(version.id), blob, "NX"),
        ("ZADD", client.keys.versions, "NX", created_at_ms, version.id),
    ]
    await client.pipelined(commands, atomic=True)
    return version.id


async def find_version(
    client: Client, wanted: str, config: ModelConfig
) -> tuple[bytes, StoredVersion]:
    """Return the file and the content of the version whose id starts with ``wanted``."""

    async def attempt(pipe: Pipe) -> tuple[bytes, StoredVersion]:
        version_id = await _resolve(pipe, client.keys, wanted)
        blob = await asked(pipe, "GET", client.keys.version(version_id))
        return blob, _decoded(client.keys, version_id, blob, config)

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
        version = _decoded(keys, name, blob, config)
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


async def read_head(
    pipe: Pipe, keys: Keys, config: ModelConfig, known: StoredVersion | None = None
) -> StoredVersion:
    """Return the head as seen by a transaction that watches ``keys.head``.

    If it is the ``known`` version, that is returned: an id stands for one state, wherever it is.
    """
    version_id = _text(await asked(pipe, "GET", keys.head))
    if known is not None and version_id == known.id:
        return known
    if not version_id:
        sums = Sums.zero(config)
        return StoredVersion(state_id(sums), sums, VersionHeader("", "", "", config.hash))
    try:
        blob = await _blob(pipe, keys, version_id)
    except _TrimmedError:
        # The head is never trimmed: unless another worker moved it, it names what never was.
        if _text(await asked(pipe, "GET", keys.head)) != version_id:
            raise
        raise InvariantError(
            f"{keys.head} must name a stored version, got another text; does something else write "
            "under its keys?"
        ) from None
    return _decoded(keys, version_id, blob, config)


async def trimmable(pipe: Pipe, keys: Keys, limits: Limits, kept: Set[str]) -> list[str]:
    """Return the ids beyond the limit once one more version is added, without those of ``kept``."""
    # Both ends count, so that one less than the limit stays.
    oldest = await asked(pipe, "ZRANGE", keys.versions, 0, -limits.versions_kept)
    return [name for name in map(_text, oldest) if name not in kept]


async def replaced_id(pipe: Pipe, keys: Keys) -> str:
    """Return the id of what the last promotion replaced; empty where there was none."""
    return _text(await asked(pipe, "GET", keys.replaced))


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


def queue_entry(pipe: Pipe, keys: Keys, entry: dict[str, str | int], limits: Limits) -> None:
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


async def _resolve(pipe: Pipe, keys: Keys, wanted: str) -> str:
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


async def _blob(pipe: Pipe, keys: Keys, version_id: str) -> bytes:
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


def _promoted(version: StoredVersion, reason: str, now_ms: int) -> StoredVersion:
    """Return ``version`` with its own histograms for a reference; itself where it has them already."""
    sums = refrozen(version.sums)
    version_id = state_id(sums)
    if version_id == state_id(version.sums):
        return version
    header = replace(version.header, parent=version.id, created_at=rfc3339(now_ms), reason=reason)
    return StoredVersion(version_id, sums, header)


def _decoded(keys: Keys, version_id: str, blob: bytes, config: ModelConfig) -> StoredVersion:
    try:
        sums, header = decode_version(blob, config)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{keys.version(version_id)} must be usable, got: {error}"
        ) from error
    return StoredVersion(version_id, sums, header)


def _text(stored: bytes | None) -> str:
    return stored.decode(errors="replace") if stored is not None else ""
