"""A worker at a steady rate for half an hour: ``python -m load.steady [--minutes 30]``.

Payments of more cards than fit into memory, so that cards leave and come back all the time; some are
sent twice, some messages are no payment, verdicts come on 1%.  `/metrics` is scraped every 5 s as
Prometheus does, checkpoints are the worker's own, alerts go to Kafka.  What is resident is looked at
each second.  Broker, Redis and worker are processes of their own; this one sends and watches.

Invariant: a run counts only when, at its end, the checkpoints account for everything that was sent,
each thing as what it was, and each alert of the ledger is on its topics once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from load.brokers import BROKERS, running
from load.contestants import consumed, scrape, total
from load.exposition import quantile
from load.machine import cpu_seconds, describe_machine, without_openblas
from load.resident import Flatness, Resident, flatness, memory_of, resident_of
from load.resident_plot import draw
from load.runs import ledger_of
from load.steady_traffic import Sent, Traffic
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["ALLOWED", "check_ledger", "main", "steady"]

ALLOWED: Final = 0.02
"""By how much what is resident may differ between the first and the last fifth."""

# Two, so that all that is kept of payments is full within the warm-up: fingerprints of two windows of
# 100,000 offsets of a partition after 200 s at 2,000/s.
_N_PARTITIONS: Final = 2
# So many verdicts stand of a partition after five minutes; the default of 100,000 takes three hours.
_VERDICTS_KEPT: Final = 3_000
_SAMPLE_S: Final = 1.0
_SCRAPED_EVERY: Final = 5
_TOLD_EVERY: Final = 60
_PATIENCE_S: Final = 180.0
_GRACE_S: Final = 60.0
_POLL_S: Final = 0.5


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--minutes", type=click.FloatRange(0.1), default=30.0, show_default=True)
@click.option(
    "--warm-up", type=click.FloatRange(0), default=5.0, show_default=True, help="Minutes of them."
)
@click.option("--rate", type=click.IntRange(100), default=2_000, show_default=True)
@click.option(
    "--cards",
    type=click.IntRange(1, 1_000_000),
    default=300_000,
    show_default=True,
    help="Of which each partition holds at most --capacity.",
)
@click.option("--capacity", type=click.IntRange(5_000), default=40_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    broker: str,
    minutes: float,
    warm_up: float,
    rate: int,
    cards: int,
    capacity: int,
    seed: int,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Run, print what it came to, and fail where the memory is not flat."""
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "rate": f"{rate:,}",
        "minutes": f"{minutes:g}",
        "warm_up_minutes": f"{warm_up:g}",
        "cards": f"{cards:,}",
        "capacity": f"{capacity:,}",
        "seed": str(seed),
    }
    with running(broker) as address:
        found, samples = steady(address, minutes * 60, rate, cards, capacity, seed)
    about["load_at_the_end"] = f"{os.getloadavg()[0]:.1f}"
    flat = flatness(samples, warm_up * 60)
    result = {"about": about, "flatness": asdict(flat), **found}
    if json_path is not None:
        each_second = {"resident_mb_each_second": [round(s.n_bytes / 1e6, 1) for s in samples]}
        json_path.write_text(json.dumps(result | each_second) + "\n", "utf-8")
    if plot_path is not None:
        draw(samples, flat, warm_up * 60, ALLOWED, about, plot_path)
    click.echo(json.dumps(result, indent=2))
    click.echo(sentence(flat))
    if abs(flat.change) > ALLOWED:
        raise click.ClickException(f"what is resident must stay within {ALLOWED:.0%}, see above")


def sentence(flat: Flatness) -> str:
    """Return in words how flat the memory is."""
    return (
        f"resident: {flat.first / 1e6:.1f} MB in the first fifth after the warm-up, "
        f"{flat.last / 1e6:.1f} MB in the last ({flat.change:+.2%}); {flat.least / 1e6:.1f} to "
        f"{flat.most / 1e6:.1f} MB, at most {flat.within:.2%} from the median; "
        f"{flat.per_hour / 1e6:+.1f} MB an hour"
    )


