"""One measured run: fresh servers, a backlog, one consumer, samples of its progress.

Invariant: a run counts only when, at its end, the checkpoints in Redis account for every record of
the backlog (where the contestant keeps any), none of them a dead letter.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from load.contestants import Contestant
from load.figures import Sample, Window, rate
from load.machine import without_openblas
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess, EmbeddedServers
from streamer.embedded.server import free_port
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.starting.wiring import open_store
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = [
    "Progress",
    "Records",
    "Run",
    "check",
    "follow",
    "ledger_of",
    "measure",
    "skipped",
]

Records = Sequence[tuple[bytes | None, bytes]]
Progress = Callable[[str, int, int], None]
"""Called with what is going on, how far it is, and how far it has to go."""

_SAMPLE_S: Final = 0.1
_SKIPPED_SHARE: Final = 0.1
_FEED_CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of one contestant came to."""

    contestant: str
    n_payments: int
    window: Window
    ledger: Ledger | None


def skipped(n_payments: int, warmup: int) -> int:
    """Return how many records pass before the clock starts: a tenth, and the whole warm-up.

    A transaction that meets a model without centers costs less than one that is scored.

    >>> skipped(100_000, 5_000), skipped(20_000, 5_000)
    (10000, 6000)
    """
    return max(int(n_payments * _SKIPPED_SHARE), int(warmup * 1.2))


def measure(contestant: Contestant, records: Records, n_partitions: int, report: Progress) -> Run:
    """Run ``contestant`` over ``records`` and return what was measured; blocks."""
    with EmbeddedServers() as servers, tempfile.TemporaryDirectory() as folder:
        overrides = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
            "STREAMER_REDIS_URL": servers.redis.url,
            "STREAMER_NAMESPACE": "load",
            "STREAMER_WEB_HOST": "127.0.0.1",
            "STREAMER_WEB_PORT": str(free_port()),
            "STREAMER_ADMIN_PORT": "0",
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
            "STREAMER_LOG_LEVEL": "WARNING",
            "STREAMER_LOG_FORMAT": "console",
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), n_partitions), 1)
        _fill(settings, records, report)
        counter = Path(folder) / "count"
        counter.write_bytes(bytes(8))
        child = ChildProcess(
            contestant.command(counter),
            name=contestant.name,
            env=without_openblas(child_environment({**overrides, **contestant.environment})),
        )
        with child:
            samples = follow(contestant, child, settings, counter, len(records), report)
        ledger = asyncio.run(ledger_of(settings)) if contestant.has_ledger else None
        check(contestant, ledger, len(records), child)
    n_skipped = skipped(len(records), settings.warmup_transactions)
    return Run(contestant.name, len(records), rate(samples, n_skipped, len(records)), ledger)


def _fill(settings: Settings, records: Records, report: Progress) -> None:
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    for first in range(0, len(records), _FEED_CHUNK):
        feeder.send(records[first : first + _FEED_CHUNK])
        report("filling the topic", feeder.n_sent, len(records))
    feeder.finish()


def follow(
    contestant: Contestant,
    child: ChildProcess,
    settings: Settings,
    counter: Path,
    n_total: int,
    report: Progress,
    every_s: float = _SAMPLE_S,
) -> list[Sample]:
    """Sample the progress until the whole backlog has been dealt with."""
    samples = [Sample(time.monotonic(), 0)]
    moved_at = samples[0].at_s
    while samples[-1].n_done < n_total:
        time.sleep(every_s)
        n_done = contestant.progress(settings, counter)
        now, cpu_s = time.monotonic(), contestant.cpu_seconds(child.pid)
        if n_done > samples[-1].n_done:
            moved_at = now
        samples.append(Sample(now, n_done, cpu_s))
        report("consuming" if n_done else "joining the group", n_done, n_total)
        if now - moved_at > contestant.patience_s or not child.is_running():
            raise UnavailableError(
                f"{contestant.name} must get through {n_total} records, got {n_done}; "
                f"its last words:\n{child.log_tail()}"
            )
    return samples


async def ledger_of(settings: Settings) -> Ledger:
    """Return what the checkpoints in Redis account for."""
    store = open_store(settings)
    try:
        return await store.totals()
    finally:
        await store.close()


def check(
    contestant: Contestant, ledger: Ledger | None, n_payments: int, child: ChildProcess
) -> None:
    """Raise InvariantError unless the checkpoints, where there are any, account for every payment."""
    if ledger is None:
        return
    if ledger.consumed != n_payments or ledger.scored != n_payments or not ledger.alerted:
        raise InvariantError(
            f"the checkpoints of {contestant.name} must account for {n_payments} scored payments "
            f"and some alerts, got {ledger}; its last words:\n{child.log_tail()}"
        )
