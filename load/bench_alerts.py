"""What an alert costs: ``python -m load.bench_alerts``.

A model that has seen 40,000 simulated payments scores batches of 2,000.  On those that it ranks
highest, one of a batch, 16, or 200, alerts are built, encoded and queued for Kafka as a worker does,
without odds and with them.  No broker is needed: what is queued stays in the client's queue.
"""

from __future__ import annotations

import json
from dataclasses import replace
from time import thread_time
from typing import Final

import click
import numpy as np

from load.bench_pipeline import batches_of, trained
from load.machine import describe_machine
from streamer.arrays import Floats
from streamer.explaining.alerts import AlertContext, build_alert
from streamer.features import Columns, History
from streamer.intake.decoding import Decoded
from streamer.model import Scorer
from streamer.pipeline import prepare
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.stream.publishing.publisher import Publisher

__all__ = ["main"]

_BATCH: Final = 2_000
_FIRST_OFFSET: Final = 40_000
_ALERTS: Final = (1, 16, 200)
# So many times as many payments exceed the threshold, so that those chosen do in any batch.
_SEVERAL: Final = 3


@click.command()
@click.option("--batches", type=click.IntRange(3), default=25, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(batches: int, seed: int, as_json: bool) -> None:
    """Measure alerts from scored to queued; medians over the batches, of processor time."""
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


def lowered(version: Scorer, values: Floats, n_alerts: int) -> Scorer:
    """Return ``version`` with a threshold that several times ``n_alerts`` of such ``values`` exceed."""
    line = float(np.sort(values)[-min(_SEVERAL * n_alerts, len(values) // 2)])
    return replace(
        version,
        threshold_sq=line,
        hourly_threshold_sq=np.full(24, line),
        threshold_log_odds=line,
        hourly_threshold_log_odds=np.full(24, line),
    )


def _seconds(
    decoded: Decoded,
    version: Scorer,
    columns: Columns,
    history: History,
    rows: list[int],
    publisher: Publisher,
) -> float:
    """Return what it takes to build and queue the alerts on some ``rows`` of a scored batch."""
    started = thread_time()
    source = decoded.batch.topic, decoded.batch.partition, 0
    context = AlertContext(*source, version, columns, history, "normal", 0, None, rows)
    for row in rows:
        offset = int(decoded.offsets[row])
        alert = build_alert(context, row, offset, decoded.transaction(row))
        publisher.publish_alert(alert, decoded.batch.record_at(offset).timestamp, row)
    return thread_time() - started


def _measure(n_batches: int, seed: int, *, with_odds: bool) -> dict[int, float]:
    simulator = Simulator(SimulatorConfig(seed=seed))
    partition = trained(simulator, with_odds=with_odds)
    config, state, publisher = partition.config, partition.state, Publisher(load_settings({}))
    versions: dict[int, Scorer] = {}
    spent: dict[int, list[float]] = {n: [] for n in _ALERTS}
    payments = simulator.generate(_BATCH * n_batches * len(_ALERTS))
    for i, batch in enumerate(batches_of(payments, _BATCH, _FIRST_OFFSET)):
        n, decoded = _ALERTS[i % len(_ALERTS)], prepare(batch, config).decoded
        columns = decoded.columns
        history = History.observe(columns, state.tables)
        arguments = history.X, columns.currencies, history.V, columns.times_ms
        values = partition.version.score(*arguments).values
        # A version does not change, and what is made once for it has been made.
        version = versions.setdefault(n, lowered(partition.version, values, n))
        rows = np.sort(np.argsort(-version.score(*arguments).values)[:n]).tolist()
        spent[n].append(_seconds(decoded, version, columns, history, rows, publisher) / n * 1e6)
    return {n: float(np.median(times)) for n, times in spent.items()}


if __name__ == "__main__":
    main()
