"""Where one Redis ends: ``python -m load.redis_end``.

Its one thread is given the checkpoints of ever more workers until it is full.  What they send is what
the store's own code has sent, recorded at full batches (`load.saved_steps`) and sent again by processes
that do nothing else (`load.sent_again`), each worker with keys of its own and all with one head, after
the thoughts that the store had in between.  With ``--by store`` the store's code itself offers them, as
fast as it is answered: as many as the processors allow, to hold the other against.

Invariant: figures are of a window in which all workers were at it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import queue
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import redis

from load.figures import Spread, summarise
from load.machine import describe_machine
from load.redis_end_figures import Counters, Saving, end_of, saving_figures
from load.saved_steps import Question, SavingWorker, recorded
from load.sent_again import Done, send_again
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import ConfigurationError, UnavailableError
from streamer.starting.rehearsal import rehearse

__all__ = ["main"]

_WARM_S: Final = 1.0
_WAIT_S: Final = 300.0
_SERVERS: Final = ("redis", "embedded")


class InstalledRedis(EmbeddedRedis):
    """The machine's ``redis-server`` with the same options."""

    _name = "redis-server"

    def _command(self, port: int, scratch: Path) -> tuple[Sequence[str], Mapping[str, str]]:
        (_, *options), environment = super()._command(port, scratch)
        found = shutil.which("redis-server")
        if found is None:
            raise ConfigurationError(
                "redis-server must be installed, got none; install it, or take --server embedded"
            )
        return [found, *options], environment


@click.command()
@click.option("--server", type=click.Choice(_SERVERS), multiple=True, default=("redis",))
@click.option("--payments", type=click.IntRange(100), multiple=True, default=(2_000, 8_000, 20_000))
@click.option("--workers", type=click.IntRange(1), multiple=True, default=(1, 2, 4, 8, 16, 32))
@click.option("--rate", type=click.FloatRange(0), default=50_000.0, show_default=True)
@click.option("--by", type=click.Choice(("recorded", "store")), default="recorded")
@click.option("--cards", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--before", type=click.IntRange(10_000), default=60_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=5.0, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    server: tuple[str, ...],
    payments: tuple[int, ...],
    workers: tuple[int, ...],
    rate: float,
    by: str,
    cards: int,
    before: int,
    seconds: float,
    rounds: int,
    as_json: bool,
) -> None:
    """Give one Redis the checkpoints of WORKERS, each at RATE payments/s (0: as fast as answered)."""
    rehearse()
    found: dict[tuple[str, int, int], list[dict[str, float]]] = {}
    requests: dict[str, dict[str, float]] = {}
    for name in server:
        for n_payments in payments:
            questions = _recorded(name, n_payments, cards, before)
            requests[f"{name}, {n_payments}"] = _sizes(questions)
            for turn in range(rounds):
                # Whoever was first is last in the next round.
                for n_workers in workers if turn % 2 == 0 else workers[::-1]:
                    with _server(name) as running:
                        work = _again(running.port, questions, n_payments, rate)
                        if by == "store":
                            work = _by_store(running.url, n_payments, cards, before)
                        figures = _measured(running.url, work, n_workers, seconds)
                    offered = n_workers * rate if by == "recorded" else 0.0
                    run = saving_figures(
                        *figures, seconds=seconds, n_payments=n_payments, offered_per_s=offered
                    )
                    found.setdefault((name, n_payments, n_workers), []).append(run)
                    click.echo(
                        f"{name}, {n_payments}, {n_workers}: {run['payments/s']:,.0f}", err=True
                    )
    spreads = {key: summarise(_by_name(runs)) for key, runs in found.items()}
    _tell(spreads, requests, by, as_json)


def _server(name: str) -> EmbeddedRedis:
    return EmbeddedRedis() if name == "embedded" else InstalledRedis()


def _recorded(name: str, n_payments: int, cards: int, before: int) -> list[Question]:
    with _server(name) as running:
        return asyncio.run(recorded(running.port, n_payments, cards, before))


def _sizes(questions: Sequence[Question]) -> dict[str, float]:
    """Return what one checkpoint asks: round trips, bytes, and how long the store thought meanwhile."""
    return {
        "questions": len(questions),
        "bytes": sum(len(each.sent) for each in questions),
        "thought, ms": round(1e3 * sum(max(each.thought_s, 0.0) for each in questions), 1),
    }


Ready = Callable[[], float]
Work = Callable[[int, Ready], list[Done]]


def _again(port: int, questions: Sequence[Question], n_payments: int, rate: float) -> Work:
    every_s = n_payments / rate if rate else 0.0
    return lambda number, ready: send_again(port, questions, number, every_s, ready)


