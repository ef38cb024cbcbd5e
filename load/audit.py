"""What an entry of the audit costs, and its check: ``python -m load.audit``; embedded servers.

Three figures: how long who looks waits (Redis), how long who changes something waits (Redis and Kafka),
one after the other; and what a check of a chain takes without its reading, in time and memory.
"""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Sequence

import click

from load.answer_times import percentile
from load.machine import describe_machine
from streamer.audit.anchors import Anchors
from streamer.audit.audit_check import AuditCheck
from streamer.audit.audit_entry import Actor, AuditEntry, Card, Head, Subject, Told, sealed
from streamer.audit.audit_writer import AuditWriter
from streamer.audit.kept_heads import KeptHeads
from streamer.audit.stored_entry import place_code, stored_entry
from streamer.embedded import EmbeddedServers
from streamer.settings import load_settings
from streamer.starting.wiring import open_review_store
from streamer.store import rfc3339
from streamer.stream.kafka.topics import prepare_audit_topic

__all__ = ["main"]


@click.command()
@click.option("--entries", "n_entries", default=200_000, show_default=True, help="Of the check.")
@click.option("--calls", "n_calls", default=1_000, show_default=True, help="Of each kind.")
def main(n_entries: int, n_calls: int) -> None:
    """Print the figures."""
    for name, value in describe_machine().items():
        click.echo(f"{name}: {value}")
    with EmbeddedServers() as servers:
        views, changes = asyncio.run(_waited(servers.bootstrap_servers, servers.redis_url, n_calls))
    for name, took in (("view", views), ("change", changes)):
        told = ", ".join(f"p{q} {percentile(sorted(took), q / 100):.2f}" for q in (50, 95, 99))
        click.echo(f"{name}, ms: {told} ({n_calls:,})")
    values = _chain(n_entries)
    size = sum(map(len, values)) / n_entries
    began_s = time.process_time()
    _, n_findings = _checked(values)
    took_s = time.process_time() - began_s
    # Tracing memory makes all of it slower.
    tracemalloc.start()
    check, _ = _checked(values)
    held = tracemalloc.get_traced_memory()[0] / n_entries
    click.echo(
        f"check: {n_entries:,} entries of {size:.0f} bytes, {n_entries / took_s:,.0f} a second of CPU, "
        f"{held:.0f} bytes held an entry, {n_findings} findings"
    )
    del check


def _checked(values: Sequence[bytes]) -> tuple[AuditCheck, int]:
    check = AuditCheck()
    for n, value in enumerate(values):
        check.add(stored_entry(value, place_code(0, n)))
    return check, len(check.done(Anchors(is_topic=False)).findings)


def _told(n: int) -> Told:
    return Told(
        actor=Actor("mona", "session", "reviewer"),
        action="view alert",
        subject=Subject("alert", f"transactions-0-{n}"),
        card=Card(f"card-{n}", f"t-{n}"),
    )


def _chain(n_entries: int) -> list[bytes]:
    head, values = None, []
    for n in range(n_entries):
        at_ms = 1_790_000_000_000 + n
        named = {"writer": "console:host:0", "at": rfc3339(at_ms)}
        made = sealed(AuditEntry.of(_told(n), before=head, heads=[], **named))
        head = Head(n, made.hash, at_ms)
        values.append(made.value)
    return values


async def _waited(servers: str, redis_url: str, n_calls: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds that views and changes waited."""
    settings = load_settings(
        {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers,
            "STREAMER_REDIS_URL": redis_url,
            "STREAMER_CREATE_TOPICS": "true",
        }
    )
    await asyncio.to_thread(prepare_audit_topic, settings)
    store = open_review_store(settings)
    kept = KeptHeads(store.client)
    writer = AuditWriter(settings, kept, "load", lambda: time.time_ns() // 1_000_000)
    took: tuple[list[float], list[float]] = ([], [])
    for n in range(n_calls):
        for call, into in ((writer.noted, took[0]), (writer.stored, took[1])):
            began_s = time.perf_counter()
            await call(_told(n))
            into.append((time.perf_counter() - began_s) * 1000)
    await writer.close()
    await store.close()
    return took


if __name__ == "__main__":
    main()
