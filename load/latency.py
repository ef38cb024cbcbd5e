"""From when a payment was due to its alert, at shares of capacity: ``python -m load.latency``.

The capacity is measured first, in the same run: what the worker is done with a second while payments
come as fast as it has drained a backlog, which took nothing of the processors.  Then payments are
offered in an open loop at 10, 50, 80 and 100% of that, in rounds that begin with another load each, to
one worker that goes on all the time.  See load/README.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import numpy as np

from load.brokers import BROKERS, running
from load.figures import Window
from load.hdr_plot import draw_latencies
from load.latency_figures import (
    BARS,
    PARTS,
    LoadFigures,
    bar_said,
    done_per_s,
    latencies_ms,
    medians,
    percentiles,
)
from load.machine import describe_machine
from load.open_loop import LATE_S, Step
from load.open_stage import Stage, staged
from load.scenario_file import read_scenario
from streamer.arrays import Floats

__all__ = ["main", "markdown", "rotated"]

_STEADY: Final = Path(__file__).parent / "scenarios" / "steady.toml"
# The first of a load meets what the one before it has left: it is over by then.
_WARM_S: Final = 1.0
_FLOOD_S: Final = 8.0
_FLOOD_SAMPLED_S: Final = 0.25


@dataclass(slots=True)
class Measured:
    """All rounds: figures by percentage of capacity, and what every alert took."""

    rounds: list[dict[int, LoadFigures]] = field(default_factory=list)
    took_ms: dict[int, list[Floats]] = field(default_factory=dict)
    loads: list[float] = field(default_factory=list)


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--rounds", "n_rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(3), default=12.0, show_default=True)
@click.option(
    "--percent",
    "percents",
    type=click.IntRange(1, 200),
    multiple=True,
    default=(10, 50, 80, 100),
    show_default=True,
    help="Of capacity.",
)
@click.option(
    "--capacity",
    "given",
    type=click.FloatRange(1),
    help="Payments a second to take for it, in place of what is measured.",
)
@click.option("--backlog", type=click.IntRange(20_000), default=250_000, show_default=True)
@click.option(
    "--alert-share",
    type=click.FloatRange(0.001, 0.2),
    default=0.02,
    show_default=True,
    help="Larger than by default (0.005), so that there are alerts enough for a 99.9th percentile.",
)
@click.option(
    "--scenario",
    "scenario_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_STEADY,
    help="Whose payments are offered; its own profile is not used.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    broker: str,
    n_rounds: int,
    seconds: float,
    percents: tuple[int, ...],
    given: float | None,
    backlog: int,
    alert_share: float,
    scenario_path: Path,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Measure the loads in turn, and print the tables."""
    scenario = msgspec.structs.replace(read_scenario(scenario_path), alert_budget=alert_share)
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "scenario": scenario_path.name,
        "seed": str(scenario.seed),
        "seconds": f"{seconds:g}",
        "alert_share": f"{alert_share:g}",
    }
    measured = Measured(loads=[os.getloadavg()[0]])
    with (
        running(broker) as bootstrap_servers,
        staged(bootstrap_servers, scenario, "latency", backlog) as (stage, window),
    ):
        drained = [Step(window.per_second, _FLOOD_S)]
        capacity = given or done_per_s(stage.offer(drained, _FLOOD_SAMPLED_S), _WARM_S, _FLOOD_S)
        about |= _capacity(window, capacity)
        click.echo(f"capacity: {about['capacity']}", err=True)
        for number in range(1, n_rounds + 1):
            _round(stage, capacity, rotated(percents, number), seconds, measured)
            about["rounds"] = str(number)
            about["load"] = f"{min(measured.loads):.0f} to {max(measured.loads):.0f}"
            # What was measured stays, also where somebody ends it before the last round.
            if json_path is not None:
                json_path.write_text(as_json(measured, about), "utf-8")
        ledger = stage.end()
    about["ledger"] = (
        f"{ledger.consumed} messages accounted for, {ledger.alerted} alerts, none twice"
    )
    if json_path is not None:
        json_path.write_text(as_json(measured, about), "utf-8")
    click.echo(markdown(measured.rounds))
    for bar in BARS:
        if bar.percent in percents:
            click.echo(bar_said(bar, [each[bar.percent] for each in measured.rounds]))
    for name, value in about.items():
        click.echo(f"{name}: {value}")
    if plot_path is not None:
        draw_latencies(pooled(measured.took_ms), about, plot_path)


