"""What an alert costs: ``python -m load.bench_alerts``.

A model that has seen 40,000 simulated payments scores batches of 2,000.  On those that it ranks
highest, one of a batch, 16, or 200, alerts are built, encoded and queued for Kafka as a worker does,
without odds and with them.  No broker is needed: what is queued stays in the client's queue.  How large
they are is told beside, as they are sent, and what of it are the parameters that go with them.
"""

from __future__ import annotations

import functools
import json
from time import thread_time
from typing import Final

import click
import msgspec
import numpy as np

from load.machine import describe_machine
from load.stages import batches_of, trained
from streamer.arrays import Floats
from streamer.contract.messages import Alert
from streamer.explaining.alerts import AlertContext, build_alert
from streamer.features import Columns, History
from streamer.intake.decoding import Decoded
from streamer.model import MAIN, Scorer
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
    results, sizes = {}, {}
    for with_odds in (False, True):
        name = "with odds" if with_odds else "without odds"
        results[name], alerts = _measure(batches, seed, with_odds=with_odds)
        sizes[name] = {
            "parameters": _of([len(alert.parameters or "") for alert in alerts]),
            "alert": _of([len(msgspec.json.encode(alert)) for alert in alerts]),
        }
    if as_json:
        about = {"about": describe_machine(), "us_per_alert": results, "bytes": sizes}
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(f"| µs per alert | {' | '.join(f'{n} of a batch' for n in _ALERTS)} |")
    click.echo("|---|" + "---:|" * len(_ALERTS))
    for name, spent in results.items():
        click.echo(f"| {name} | {' | '.join(f'{spent[n]:.0f}' for n in _ALERTS)} |")
    click.echo("\n| bytes, median and largest | parameters | alert |\n|---|---:|---:|")
    for name, of in sizes.items():
        told = (f"{median:,.0f} {largest:,.0f}" for median, largest in of.values())
        click.echo(f"| {name} | {' | '.join(told)} |")


def _of(sizes: list[int]) -> tuple[float, int]:
    """Return the median and the largest."""
    return float(np.median(sizes)), max(sizes)


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
) -> tuple[float, list[Alert]]:
    """Return the seconds to build and queue the alerts on some ``rows`` of a batch, and these."""
    alerts: list[Alert] = []
    started = thread_time()
    source = decoded.batch.topic, decoded.batch.partition, 0
    n = len(decoded)
    waves = np.tile([0, 0, 0, 2], (len(rows), 1))
    decided = np.full(n, share), np.full(n, MAIN), np.zeros(n)
    of_batch = functools.partial(AlertContext, *source, version, columns, history, "normal")
    context = of_batch(0, None, rows, *decided, waves)
    for row in rows:
        offset = int(decoded.offsets[row])
        alert = build_alert(context, row, offset, decoded.transaction(row))
        publisher.publish_alert(alert, decoded.batch.record_at(offset).timestamp, row)
        alerts.append(alert)
    return thread_time() - started, alerts


def _measure(n_batches: int, seed: int, *, with_odds: bool) -> tuple[dict[int, float], list[Alert]]:
    """Return the µs per alert by how many are of one batch, and all alerts."""
    simulator = Simulator(SimulatorConfig(seed=seed))
    partition = trained(simulator, with_odds=with_odds)
    config, state, publisher = partition.config, partition.state, Publisher(load_settings({}))
    shares: dict[int, float] = {}
    spent: dict[int, list[float]] = {n: [] for n in _ALERTS}
    alerts: list[Alert] = []
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
        seconds, built = _seconds(decoded, version, columns, history, rows, share, publisher)
        alerts += built
        spent[n].append(seconds / n * 1e6)
    return {n: float(np.median(times)) for n, times in spent.items()}, alerts


if __name__ == "__main__":
    main()
