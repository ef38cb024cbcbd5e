"""What more workers and more partitions cost: ``python -m load.scale``.

One, two and four workers over topics of 16 and 64 partitions, in turn, each run with a Redis of its
own.  Processor time per payment, and the commands and bytes that Redis sees, say what sharing costs;
how many payments a second says little where all of them share the processors of one machine.

Invariant: a run counts only when the checkpoints account for every payment of its topic.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import click
import redis
from confluent_kafka.admin import AdminClient

from load.brokers import BROKERS, running
from load.contestants import consumed, scrape, total
from load.figures import Spread, summarise
from load.headline_rounds import own_of
from load.machine import cpu_seconds, describe_machine, without_openblas
from load.runs import ledger_of, skipped
from load.scale_figures import Moment, figures_of
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names

__all__ = ["main"]

_SAMPLE_S: Final = 0.5
_STALLED_AFTER_S: Final = 120.0
_SAVED_WITHIN_S: Final = 60.0
_GENERATED_WITHIN_S: Final = 1_800.0
_GRACE_S: Final = 60.0
_MERGES: Final = "streamer_model_merges_total"


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--workers", type=click.IntRange(1), multiple=True, default=(1, 2, 4))
@click.option("--partitions", type=click.IntRange(1), multiple=True, default=(16, 64))
@click.option("--payments", type=click.IntRange(50_000), default=400_000, show_default=True)
@click.option("--cards", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    broker: str,
    workers: tuple[int, ...],
    partitions: tuple[int, ...],
    payments: int,
    cards: int,
    rounds: int,
    as_json: bool,
) -> None:
    """Measure each number of workers on each number of partitions; how far it is goes to stderr."""
    found: dict[tuple[int, int], list[dict[str, float]]] = {}
    with running(broker) as address:
        for n_partitions in partitions:
            common = _common(address, n_partitions)
            _fill(common, n_partitions, payments, cards)
            for number in range(rounds):
                # Whoever was first is last in the next round.
                for n_workers in workers if number % 2 == 0 else workers[::-1]:
                    key = n_partitions, n_workers
                    run = f"{n_partitions}-{n_workers}-{number}"
                    figures = _measured(common, run, n_partitions, n_workers, payments)
                    found.setdefault(key, []).append(figures)
    _tell({key: summarise(_by_name(runs)) for key, runs in found.items()}, as_json)


def _common(address: str, n_partitions: int) -> dict[str, str]:
    return {
        "STREAMER_KAFKA_BOOTSTRAP_SERVERS": address,
        "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
        "STREAMER_TOPIC_PARTITIONS": str(n_partitions),
        "STREAMER_TRANSACTIONS_TOPIC": f"transactions-{n_partitions}",
        "STREAMER_LOG_LEVEL": "WARNING",
    }


def _fill(common: dict[str, str], n_partitions: int, payments: int, cards: int) -> None:
    """Have the generator fill the topic."""
    settings = load_settings(common)
    admin = AdminClient(librdkafka_config(settings))
    create_topics(admin, {settings.transactions_topic: n_partitions}, 1)
    click.echo(f"filling {settings.transactions_topic} with {payments:,} payments", err=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "load.generator", "--payments", str(payments)]
        command += ["--cards", str(cards), "--out", str(Path(folder) / "verdicts")]
        environment = without_openblas(child_environment(common))
        with ChildProcess(command, name="load.generator", env=environment) as child:
            if child.wait(_GENERATED_WITHIN_S):
                raise InvariantError(f"load.generator must end with 0, got:\n{child.log_tail()}")


def _measured(
    common: dict[str, str], run: str, n_partitions: int, n_workers: int, n_payments: int
) -> dict[str, float]:
    """Let ``n_workers`` get through the topic with a Redis of their own; return what it took."""
    with EmbeddedRedis() as server:
        overrides = common | own_of(f"scale-{run}", 0) | {"STREAMER_REDIS_URL": server.url}
        overrides |= {
            name: f"{topic}-{run}" for name, topic in overrides.items() if name in _OUTPUT_TOPICS
        }
        settings = load_settings(overrides)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), n_partitions), 1)
        client = redis.Redis.from_url(server.url)
        with _workers(overrides, n_workers) as each:
            moments = list(_moments(each, client, n_payments, run))
            _wait_until_saved(settings, n_payments)
        client.close()
    figures = figures_of(moments, skipped(n_payments, settings.warmup_transactions), n_payments)
    click.echo(f"{run}: {json.dumps(figures)}", err=True)
    return figures


def _wait_until_saved(settings: Settings, n_payments: int) -> None:
    """Return once the checkpoints account for every payment, while the workers still run.

    What the last batches gave is in memory until the next checkpoint is due; a worker that leaves
    hands its partitions to others, which read again what it had not saved.
    """
    deadline = time.monotonic() + _SAVED_WITHIN_S
    while (ledger := asyncio.run(ledger_of(settings))).scored != n_payments:
        if time.monotonic() > deadline:
            raise InvariantError(
                f"the checkpoints must account for {n_payments} payments, got {ledger}"
            )
        time.sleep(_SAMPLE_S)


_OUTPUT_TOPICS: Final = frozenset(
    f"STREAMER_{name}_TOPIC"
    for name in ("ALERTS", "OVERFLOW", "DEAD_LETTERS", "FEEDBACK", "FEEDBACK_DEAD_LETTERS")
)


@contextmanager
def _workers(
    overrides: dict[str, str], n_workers: int
) -> Iterator[list[tuple[ChildProcess, Settings]]]:
    """Run workers of one group within the block."""
    with ExitStack() as stack:
        found = []
        for i in range(n_workers):
            own = overrides | {"STREAMER_WEB_PORT": str(free_port())}
            child = ChildProcess(
                [sys.executable, "-m", "streamer", "worker"],
                name=f"worker {i}",
                env=without_openblas(child_environment(own)),
            )
            stack.enter_context(child)
            found.append((child, load_settings(own)))
        yield found
        for child, _ in found:
            child.stop(grace_s=_GRACE_S)


def _moments(
    workers: Sequence[tuple[ChildProcess, Settings]],
    client: redis.Redis,
    n_payments: int,
    run: str,
) -> Iterator[Moment]:
    """Yield how far it is until all is done."""
    moved_at, n_before = time.monotonic(), 0
    while True:
        said = [scrape(settings) for _, settings in workers]
        moment = Moment(
            time.monotonic(),
            tuple(map(consumed, said)),
            sum(cpu_seconds(child.pid) for child, _ in workers),
            sum(total(each, _MERGES) for each in said),
            *_redis(client.info),
        )
        yield moment
        n_done = sum(moment.n_done)
        if n_done > n_before:
            moved_at, n_before = moment.at_s, n_done
            click.echo(f"{run}: {n_done:,} of {n_payments:,}", err=True)
        if n_done >= n_payments:
            return
        if moment.at_s - moved_at > _STALLED_AFTER_S or not all(c.is_running() for c, _ in workers):
            words = "\n".join(child.log_tail() for child, _ in workers)
            raise UnavailableError(f"workers must get through {n_payments}, got {n_done}:\n{words}")
        time.sleep(_SAMPLE_S)


def _redis(info: Callable[[], Any]) -> tuple[int, int, int, float]:
    """Return commands, bytes in, bytes out and processor seconds of a Redis since its start."""
    told = info()
    return (
        told["total_commands_processed"],
        told["total_net_input_bytes"],
        told["total_net_output_bytes"],
        told["used_cpu_user"] + told["used_cpu_sys"],
    )


def _by_name(runs: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [run[name] for run in runs] for name in runs[0]}


def _tell(found: dict[tuple[int, int], dict[str, Spread]], as_json: bool) -> None:
    if as_json:
        rounds = [
            {"partitions": p, "workers": w}
            | {name: [each.median, each.low, each.high] for name, each in spreads.items()}
            for (p, w), spreads in found.items()
        ]
        click.echo(
            json.dumps({"about": describe_machine(), "median, least, most": rounds}, indent=2)
        )
        return
    names = list(next(iter(found.values())))
    click.echo(f"| partitions, workers | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for (n_partitions, n_workers), spreads in found.items():
        cells = (
            f"{each.median:,.4g} ({each.low:,.4g} to {each.high:,.4g})" for each in spreads.values()
        )
        click.echo(f"| {n_partitions}, {n_workers} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
