"""What a worker takes of memory with very many cards: ``python -m load.memory``.

For each number of cards a worker of its own with a Redis of its own: as many cards as it may hold pay,
then others that it has never seen, so that the first ones leave.  Told is what worker and Redis take
while all are held and while they leave, and how long batches took meanwhile.

Invariant: a run counts only when every payment was scored and is in the checkpoints, no partition held
more than it may, and cards have left of which nothing was lost.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import redis
from confluent_kafka.admin import AdminClient

from load.brokers import BROKERS, running
from load.contestants import scrape, total
from load.exposition import gauge, quantile
from load.headline_rounds import own_of
from load.machine import cpu_seconds, describe_machine, without_openblas
from load.memory_figures import Held, Phase, markdown, per_card
from load.numbered import Numbered
from load.resident import memory_of
from load.runs import ledger_of
from streamer.embedded import ChildProcess
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["main", "measure"]

_CARDS: Final = (10_000, 1_000_000, 5_000_000)
_N_PARTITIONS: Final = 4
# Of so many payments labels and fingerprints of 4 partitions are full, whatever the number of cards.
_LEAST: Final = 800_000
_CHUNK: Final = 20_000
_POLL_S: Final = 1.0
_TOLD_EVERY_S: Final = 15.0
_PATIENCE_S: Final = 300.0
_GRACE_S: Final = 120.0


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--cards", type=click.IntRange(1_000), multiple=True, default=_CARDS)
@click.option("--least", type=click.IntRange(10_000), default=_LEAST, hidden=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(broker: str, cards: tuple[int, ...], least: int, json_path: Path | None) -> None:
    """Measure each number of cards, and print a table."""
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "partitions": str(_N_PARTITIONS),
    }
    found: list[Held] = []
    loads = [os.getloadavg()[0]]
    with running(broker) as address:
        for n_cards in sorted(cards):
            found.append(measure(address, n_cards, least))
            loads.append(os.getloadavg()[0])
            about["load"] = f"{min(loads):.0f} to {max(loads):.0f}"
            # What was measured stays, also where somebody ends it before the last one.
            if json_path is not None:
                runs = [asdict(each) for each in found]
                result = {"about": about, "runs": runs, "bytes_a_card": per_card(found)}
                json_path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    click.echo(markdown(found))
    for name, value in about.items():
        click.echo(f"{name}: {value}")


def measure(address: str, n_cards: int, least: int = _LEAST) -> Held:
    """Return what a worker takes that holds ``n_cards`` and then sees others."""
    run = f"memory-{n_cards}"
    # Six standard deviations above the mean of what hashing gives a partition.
    mean = n_cards / _N_PARTITIONS
    capacity = math.ceil(mean + 6 * math.sqrt(mean))
    with EmbeddedRedis() as server:
        overrides = own_of(run, n_cards) | {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": address,
            # Nobody is to be thrown out of the group on a machine that others use.
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "30",
            "STREAMER_TRANSACTIONS_TOPIC": f"transactions-{n_cards}",
            "STREAMER_REDIS_URL": server.url,
            "STREAMER_REDIS_TIMEOUT_S": "30",
            "STREAMER_CARDS_CAPACITY": str(capacity),
            # As the settings demand: five checkpoints must fit, and a batch into one.
            "STREAMER_CHECKPOINT_MAX_TRANSACTIONS": str(min(20_000, capacity // 5)),
            "STREAMER_BATCH_MAX_RECORDS": str(min(4_000, capacity // 5)),
            "STREAMER_LOG_LEVEL": "WARNING",
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), _N_PARTITIONS), 1)
        environment = without_openblas(child_environment(overrides))
        command = [sys.executable, "-m", "streamer", "worker"]
        with ChildProcess(command, name="worker", env=environment) as worker:
            held = _Run(settings, worker, server.url, n_cards, capacity).measure(least)
            worker.stop(grace_s=_GRACE_S)
        ledger = asyncio.run(ledger_of(settings))
    if ledger.scored != held.n_payments or ledger.imbalance:
        raise InvariantError(
            f"the checkpoints must hold {held.n_payments} payments scored, got {ledger}"
        )
    return held


class _Run:
    """One worker, what it was sent, and what it took."""

    def __init__(
        self, settings: Settings, worker: ChildProcess, url: str, n_cards: int, capacity: int
    ) -> None:
        self._settings, self._worker, self._url = settings, worker, url
        self._n_cards, self._capacity = n_cards, capacity
        self._feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
        self._payments = Numbered()
        self._told_at = 0.0

    def measure(self, least: int) -> Held:
        n_cards = self._n_cards
        n_filling = max(n_cards, least)
        # Each partition makes room of a sixteenth at once, so that a fifth is three times.
        n_new = max(n_cards // 5, least // 8)
        self._worker.wait_ready(
            lambda: bool(scrape(self._settings)), "an answer of /metrics", _PATIENCE_S
        )
        filling, full = self._phase(self._payments.records(range(n_filling), n_cards), n_filling)
        n_held = gauge(full, "streamer_entities_tracked", kind="cards")
        numbers = range(n_filling, n_filling + n_new)
        evicting, said = self._phase(self._payments.records(numbers), n_new, full)
        after = gauge(said, "streamer_entities_tracked", kind="cards")
        n_left = total(said, "streamer_entities_evicted_total")
        n_lost = total(said, "streamer_entities_evicted_unsaved_total")
        if after > self._capacity * _N_PARTITIONS or not n_left or n_lost:
            raise InvariantError(
                f"at most {self._capacity * _N_PARTITIONS} cards must be held and some have left "
                f"of which nothing was lost, got {after:.0f} held, {n_left} left, {n_lost} unsaved"
            )
        table_bytes = gauge(said, "streamer_entities_bytes", kind="cards")
        return Held(
            n_cards=n_cards,
            n_held=int(n_held),
            n_payments=n_filling + n_new,
            n_left=n_left,
            table_bytes=int(table_bytes),
            filling=filling,
            evicting=evicting,
        )

    def _phase(
        self, records: Iterator[tuple[bytes, bytes]], n: int, before: str = ""
    ) -> tuple[Phase, str]:
        """Send payments as fast as they are taken; return what there was when all were stored, and the
        last scrape."""
        started, cpu_s = time.monotonic(), cpu_seconds(self._worker.pid)
        most = 0
        for first in range(0, n, _CHUNK):
            chunk = [next(records) for _ in range(min(_CHUNK, n - first))]
            self._feeder.send(chunk)
            most = max(most, memory_of(self._worker.pid).resident)
            self._tell("sent")
        self._feeder.finish()
        moved_at, n_done = time.monotonic(), -1
        while (stored := asyncio.run(ledger_of(self._settings)).consumed) < self._feeder.n_sent:
            most = max(most, memory_of(self._worker.pid).resident)
            self._tell(f"in the checkpoints: {stored:,} of")
            now = time.monotonic()
            if stored > n_done:
                moved_at, n_done = now, stored
            if now - moved_at > _PATIENCE_S or not self._worker.is_running():
                raise UnavailableError(
                    f"a worker must get through {self._feeder.n_sent}, got {stored}:\n"
                    f"{self._worker.log_tail()}"
                )
            time.sleep(_POLL_S)
        took_s = time.monotonic() - started
        cpu_s = cpu_seconds(self._worker.pid) - cpu_s
        said = scrape(self._settings)
        memory = memory_of(self._worker.pid)
        with redis.Redis.from_url(self._url) as client:
            info: Any = client.info("memory")
        phase = Phase(
            seconds=round(took_s, 1),
            cpu_us_per_payment=round(cpu_s / n * 1e6, 1),
            memory=memory,
            most_resident=max(most, memory.resident),
            redis_used=info["used_memory"],
            redis_resident=info["used_memory_rss"],
            redis_fragmentation=info["allocator_frag_ratio"],
            batch_p50_s=quantile(said, _BATCH, 0.5, before),
            batch_p99_s=quantile(said, _BATCH, 0.99, before),
            batch_longest_s=quantile(said, _BATCH, 1.0, before),
            lag_longest_s=quantile(said, "streamer_event_loop_lag_seconds", 1.0, before),
        )
        return phase, said

    def _tell(self, what: str) -> None:
        if (now := time.monotonic()) - self._told_at > _TOLD_EVERY_S:
            self._told_at = now
            mb = memory_of(self._worker.pid).resident / 1e6
            click.echo(
                f"{self._n_cards:,} cards: {what} {self._feeder.n_sent:,}, {mb:.0f} MB", err=True
            )


_BATCH: Final = "streamer_batch_seconds"


if __name__ == "__main__":
    main()