def rotated(percents: Sequence[int], number: int) -> list[int]:
    """Return the loads in the order of a round: each begins with another one.

    >>> rotated([10, 50, 80], 1), rotated([10, 50, 80], 2)
    ([10, 50, 80], [50, 80, 10])
    """
    first = (number - 1) % len(percents)
    return [*percents[first:], *percents[:first]]


def pooled(took_ms: Mapping[int, Sequence[Floats]]) -> dict[int, Floats]:
    """Return the alerts of all rounds together."""
    return {percent: np.concatenate(took_ms[percent]) for percent in sorted(took_ms)}


def _capacity(window: Window, capacity: float) -> dict[str, str]:
    return {
        "capacity": f"{capacity:,.0f} payments/s",
        "drained": f"{window.per_second:,.0f} payments/s",
        "drained, CPU µs a payment": f"{window.cpu_us_per_record:.1f}",
    }


def _round(
    stage: Stage, capacity: float, percents: Sequence[int], seconds: float, measured: Measured
) -> None:
    done: dict[int, LoadFigures] = {}
    for percent in percents:
        rate = capacity * percent / 100
        run = stage.offer([Step(rate, seconds)])
        figures = done[percent] = LoadFigures.of(run, rate, _WARM_S)
        measured.took_ms.setdefault(percent, []).append(latencies_ms(run, _WARM_S))
        measured.loads.append(os.getloadavg()[0])
        told = ", ".join(f"{name} {ms:.1f}" for name, ms in figures.alerts.items())
        click.echo(
            f"round {len(measured.rounds) + 1}: {percent}%, {rate:,.0f}/s, {figures.n_alerts} alerts, "
            f"ms: {told}; {_generator_said(figures)}",
            err=True,
        )
    measured.rounds.append({percent: done[percent] for percent in sorted(done)})


def _generator_said(figures: LoadFigures) -> str:
    late = figures.lateness
    said = f"sent late by {late.p99_ms:.1f} at p99, {late.longest_ms:.1f} at most"
    if late.kept_up:
        return said
    return f"{said}: THE GENERATOR DID NOT KEEP UP (at most {LATE_S * 1e3:g} at p99)"


def markdown(rounds: Sequence[Mapping[int, LoadFigures]]) -> str:
    """Return two tables of medians over the rounds: percentiles, and where the time goes."""
    names = list(next(iter(rounds[0].values())).alerts)
    lines = [
        f"| load | payments/s | alerts | {' | '.join(names)} | sent late, p99 | worker's CPU |",
        "|---|---:|---:|" + "---:|" * len(names) + "---:|---:|",
    ]
    for percent in rounds[0]:
        each = [done[percent] for done in rounds]
        found = medians([one.alerts for one in each])
        more = medians(
            [
                {"rate": one.rate, "late": one.lateness.p99_ms, "busy": one.worker_busy}
                for one in each
            ]
        )
        n_late = sum(not one.lateness.kept_up for one in each)
        mark = f" (too late in {n_late} of {len(each)})" if n_late else ""
        cells = " | ".join(f"{found[name]:.1f}" for name in names)
        lines.append(
            f"| {percent}% | {more['rate']:,.0f} | {sum(one.n_alerts for one in each):,} | {cells} | "
            f"{more['late']:.1f}{mark} | {more['busy']:.0%} |"
        )
    parts = [part for part in PARTS if all(part in one.until for one in rounds[0].values())]
    lines += [
        "",
        f"| load: p50, p99 until | {' | '.join(parts)} |",
        "|---|" + "---:|" * len(parts),
    ]
    for percent in rounds[0]:
        spans = {part: medians([done[percent].until[part] for done in rounds]) for part in parts}
        cells = " | ".join(f"{each['p50']:.1f}, {each['p99']:.1f}" for each in spans.values())
        lines.append(f"| {percent}% | {cells} |")
    return "\n".join(lines)


def as_json(measured: Measured, about: Mapping[str, str]) -> str:
    """Return figures, rounds and all rounds' alerts together, for a file."""
    result: dict[str, Any] = {
        "about": dict(about),
        "loads": measured.loads,
        "pooled": {
            percent: percentiles(took) for percent, took in pooled(measured.took_ms).items()
        },
        "rounds": [
            {percent: msgspec.to_builtins(each) for percent, each in done.items()}
            for done in measured.rounds
        ],
    }
    return json.dumps(result, indent=2) + "\n"


if __name__ == "__main__":
    main()
