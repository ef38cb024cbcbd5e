"""What an alert costs: ``python -m load.bench_alerts``.

A model that has seen 40,000 simulated payments scores batches of 2,000.  On those that it ranks
highest, one of a batch, 16, or 200, alerts are built, encoded and queued for Kafka as a worker does,
without odds and with them.  No broker is needed: what is queued stays in the client's queue.
"""

from __future__ import annotations

import json
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


def share_of(scores: Floats, n_alerts: int) -> float:
    """Return the share of recent traffic of which several times ``n_alerts`` of such ``scores`` are."""
    return 1.0 - float(np.sort(scores)[-min(_SEVERAL * n_alerts, len(scores) // 2)])


def _seconds(
    decoded: Decoded,
    version: Scorer,
    columns: Columns,
    history: History,
    rows: list[int],
    share: float,
    publisher: Publisher,
) -> float:
    """Return what it takes to build and queue the alerts on some ``rows`` of a scored batch."""
    started = thread_time()
    source = decoded.batch.topic, decoded.batch.partition, 0
    shares = np.full(len(decoded), share)
    context = AlertContext(*source, version, columns, history, "normal", 0, None, rows, shares)
    for row in rows:
        offset = int(decoded.offsets[row])
        alert = build_alert(context, row, offset, decoded.transaction(row))
        publisher.publish_alert(alert, decoded.batch.record_at(offset).timestamp, row)
    return thread_time() - started


def _measure(n_batches: int, seed: int, *, with_odds: bool) -> dict[int, float]:
    simulator = Simulator(SimulatorConfig(seed=seed))
    partition = trained(simulator, with_odds=with_odds)
    config, state, publisher = partition.config, partition.state, Publisher(load_settings({}))
    shares: dict[int, float] = {}
    spent: dict[int, list[float]] = {n: [] for n in _ALERTS}
    payments = simulator.generate(_BATCH * n_batches * len(_ALERTS))
    for i, batch in enumerate(batches_of(payments, _BATCH, _FIRST_OFFSET)):
        n, decoded = _ALERTS[i % len(_ALERTS)], prepare(batch, config).decoded
        columns = decoded.columns
        history = History.observe(columns, state.tables)
        arguments = history.X, columns.currencies, history.V, columns.times_ms
        version = partition.version
        scores = version.score(*arguments).scores
        share = shares.setdefault(n, share_of(scores, n))
        rows = np.sort(np.argsort(-scores)[:n]).tolist()
        seconds = _seconds(decoded, version, columns, history, rows, share, publisher)
        spent[n].append(seconds / n * 1e6)
    return {n: float(np.median(times)) for n, times in spent.items()}


if __name__ == "__main__":
    main()
