"""What is stored of payments' entities, for whoever asks and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamer.errors import InvariantError
from streamer.store.client import Client
from streamer.store.keys import split_partition

__all__ = ["Lookups", "StoredStates"]

_OF_CHECKPOINT: Final = ("saved_at_ms", "offset", "epoch")


@dataclass(frozen=True, slots=True)
class StoredStates:
    """States of one partition by kind, None where there is none, as of its last checkpoint.

    They are in the order of the names that were wanted.

    ``saved_at_ms`` is when that was, in epoch milliseconds, ``offset`` the first that is not in it, of
    ``epoch``; both None before the first.
    """

    saved_at_ms: int | None
    offset: int | None
    epoch: int
    states: Mapping[str, Sequence[bytes | None]]


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads of one namespace; each raises `UnavailableError` when Redis does not answer."""

    _client: Client

    async def partition_numbers(self, topic: str) -> tuple[int, ...]:
        """Return the numbers of the topic's partitions that were ever claimed, in order."""
        key = self._client.keys.partitions
        [members] = await self._client.pipelined([("SMEMBERS", key)], atomic=False)
        found = (split_partition(member, key) for member in members)
        return tuple(sorted(number for name, number in found if name == topic))

    async def find_entity(
        self, topic: str, partitions: Sequence[int], kind: str, names: Sequence[str]
    ) -> dict[str, dict[int, bytes]]:
        """Return the states of each of ``names`` by partition, none for one that is new."""
        keys = [self._client.keys.entities(kind, topic, partition) for partition in partitions]
        replies = await self._client.pipelined(
            [("HMGET", key, *names) for key in keys], atomic=False
        )
        found: dict[str, dict[int, bytes]] = {name: {} for name in names}
        for partition, states in zip(partitions, replies, strict=True):
            for name, state in zip(names, states, strict=True):
                if state is not None:
                    found[name][partition] = state
        return found

    async def read_states(
        self, topic: str, wanted: Mapping[int, Mapping[str, Sequence[str]]]
    ) -> dict[int, StoredStates]:
        """Return the states of the entities that are ``wanted``, by partition and kind.

        One round trip; of one partition all are of the same checkpoint.
        """
        keys = self._client.keys
        commands: list[tuple[str, ...]] = []
        for partition, names in wanted.items():
            commands.append(("HMGET", keys.partition(topic, partition), *_OF_CHECKPOINT))
            for kind, of_kind in names.items():
                if of_kind:
                    commands.append(("HMGET", keys.entities(kind, topic, partition), *of_kind))
        replies = iter(await self._client.snapshot(commands))
        return {
            partition: _states(
                next(replies),
                keys.partition(topic, partition),
                {kind: next(replies) if of_kind else () for kind, of_kind in names.items()},
            )
            for partition, names in wanted.items()
        }


def _states(
    stored: Sequence[bytes | None], key: str, found: Mapping[str, Sequence[bytes | None]]
) -> StoredStates:
    saved_at_ms, offset, epoch = (
        _number(of, name, key) for of, name in zip(stored, _OF_CHECKPOINT, strict=True)
    )
    return StoredStates(saved_at_ms, offset, epoch or 0, found)


def _number(stored: bytes | None, name: str, key: str) -> int | None:
    if stored is not None and not stored.isdigit():
        raise InvariantError(
            f"{name} of {key} must be a number, got another text; does something else write under "
            "its keys?"
        )
    return None if stored is None else int(stored)
