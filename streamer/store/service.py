"""Whose namespace this is: one service's, and the settings of the model that its workers share.

Two services in one namespace would teach one model and fence one another, and nobody would see it.

Invariants:
* A namespace belongs to one transactions topic, for good.
* What the workers must agree on changes only while none of the others is alive; the change is on
  record in the lineage.  The policy (`policy_records`) is none of it.
* The workers' names are few: whoever has not been seen for long is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from streamer.errors import ConfigurationError, InvariantError
from streamer.settings import POLICY_SETTINGS, PREFIX
from streamer.store.client import Client, Pipe, asked
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.keys import Keys
from streamer.store.stored import rfc3339
from streamer.store.versions import queue_entry

__all__ = [
    "ServiceIdentity",
    "heartbeat",
    "leave",
    "queue_heartbeat",
    "register",
    "registered",
    "workers",
]

# A worker says that it lives every few seconds and with each checkpoint; clocks of hosts differ, and a
# worker that stands still for so long has lost its partitions.
ALIVE_MS: Final = 30_000
_POLICYS: Final = frozenset(f"{PREFIX}{name.upper()}" for name in POLICY_SETTINGS)
# More workers than any topic has partitions; the oldest go first.
_MAX_WORKERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class ServiceIdentity:
    """What the workers of one service have in common.

    ``model_settings`` maps the name of each setting that enters the model to its value as text;
    ``kafka_cluster_id`` is empty where the broker has none.
    """

    transactions_topic: str
    model_settings: Mapping[str, str]
    config_hash: str
    kafka_cluster_id: str = ""


async def register(
    client: Client,
    identity: Identity,
    limits: Limits,
    service: ServiceIdentity,
    owner: str,
    now_ms: int,
) -> None:
    """Join the service that has the namespace, or be the first; raise ConfigurationError if not fit."""
    keys = client.keys

    async def attempt(pipe: Pipe) -> None:
        await identity.verify(pipe, client)
        await _check_types(pipe, keys)
        stored = _read(await asked(pipe, "HGETALL", keys.service), keys.service)
        changes: list[str] = []
        if stored is not None:
            _check_topic(stored, service, keys.namespace)
            changes = _changes(stored, service)
        if changes:
            # Their clocks and ours: one that is far ahead would take the living for gone.
            alive = await asked(pipe, "ZRANGEBYSCORE", keys.workers, now_ms - ALIVE_MS, "+inf")
            others = sorted({name.decode(errors="replace") for name in alive} - {owner})
            if others:
                raise _refused(changes, others, keys.namespace)
        pipe.multi()
        if stored is None or changes:
            pipe.execute_command("HSET", keys.service, *_fields(service, owner, now_ms))
        if changes:
            entry: dict[str, str | int] = {
                "reason": "settings",
                "who": owner,
                "at": rfc3339(now_ms),
                "changed": "; ".join(changes),
            }
            queue_entry(pipe, keys, entry, limits)
        queue_heartbeat(pipe, client, owner, now_ms)

    await client.transact([keys.identity, keys.service, keys.workers], attempt)


async def registered(client: Client) -> ServiceIdentity | None:
    """Return what the workers of the namespace have agreed on, None where none was there yet."""
    [stored] = await client.pipelined([("HGETALL", client.keys.service)], atomic=False)
    return _read(stored, client.keys.service)


async def heartbeat(client: Client, identity: Identity, owner: str, now_ms: int) -> None:
    """Say that ``owner`` is alive, and forget those who have not been for long."""
    key = client.keys.workers

    async def attempt(pipe: Pipe) -> None:
        await identity.verify(pipe, client)
        pipe.multi()
        queue_heartbeat(pipe, client, owner, now_ms)
        pipe.execute_command("ZREMRANGEBYSCORE", key, "-inf", f"({now_ms - ALIVE_MS}")
        pipe.execute_command("ZREMRANGEBYRANK", key, 0, -_MAX_WORKERS - 1)

    await client.transact([client.keys.identity], attempt)


async def workers(client: Client) -> dict[str, int]:
    """Return when each worker was last alive, in epoch milliseconds; those that left are not there."""
    [found] = await client.pipelined(
        [("ZRANGE", client.keys.workers, 0, -1, "WITHSCORES")], atomic=False
    )
    return {
        name.decode(errors="replace"): int(float(at))
        for name, at in zip(found[::2], found[1::2], strict=True)
    }


async def leave(client: Client, owner: str) -> None:
    """Say that ``owner`` has stopped in good order."""
    await client.pipelined([("ZREM", client.keys.workers, owner)], atomic=False)


def queue_heartbeat(pipe: Pipe, client: Client, owner: str, now_ms: int) -> None:
    """Queue the write that says that ``owner`` is alive."""
    pipe.execute_command("ZADD", client.keys.workers, now_ms, owner)


async def _check_types(pipe: Pipe, keys: Keys) -> None:
    """Raise `InvariantError` where a key that all workers write is of another type.

    Redis goes on with a transaction after a command that meets another type: it would be half written.
    """
    for key, expected in keys.shared.items():
        found: bytes = await pipe.execute_command("TYPE", key)
        if found.decode() not in (expected, "none"):
            raise InvariantError(
                f"{key} must be a {expected}, got WRONGTYPE {found.decode()}; does something else "
                "write under its keys?"
            )


def _read(stored: Mapping[bytes, bytes], key: str) -> ServiceIdentity | None:
    if not stored:
        return None
    try:
        values = {name.decode(): value.decode() for name, value in stored.items()}
        settings = {str(k): str(v) for k, v in orjson.loads(values["model_settings"]).items()}
        return ServiceIdentity(
            values["transactions_topic"],
            settings,
            values["config_hash"],
            values["kafka_cluster_id"],
        )
    except (KeyError, ValueError, AttributeError) as error:
        raise InvariantError(
            f"{key} must hold what a worker wrote, got something else ({type(error).__name__}); "
            "does something else write under its keys?"
        ) from None


def _fields(service: ServiceIdentity, owner: str, now_ms: int) -> list[str]:
    settings = orjson.dumps(dict(service.model_settings), option=orjson.OPT_SORT_KEYS)
    values = {
        "transactions_topic": service.transactions_topic,
        "kafka_cluster_id": service.kafka_cluster_id,
        "config_hash": service.config_hash,
        "model_settings": settings.decode(),
        "who": owner,
        "at": rfc3339(now_ms),
    }
    return [item for pair in values.items() for item in pair]


def _check_topic(stored: ServiceIdentity, service: ServiceIdentity, namespace: str) -> None:
    if stored.transactions_topic != service.transactions_topic:
        raise ConfigurationError(
            f"STREAMER_TRANSACTIONS_TOPIC must be {stored.transactions_topic!r}, whose service has "
            f"the STREAMER_NAMESPACE {namespace!r}, got {service.transactions_topic!r}; give every "
            "service a namespace of its own"
        )


def _changes(stored: ServiceIdentity, service: ServiceIdentity) -> list[str]:
    """Return ``name: old -> new`` of everything that differs, in the order of names."""
    # Earlier releases compared what is the policy's by now, of which a record tells.
    ours, theirs = (
        {name: value for name, value in each.model_settings.items() if name not in _POLICYS}
        for each in (service, stored)
    )
    if service.kafka_cluster_id and stored.kafka_cluster_id:
        ours["Kafka's cluster id"] = service.kafka_cluster_id
        theirs["Kafka's cluster id"] = stored.kafka_cluster_id
    return [
        f"{name}: {theirs.get(name, 'none')} -> {ours.get(name, 'none')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]


def _refused(changes: list[str], others: list[str], namespace: str) -> ConfigurationError:
    shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    return ConfigurationError(
        f"settings must be those of the {len(others)} other workers of STREAMER_NAMESPACE "
        f"{namespace!r} ({shown}), got {'; '.join(changes)}; stop them first (one that was killed "
        f"counts for {ALIVE_MS // 1000} s more), or give this service a namespace of its own"
    )
