"""Asks Redis, Kafka and the workers; whoever does not answer costs its own part of the status only."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import msgspec

from streamer.errors import ConfigurationError, StreamerError
from streamer.model import Scorer, achieved_per_hour, achieved_share
from streamer.reports.drift_report import describe_drift
from streamer.retention.kept_topics import KEPT_TOPICS, differing, not_told
from streamer.settings import Settings
from streamer.starting.wiring import model_config, open_store, settings_in_force
from streamer.status.facts import (
    Change,
    EndpointStatus,
    ModelStatus,
    PartitionStatus,
    Status,
    WorkerStatus,
)
from streamer.status.worker_asking import asked_worker
from streamer.store import LogBounds, PartitionRecord, StoredVersion
from streamer.store.service import ALIVE_MS
from streamer.store.stored import rfc3339

__all__ = ["expanded", "gather"]

_LINEAGE_READ: Final = 1_000
# What a worker says is of a thousand partitions at most, a sentence each.
_MOST_LINES: Final = 1_000
_MOST_SAID: Final = 1_000
_CHANGES_SHOWN: Final = 8
# Of a lineage entry, what is shown elsewhere or says nothing to a person.
_PLAIN: Final = ("at", "reason", "who", "version", "parent", "replaced")


class _Readiness(msgspec.Struct, frozen=True):
    """What /readyz says."""

    status: str
    because: list[str] = []
    warnings: list[str] = []


class _InForce(NamedTuple):
    """The settings under the policy in force, its id, and those that the workers go by."""

    settings: Settings
    policy: str
    by_worker: Mapping[str, str]


def gather(settings: Settings, urls: Sequence[str], now_ms: int) -> Status:
    """Return the status of the settings' service; blocks for some seconds at most.

    ``urls`` are addresses of workers; each address that a host's name stands for is asked.
    ConfigurationError where settings or urls are no use.
    """
    endpoints = tuple(_endpoint(url) for url in expanded(urls))
    at = rfc3339(now_ms)
    topic, namespace = settings.transactions_topic, settings.namespace
    try:
        records, head, entries, seen, in_force = asyncio.run(_asked(settings))
    except ConfigurationError:
        raise
    except StreamerError as error:
        return Status(at, namespace, topic, None, endpoints=endpoints, redis_error=str(error))
    known = {number: record for (name, number), record in records.items() if name == topic}
    n_partitions, bounds, kafka_error = _logs(settings, topic, known)
    return Status(
        at=at,
        namespace=namespace,
        topic=topic,
        n_partitions=n_partitions,
        workers=tuple(
            WorkerStatus(
                name,
                (now_ms - at_ms) / 1000,
                now_ms - at_ms < ALIVE_MS,
                in_force.by_worker.get(name, ""),
            )
            for name, at_ms in sorted(seen.items())
        ),
        partitions=tuple(
            _partition(number, record, bounds.get(number), now_ms)
            for number, record in sorted(known.items())
        ),
        model=_model(in_force.settings, head, now_ms),
        policy=in_force.policy,
        changes=tuple(_changes(entries, now_ms))[:_CHANGES_SHOWN],
        endpoints=endpoints,
        kafka_error=kafka_error,
        kept_otherwise=() if kafka_error is not None else _kept_otherwise(settings),
    )


async def _asked(
    settings: Settings,
) -> tuple[
    dict[tuple[str, int], PartitionRecord],
    StoredVersion,
    list[dict[str, str]],
    dict[str, int],
    _InForce,
]:
    store = open_store(settings)
    try:
        return (
            await store.partitions(),
            await store.head(),
            await store.lineage(_LINEAGE_READ),
            await store.workers(),
            _InForce(
                await settings_in_force(store, settings),
                await store.policies.head(),
                await store.policies.by_worker(),
            ),
        )
    finally:
        await store.close()


def _logs(
    settings: Settings, topic: str, known: Mapping[int, PartitionRecord]
) -> tuple[int | None, dict[int, LogBounds], str | None]:
    # Faust and the Kafka clients take a second to import.
    from streamer.stream.kafka.partition_log import PartitionLogs

    bounds: dict[int, LogBounds] = {}
    logs = PartitionLogs(settings)
    try:
        _, n_partitions = logs.topic(topic)
        for number, record in known.items():
            if number < n_partitions:
                bounds[number] = logs.log(topic, number, record.offset)
    except StreamerError as error:
        return None, bounds, str(error)
    finally:
        logs.close()
    return n_partitions, bounds, None


def _kept_otherwise(settings: Settings) -> tuple[str, ...]:
    from streamer.stream.kafka.topic_configs import told_or_refused

    names = {getattr(settings, row.setting) for row in KEPT_TOPICS if row.kept_s}
    told, refused = told_or_refused(settings, names - {None})
    return (*differing(settings, told), *not_told(refused))


def _partition(
    number: int, record: PartitionRecord, bounds: LogBounds | None, now_ms: int
) -> PartitionStatus:
    saved_at_ms = record.saved_at_ms
    return PartitionStatus(
        partition=number,
        owner=record.owner,
        offset=record.offset,
        beginning=None if bounds is None else bounds.beginning,
        end=None if bounds is None else bounds.end,
        checkpoint_age_s=None if saved_at_ms is None else (now_ms - saved_at_ms) / 1000,
        imbalance=record.ledger.imbalance,
        scored=record.ledger.scored,
        alerted=record.ledger.alerted,
        dead_lettered=record.ledger.dead_lettered,
        lost=record.ledger.lost,
    )


def _model(settings: Settings, head: StoredVersion, now_ms: int) -> ModelStatus:
    config = model_config(settings)
    version = Scorer.of(head.id, head.sums, config)
    drift = describe_drift(head.sums, config)
    created_at = head.header.created_at
    return ModelStatus(
        version=head.id,
        age_s=_age_s(created_at, now_ms) if created_at else None,
        is_warming=version.is_warming,
        transactions_seen=head.sums.transactions_seen,
        warmup=config.warmup,
        ranked_by=version.ranked_by,
        budget_requested=version.due_share,
        budget_achieved=achieved_share(head.sums),
        per_hour_requested=config.alerts_per_hour,
        per_hour_achieved=achieved_per_hour(head.sums),
        drift_reference=drift.reference,
        moved=tuple(each.sentence for each in drift.features if each.has_moved),
    )


def _changes(entries: Iterable[Mapping[str, str]], now_ms: int) -> Iterable[Change]:
    for entry in entries:
        if entry["reason"] != "merge":
            told = {name: value for name, value in entry.items() if name not in _PLAIN and value}
            version = entry.get("version", "")[:12]
            if replaced := entry.get("replaced"):
                told["replaced"] = replaced[:12]
            details = ", ".join(f"{name} {value}" for name, value in told.items())
            yield Change(
                entry["at"],
                _age_s(entry["at"], now_ms),
                entry["reason"],
                entry.get("who", ""),
                details or version,
            )


def _age_s(at: str, now_ms: int) -> float:
    return now_ms / 1000 - datetime.fromisoformat(at).timestamp()


def expanded(urls: Iterable[str]) -> list[str]:
    """Return a URL for each address: a headless service's name stands for all of its workers."""
    found: list[str] = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"--worker must be an http or https URL, got {url}")
        if parts.scheme == "https":
            # The name is what its certificate is for.
            found.append(url.rstrip("/"))
            continue
        port = parts.port or 80
        try:
            answers = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError:
            found.append(url.rstrip("/"))
            continue
        hosts = sorted({str(answer[4][0]) for answer in answers})
        found += [
            urlunsplit(
                (parts.scheme, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "", "", "")
            )
            for host in hosts
        ]
    return found


def _endpoint(url: str) -> EndpointStatus:
    try:
        status, body = asked_worker(url, "/readyz")
    except OSError as error:
        return EndpointStatus(url, is_ready=False, error=str(error))
    try:
        told = msgspec.json.decode(body, type=_Readiness)
    except ValueError:
        error_text = "no answer of a worker's" if status == 200 else f"status {status}"
        return EndpointStatus(url, is_ready=False, error=error_text)
    return EndpointStatus(
        url,
        is_ready=told.status == "ready",
        because=tuple(each[:_MOST_SAID] for each in told.because[:_MOST_LINES]),
        warnings=tuple(each[:_MOST_SAID] for each in told.warnings[:_MOST_LINES]),
    )
