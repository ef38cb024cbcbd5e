"""Model versions, the head among them, and the lineage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.model import ModelConfig, Sums
from streamer.model.codec import VersionHeader, decode_version, state_id
from streamer.store.keys import Keys
from streamer.store.records import ModelHead, VersionInfo

__all__ = ["Versions"]

_ID_LENGTH: Final = 64


class Versions:
    """The versions of one namespace; errors of redis pass through."""

    def __init__(
        self,
        client: Any,
        keys: Keys,
        config: ModelConfig,
        versions_kept: int,
        lineage_max_entries: int,
    ) -> None:
        self._client = client
        self._keys = keys
        self._config = config
        self._kept = versions_kept
        self._lineage_max_entries = lineage_max_entries
        self._latest: ModelHead | None = None

    async def head(self, connection: Any) -> ModelHead:
        """Return the head as ``connection`` sees it; one without centers when there is none."""
        stored = await connection.get(self._keys.head)
        if stored is None:
            sums = Sums.zero(self._config)
            return ModelHead(state_id(sums), sums, VersionHeader("", "", "", self._config.hash))
        version_id = stored.decode()
        if self._latest is not None and self._latest.id == version_id:
            # A version never changes, so what was decoded once need not be fetched again.
            return self._latest
        blob = await connection.get(self._keys.version(version_id))
        if blob is None:
            raise ConfigurationError(
                f"the model's head must be stored, got none under {version_id[:12]}; "
                "set another head or start another STREAMER_NAMESPACE"
            )
        sums, header = decode_version(blob, self._config)
        self._latest = ModelHead(version_id, sums, header)
        return self._latest

    def write(
        self,
        transaction: Any,
        version: ModelHead,
        blob: bytes,
        now_ms: int,
        extra: Mapping[str, str],
    ) -> None:
        """Queue the commands that store a version, make it the head, and say so in the lineage."""
        transaction.set(self._keys.version(version.id), blob)
        transaction.zadd(self._keys.versions, {version.id: now_ms})
        self._move_head(transaction, version, version.header.reason, now_ms, extra)

    async def trim(self) -> None:
        """Drop the oldest versions beyond the number to keep, never the head."""
        n_over = await self._client.zcard(self._keys.versions) - self._kept
        if n_over <= 0:
            return
        head = await self._client.get(self._keys.head)
        oldest = await self._client.zrange(self._keys.versions, 0, n_over - 1)
        dropped = [version.decode() for version in oldest if version != head]
        if dropped:
            async with self._client.pipeline(transaction=True) as transaction:
                transaction.delete(*(self._keys.version(version) for version in dropped))
                transaction.zrem(self._keys.versions, *dropped)
                await transaction.execute()

    async def set_head(self, name: str, reason: str, owner: str, now_ms: int) -> None:
        """Make a stored version the head."""
        _, version = await self.get(name)
        async with self._client.pipeline(transaction=True) as transaction:
            self._move_head(transaction, version, reason, now_ms, {"who": owner})
            await transaction.execute()

    async def all(self) -> list[VersionInfo]:
        """Return the stored versions, newest first."""
        head = await self._client.get(self._keys.head)
        stored = await self._client.zrange(self._keys.versions, 0, -1, desc=True)
        infos = []
        for version_id in stored:
            blob = await self._client.get(self._keys.version(version_id.decode()))
            if blob is None:
                continue
            sums, header = decode_version(blob, self._config)
            infos.append(
                VersionInfo(
                    id=version_id.decode(),
                    parent=header.parent,
                    created_at=header.created_at,
                    reason=header.reason,
                    transactions_seen=sums.transactions_seen,
                    is_head=version_id == head,
                    size_bytes=len(blob),
                )
            )
        return infos

    async def get(self, name: str) -> tuple[bytes, ModelHead]:
        """Return a version by id, unambiguous beginning, or ``head``."""
        version_id = await self._resolve(name)
        blob = await self._client.get(self._keys.version(version_id))
        if blob is None:
            raise ConfigurationError(
                f"VERSION must be a stored one, got {name}; see `streamer model list`"
            )
        sums, header = decode_version(blob, self._config)
        return blob, ModelHead(version_id, sums, header)

    async def lineage(self, count: int) -> list[dict[str, str]]:
        """Return the last entries, newest first."""
        entries = await self._client.xrevrange(self._keys.lineage, count=count)
        return [
            {name.decode(): value.decode() for name, value in fields.items()}
            for _, fields in entries
        ]

    async def _resolve(self, name: str) -> str:
        if name == "head":
            head = await self._client.get(self._keys.head)
            if head is None:
                raise ConfigurationError("VERSION must be a stored one, got head before any merge")
            current: str = head.decode()
            return current
        if len(name) == _ID_LENGTH:
            return name
        known = [v.decode() for v in await self._client.zrange(self._keys.versions, 0, -1)]
        matching = [version for version in known if version.startswith(name)]
        if len(matching) != 1:
            raise ConfigurationError(
                f"VERSION must be the beginning of exactly one id, got {name} "
                f"with {len(matching)} matches; see `streamer model list`"
            )
        only: str = matching[0]
        return only

    def _move_head(
        self,
        transaction: Any,
        version: ModelHead,
        reason: str,
        now_ms: int,
        extra: Mapping[str, str],
    ) -> None:
        transaction.set(self._keys.head, version.id)
        transaction.xadd(
            self._keys.lineage,
            {
                "version": version.id,
                "parent": version.header.parent,
                "reason": reason,
                "transactions_seen": str(version.sums.transactions_seen),
                "at": datetime.fromtimestamp(now_ms / 1000, tz=UTC).isoformat(),
                **extra,
            },
            maxlen=self._lineage_max_entries,
            approximate=True,
        )