def steady(
    address: str, seconds: float, rate: int, n_cards: int, capacity: int, seed: int
) -> tuple[dict[str, Any], list[Resident]]:
    """Let a worker score for ``seconds``; return what it came to and what was resident each second."""
    with EmbeddedRedis() as server:
        overrides = {
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": address,
            # On a machine that others use a worker would be thrown out of its group, and begin anew.
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "60",
            "STREAMER_REDIS_URL": server.url,
            "STREAMER_REDIS_TIMEOUT_S": "30",
            "STREAMER_NAMESPACE": "steady",
            "STREAMER_CONSUMER_GROUP": "steady",
            "STREAMER_CARDS_CAPACITY": str(capacity),
            "STREAMER_MERCHANTS_CAPACITY": str(capacity),
            "STREAMER_CHECKPOINT_MAX_TRANSACTIONS": str(min(20_000, capacity // 5)),
            "STREAMER_BATCH_MAX_RECORDS": str(min(4_000, capacity // 5)),
            "STREAMER_LABEL_CAPACITY": str(_VERDICTS_KEPT),
            "STREAMER_WEB_HOST": "127.0.0.1",
            "STREAMER_WEB_PORT": str(free_port()),
            "STREAMER_ADMIN_PORT": "0",
            "STREAMER_LOG_LEVEL": "WARNING",
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), _N_PARTITIONS), 1)
        environment = without_openblas(child_environment(overrides))
        command = [sys.executable, "-m", "streamer", "worker"]
        traffic = Traffic(settings, rate, n_cards, seed)
        with ChildProcess(command, name="worker", env=environment) as worker:
            _wait_until_ready(settings, worker)
            traffic.start()
            samples = _watched(settings, worker, traffic, seconds)
            sent = traffic.stop()
            used = memory_of(worker.pid), cpu_seconds(worker.pid)
            _wait_until_done(settings, worker, sent)
            said = scrape(settings)
            worker.stop(grace_s=_GRACE_S)
        ledger = asyncio.run(ledger_of(settings))
        n_alerts = check_ledger(ledger, sent, _alert_ids(settings))
        return _result(said, ledger, sent, n_alerts, used, server.url), samples


def _result(
    said: str, ledger: Ledger, sent: Sent, n_alerts: int, used: tuple[Any, float], url: str
) -> dict[str, Any]:
    memory, cpu_s = used
    with redis.Redis.from_url(url) as client:
        info: Mapping[str, Any] = client.info("memory")
    return {
        "sent": {**asdict(sent), "records": sent.records},
        "ledger": asdict(ledger),
        "alerts_on_the_topics": n_alerts,
        "memory_mb": {name: round(n / 1e6, 1) for name, n in asdict(memory).items()},
        "redis_used_memory_mb": round(info["used_memory"] / 1e6, 1),
        "cpu_us_per_record": round(cpu_s / sent.records * 1e6, 1),
        "counted": {name: total(said, f"streamer_{name}_total") for name in _COUNTED},
        "batch_seconds": {
            name: quantile(said, "streamer_batch_seconds", share)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))
        },
    }


_COUNTED: Final = (
    "entities_evicted",
    "entities_evicted_unsaved",
    "model_merges",
    "verdicts_learned",
)


def _wait_until_ready(settings: Settings, worker: ChildProcess) -> None:
    worker.wait_ready(lambda: bool(scrape(settings)), "an answer of /metrics", _PATIENCE_S)


def _watched(
    settings: Settings, worker: ChildProcess, traffic: Traffic, seconds: float
) -> list[Resident]:
    """Return what was resident each second."""
    samples: list[Resident] = []
    started, said = time.monotonic(), ""
    while (at_s := time.monotonic() - started) < seconds:
        traffic.check()
        if not worker.is_running():
            raise UnavailableError(f"the worker must go on, got:\n{worker.log_tail()}")
        samples.append(Resident(at_s, resident_of(worker.pid)))
        if len(samples) % _SCRAPED_EVERY == 0:
            said = scrape(settings) or said
        if len(samples) % _TOLD_EVERY == 0:
            click.echo(
                f"{at_s / 60:.1f} min: {samples[-1].n_bytes / 1e6:.1f} MB resident, "
                f"{traffic.sent.records:,} sent, {consumed(said):,} consumed, "
                f"{total(said, 'streamer_entities_evicted_total'):,} evicted",
                err=True,
            )
        time.sleep(max(started + len(samples) * _SAMPLE_S - time.monotonic(), 0.0))
    return samples


def _wait_until_done(settings: Settings, worker: ChildProcess, sent: Sent) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (n := asyncio.run(ledger_of(settings)).consumed) < sent.records:
        if time.monotonic() > deadline or not worker.is_running():
            raise UnavailableError(
                f"the checkpoints must hold {sent.records}, got {n}:\n{worker.log_tail()}"
            )
        time.sleep(_POLL_S)


def check_ledger(ledger: Ledger, sent: Sent, alert_ids: Counter[str]) -> int:
    """Return how many alerts there are; `InvariantError` where something is counted as another."""
    n_alerts = ledger.alerted + ledger.overflowed
    wanted = {
        "consumed": (sent.records, ledger.consumed),
        "scored": (sent.payments, ledger.scored),
        "repeated": (sent.repeats, ledger.repeated),
        "dead_lettered": (sent.broken, ledger.dead_lettered),
        "skipped": (0, ledger.skipped),
        "lost": (0, ledger.lost),
        "imbalance": (0, ledger.imbalance),
        "alerts on the topics": (n_alerts, alert_ids.total()),
        "alerts of different ids": (n_alerts, len(alert_ids)),
    }
    wrong = [f"{name} must be {m}, got {n}" for name, (m, n) in wanted.items() if m != n]
    if wrong:
        raise InvariantError("; ".join(wrong))
    return n_alerts


class _Id(msgspec.Struct):
    alert_id: str


def _alert_ids(settings: Settings) -> Counter[str]:
    """Return how often each alert is on the topics of alerts and of overflow."""
    own = {"group.id": "steady-reader", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(librdkafka_config(settings, **own))
    left = {
        (topic, partition)
        for topic in (settings.alerts_topic, settings.overflow_topic)
        for partition in range(_N_PARTITIONS)
    }
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in left])
    decoder, found = msgspec.json.Decoder(_Id), Counter[str]()
    deadline = time.monotonic() + _PATIENCE_S
    with closing(consumer):
        while left:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"alerts must be readable to their ends, got stuck at {left}"
                )
            message: Any = consumer.poll(_POLL_S)
            if message is None:
                continue
            if message.error() is not None:
                left.discard((message.topic(), message.partition()))
            else:
                found[decoder.decode(message.value()).alert_id] += 1
    return found


if __name__ == "__main__":
    main()
