"""The worker beside stock Faust: ``python -m load.compare_stock``; see README.md for what it means.

Rounds are interleaved (A B C, A B C, ...), so that a busy minute of the machine meets everyone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from load.contestants import CONTESTANTS, RECEIVE, STOCK, WORKER
from load.figures import Spread, ratio_of_medians, summarise, table
from load.machine import describe_machine
from load.runs import Records, Run, measure
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["main"]

_CHUNK = 5_000


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--payments",
    type=click.IntRange(250_000),
    default=500_000,
    show_default=True,
    help="The worker's backlog; the stock apps get 1/25 (same work) and 1/5 (receive only) of it.",
)
@click.option("--customers", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--partitions", type=click.IntRange(1), default=4, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    rounds: int, payments: int, customers: int, partitions: int, seed: int, json_path: Path | None
) -> None:
    """Measure the worker and two stock Faust apps on embedded servers, and print their ratio."""
    console = Console()
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": str(rounds),
        "payments": str(payments),
        "customers": str(customers),
        "partitions": str(partitions),
        "seed": str(seed),
    }
    config = SimulatorConfig(seed=seed, n_customers=customers)
    with _progress(console) as bar:
        runs = _measure_all(_simulated(config, payments, bar), rounds, partitions, bar)
    spreads, cpu_us = _spreads(runs)
    console.print(table(spreads, cpu_us, STOCK), highlight=False, markup=False, soft_wrap=True)
    ratios = {
        "worker / stock, same work": ratio_of_medians(spreads, WORKER, STOCK),
        "worker / stock, receive only": ratio_of_medians(spreads, WORKER, RECEIVE),
        "CPU time, stock, same work / worker": ratio_of_medians(cpu_us, STOCK, WORKER),
    }
    for name, value in (*ratios.items(), *about.items()):
        shown = value if isinstance(value, str) else f"{value:.1f}"
        console.print(f"{name}: {shown}", highlight=False, markup=False)
    if json_path is not None:
        result: dict[str, Any] = {
            "about": about,
            "ratios": ratios,
            "per_second": {name: asdict(spread) for name, spread in spreads.items()},
            "cpu_us_per_payment": {name: asdict(spread) for name, spread in cpu_us.items()},
            "runs": [asdict(run) for run in runs],
        }
        json_path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def _spreads(runs: list[Run]) -> tuple[dict[str, Spread], dict[str, Spread]]:
    """Return payments per second and CPU microseconds per payment, by contestant."""
    rates: dict[str, list[float]] = defaultdict(list)
    cpu_us: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        rates[run.contestant].append(run.window.per_second)
        cpu_us[run.contestant].append(run.window.cpu_us_per_record)
    return summarise(rates), summarise(cpu_us)


def _measure_all(records: Records, rounds: int, n_partitions: int, bar: Progress) -> list[Run]:
    runs = []
    for number in range(1, rounds + 1):
        for contestant in CONTESTANTS:
            label = f"round {number}: {contestant.name}"
            task = bar.add_task(label, total=None)

            def report(
                what: str, done: int, total: int, task: Any = task, label: str = label
            ) -> None:
                bar.update(task, description=f"{label}, {what}", completed=done, total=total)

            share = records[: int(len(records) * contestant.share)]
            run = measure(contestant, share, n_partitions, report)
            runs.append(run)
            window = run.window
            bar.update(
                task,
                description=f"{label}: {window.per_second:,.0f}/s over {window.seconds:.1f} s",
            )
            bar.stop_task(task)
    return runs


def _simulated(config: SimulatorConfig, n_total: int, bar: Progress) -> Records:
    """Return the payments that everyone gets a beginning of, in event-time order."""
    simulator = Simulator(config)
    task = bar.add_task("simulating payments", total=n_total)
    records: list[tuple[bytes | None, bytes]] = []
    while len(records) < n_total:
        records += simulator.generate(min(_CHUNK, n_total - len(records))).records()
        bar.update(task, completed=len(records))
    return records


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=4,
    )


if __name__ == "__main__":
    main()
