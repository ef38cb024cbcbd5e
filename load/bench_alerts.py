"""What an alert costs: ``python -m load.bench_alerts``.

A model that has seen 40,000 simulated payments scores batches of 2,000, and alerts are built on those
that it ranks highest: one of a batch, 16, and 200, without odds and with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from time import thread_time
from typing import Final

import click
import numpy as np

from load.bench_pipeline import batches_of, trained
from load.machine import describe_machine
from streamer.contract.messages import Alert
from streamer.explaining.alerts import AlertContext, build_alerts
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.model import Scorer
from streamer.pipeline import PartitionState, prepare
from streamer.simulator import Simulator, SimulatorConfig

__all__ = ["main", "with_alerts"]

_BATCH: Final = 2_000
_FIRST_OFFSET: Final = 40_000
_ALERTS: Final = (1, 16, 200)


@click.command()
@click.option("--batches", type=click.IntRange(3), default=25, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(batches: int, seed: int, as_json: bool) -> None:
    """Measure the building of alerts; medians over the batches, of processor time."""
    results = {
        ("with odds" if with_odds else "without odds"): _measure(batches, seed, with_odds=with_odds)
        for with_odds in (False, True)
    }
    if as_json:
        click.echo(json.dumps({"about": describe_machine(), "us_per_alert": results}, indent=2))
        return
    click.echo(f"| µs per alert | {' | '.join(f'{n} of a batch' for n in _ALERTS)} |")
    click.echo("|---|" + "---:|" * len(_ALERTS))
    for name, spent in results.items():
        click.echo(f"| {name} | {' | '.join(f'{spent[n]:.0f}' for n in _ALERTS)} |")


def with_alerts(
    decoded: Decoded, state: PartitionState, version: Scorer, n_alerts: int
) -> Iterator[list[Alert]]:
    """Score a batch (``state`` IN/OUT) so that ``n_alerts`` exceed the threshold; then build these.

    Whoever wants to time the building alone has everything before it done with the first `next`.
    """
    columns = decoded.columns
    history = History.observe(columns, state.tables)
    arguments = history.X, columns.currencies, history.V, columns.times_ms
    values = np.sort(version.score(*arguments).values)
    # Between the last that is to alert and the next.
    line = float(values[-n_alerts - 1 : -n_alerts + 1 or None].mean())
    version = replace(
        version,
        threshold_sq=line,
        hourly_threshold_sq=np.full(24, line),
        threshold_log_odds=line,
        hourly_threshold_log_odds=np.full(24, line),
    )
    scored = version.score(*arguments)
    source = decoded.batch.topic, decoded.batch.partition, 0
    rows = np.flatnonzero(scored.alerted).tolist()
    context = AlertContext(*source, version, columns, history, scored, "normal", 0, None, rows)
    yield []
    steps = build_alerts(context, decoded.offsets, decoded.transaction, scored.alerted)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            yield end.value
            return


def _measure(n_batches: int, seed: int, *, with_odds: bool) -> dict[int, float]:
    simulator = Simulator(SimulatorConfig(seed=seed))
    partition = trained(simulator, with_odds=with_odds)
    config, state, version = partition.config, partition.state, partition.version
    spent: dict[int, list[float]] = {n: [] for n in _ALERTS}
    payments = simulator.generate(_BATCH * n_batches * len(_ALERTS))
    for i, batch in enumerate(batches_of(payments, _BATCH, _FIRST_OFFSET)):
        n_alerts = _ALERTS[i % len(_ALERTS)]
        building = with_alerts(prepare(batch, config).decoded, state, version, n_alerts)
        next(building)
        started = thread_time()
        n_built = len(next(building))
        spent[n_alerts].append((thread_time() - started) / n_built * 1e6)
    return {n: float(np.median(times)) for n, times in spent.items()}


if __name__ == "__main__":
    main()