def _by_store(url: str, n_payments: int, cards: int, before: int) -> Work:
    return lambda number, ready: asyncio.run(
        _offered(SavingWorker(url, number, cards), n_payments, before, ready)
    )


async def _offered(worker: SavingWorker, n_payments: int, before: int, ready: Ready) -> list[Done]:
    """Let the store's own code save the same payments again and again."""
    await worker.claim()
    await worker.offer(worker.score(before))
    worker.adopt()
    wanted, found = worker.score(n_payments), []
    until_s = ready()
    while (started := time.monotonic()) < until_s:
        n_before = worker.store.commands.get("WATCH", 0)
        is_saved = False
        with suppress(UnavailableError):
            await worker.offer(worker.again(wanted))
            is_saved = True
        now = time.monotonic()
        n_tries = worker.store.commands.get("WATCH", 0) - n_before
        found.append(Done(now, now - started, n_tries, is_saved))
    await worker.store.close()
    return found


def _measured(
    url: str, work: Work, n_workers: int, seconds: float
) -> tuple[list[Saving], Counters, Counters]:
    """Let workers save for a while, and return what they and Redis say of ``seconds`` of it."""
    context = multiprocessing.get_context("fork")
    answers: Any = context.Queue()
    barrier = context.Barrier(n_workers + 1)

    def ready() -> float:
        barrier.wait(_WAIT_S)
        return time.monotonic() + _WARM_S + seconds + _WARM_S

    processes = [
        context.Process(target=_work, args=(answers, work, number, ready), daemon=True)
        for number in range(n_workers)
    ]
    for process in processes:
        process.start()
    ready()
    with redis.Redis.from_url(url) as client:
        time.sleep(_WARM_S)
        begun_at, before = time.monotonic(), _counters(client.info())
        time.sleep(seconds)
        ended_at, after = time.monotonic(), _counters(client.info())
    found: list[Done] = []
    for _ in processes:
        try:
            found += answers.get(timeout=_WAIT_S)
        except queue.Empty:
            raise UnavailableError(
                f"{n_workers} workers must say what they did, got less"
            ) from None
    for process in processes:
        process.join()
    inside = [each for each in found if begun_at <= each.at_s <= ended_at]
    return [Saving(each.took_s, each.n_tries, each.is_saved) for each in inside], before, after


def _work(answers: Any, work: Work, number: int, ready: Ready) -> None:
    answers.put(work(number, ready))


def _counters(told: Mapping[str, Any]) -> Counters:
    """Return what INFO says; where it does not know its main thread, all of them count."""
    cpu_s = sum(
        told.get(f"used_cpu_{kind}_main_thread", told[f"used_cpu_{kind}"])
        for kind in ("user", "sys")
    )
    return Counters(cpu_s, told["total_net_input_bytes"], told["total_net_output_bytes"])


def _by_name(runs: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [run[name] for run in runs] for name in runs[0]}


def _ends(spreads: Mapping[tuple[str, int, int], dict[str, Spread]]) -> dict[str, dict[str, float]]:
    rows: dict[str, list[tuple[int, float, float, float]]] = {}
    for (name, n_payments, n_workers), each in spreads.items():
        offered, done, p99_ms = (
            each[what].median for what in ("offered payments/s", "payments/s", "p99, ms")
        )
        rows.setdefault(f"{name}, {n_payments}", []).append((n_workers, offered, done, p99_ms))
    return {name: end_of(each) for name, each in rows.items()}


def _tell(
    spreads: Mapping[tuple[str, int, int], dict[str, Spread]],
    requests: Mapping[str, dict[str, float]],
    by: str,
    as_json: bool,
) -> None:
    if as_json:
        rows = [
            {"server": server, "payments a checkpoint": n_payments, "workers": n_workers}
            | {name: [each.median, each.low, each.high] for name, each in found.items()}
            for (server, n_payments, n_workers), found in spreads.items()
        ]
        told = {"about": describe_machine(), "by": by, "a checkpoint": requests}
        click.echo(
            json.dumps(told | {"ends": _ends(spreads), "median, least, most": rows}, indent=2)
        )
        return
    names = list(next(iter(spreads.values())))
    click.echo(f"| payments a checkpoint, workers | {' | '.join(names)} |")
    click.echo(f"|---|{'---:|' * len(names)}")
    for (server, n_payments, n_workers), found in spreads.items():
        cells = (
            f"{each.median:,.4g} ({each.low:,.4g} to {each.high:,.4g})" for each in found.values()
        )
        click.echo(f"| {server}, {n_payments:,}, {n_workers} | {' | '.join(cells)} |")
    for what, figures in (*requests.items(), *_ends(spreads).items()):
        click.echo(f"{what}: {figures}")


if __name__ == "__main__":
    main()
