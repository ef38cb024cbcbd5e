"""What the pure pipeline costs per payment and stage: ``python -m load.bench_pipeline``.

Everything runs in this process on simulated payments, with tables that know the cards and a model
that has seen 40,000 payments.  Each payment is measured once.  The stage "columns" is what it takes
from the records of Kafka to columns and prints: decoding and validation, without looking for payments
that come again.  Other payments go through `process` as a whole, from bytes to outcome, with alerts.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from time import thread_time
from typing import Final, TextIO

import click
import numpy as np

from load.machine import OPENBLAS_VARIABLES, describe_machine
from load.verdicts import verdicts
from streamer.contract.batch import Batch, StoredRecord
from streamer.features import History
from streamer.model import Scorer
from streamer.offline.offline_partition import OfflinePartition
from streamer.pipeline import (
    PartitionState,
    PipelineConfig,
    decide,
    learn_scored,
    prepare,
    process,
    remember_scored,
)
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.simulator.payments import Payments
from streamer.starting.wiring import pipeline_config

__all__ = ["STAGES", "TOTALS", "batches_of", "main", "measure_batch", "totals", "trained"]

STAGES: Final = ("columns", "features", "score", "learn", "remember")
TOTALS: Final = ("columns to remembered", "bytes to outcome")
_WARM: Final = 40_000
_BATCH: Final = 2_000
_SMALL: Final = 300
_JUDGED_EVERY: Final = 10


@click.command()
@click.option("--batches", type=click.IntRange(3), default=25, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--percentile",
    type=click.IntRange(0, 100),
    default=50,
    show_default=True,
    help="Of the batches; on a machine that others use too, a low one says more.",
)
@click.option(
    "--json",
    "json_out",
    is_flag=False,
    flag_value="-",
    type=click.File("w", lazy=True),
    help="Write JSON to a file, without its name to standard output, in place of the table.",
)
def main(batches: int, seed: int, percentile: int, json_out: TextIO | None) -> None:
    """Measure the stages in batches of 2,000 and of one, with and without odds."""
    results = {
        f"{name}, {size:,}": spent
        for with_odds in (False, True)
        for name in (("with odds" if with_odds else "without odds"),)
        for size, spent in _measure(batches, seed, percentile, with_odds=with_odds).items()
    }
    if json_out is not None:
        result = {
            "about": describe_machine() | {"percentile": str(percentile)},
            "us_per_payment": results,
            "totals": {
                "columns to remembered": results[f"with odds, {_BATCH:,}"]["columns to remembered"],
                "one payment from bytes to outcome": results["with odds, 1"]["bytes to outcome"],
            },
        }
        json_out.write(json.dumps(result, indent=2) + "\n")
        return
    names = (*STAGES, *TOTALS)
    click.echo(f"| µs per payment | {' | '.join(names)} |")
    click.echo("|---|" + "---:|" * len(names))
    for name, spent in results.items():
        click.echo(f"| {name} | {' | '.join(f'{spent[each]:.2f}' for each in names)} |")
    found = [variable for variable in OPENBLAS_VARIABLES if variable in os.environ]
    if found:
        click.echo(f"Set in the environment, and not comparable: {', '.join(found)}")


def measure_batch(
    batch: Batch, state: PartitionState, version: Scorer, config: PipelineConfig
) -> dict[str, float]:
    """Return the seconds of each stage of a batch; ``state`` is IN/OUT.

    The stages are `prepare` and those of `streamer.pipeline.processing.process_prepared`, in its order,
    without building alerts.
    """
    clock = [thread_time()]
    decoded = prepare(batch, config).decoded
    columns = decoded.columns
    clock.append(thread_time())
    history = History.observe(columns, state.tables)
    X, V = history.X, history.V
    clock.append(thread_time())
    scored = version.score(X, columns.currencies, V, columns.times_ms)
    clock.append(thread_time())
    decision = decide(decoded, state, version, scored, history.card_payments_1d)
    learn_scored(state.delta, version, X, columns, scored, decision)
    clock.append(thread_time())
    remember_scored(decoded, state, version, scored, decision, config.verdicts)
    clock.append(thread_time())
    return {
        stage: after - before
        for stage, before, after in zip(STAGES, clock[:-1], clock[1:], strict=True)
    }


def _measure(
    n_batches: int, seed: int, percentile: int, *, with_odds: bool
) -> dict[int, dict[str, float]]:
    simulator = Simulator(SimulatorConfig(seed=seed))
    partition = trained(simulator, with_odds=with_odds)
    config, state, version = partition.config, partition.state, partition.version
    spent: dict[int, dict[str, list[float]]] = {size: defaultdict(list) for size in (_BATCH, 1)}
    offset = _WARM
    for size, n in ((_BATCH, n_batches), (1, _SMALL)):
        batches = list(batches_of(simulator.generate(2 * size * n), size, offset))
        # In turn: what is measured in parts, and what goes through as a whole.
        for batch, whole in zip(batches[::2], batches[1::2], strict=True):
            by_stage = measure_batch(batch, state, version, config)
            started = thread_time()
            process(whole, state, version, config, now_ms=whole.received_at_ms)
            by_stage |= totals(by_stage, thread_time() - started)
            for name, seconds in by_stage.items():
                spent[size][name].append(seconds / size * 1e6)
        offset += 2 * size * n
    return {
        size: {name: float(np.percentile(times, percentile)) for name, times in by.items()}
        for size, by in spent.items()
    }


def totals(by_stage: Mapping[str, float], whole_s: float) -> dict[str, float]:
    """Return a batch's seconds by the names of `TOTALS`, from its stages' and a whole batch's.

    What comes behind the columns counts to the first, and the reading of messages into them does not.

    >>> totals(dict.fromkeys(STAGES, 0.25), 2.0)
    {'columns to remembered': 1.0, 'bytes to outcome': 2.0}
    """
    behind = sum(by_stage[stage] for stage in STAGES[1:])
    return dict(zip(TOTALS, (behind, whole_s), strict=True))


def trained(simulator: Simulator, *, with_odds: bool, n_warm: int = _WARM) -> OfflinePartition:
    """Return a partition, its settings the defaults, that has seen ``n_warm`` payments."""
    settings = load_settings({})
    partition = OfflinePartition(
        pipeline_config(settings),
        settings.cards_capacity,
        settings.merchants_capacity,
        checkpoint_max_transactions=_BATCH,
    )
    for first in range(0, n_warm, _BATCH):
        payments = simulator.generate(_BATCH)
        for batch in batches_of(payments, _BATCH, first):
            for _ in partition.run(batch, now_ms=batch.received_at_ms):
                pass
        if with_odds and not partition.version.is_warming:
            partition.teach([verdict for _, verdict in verdicts(payments, _JUDGED_EVERY)])
    partition.renew()
    return partition


def batches_of(payments: Payments, size: int, first_offset: int) -> Iterator[Batch]:
    """Yield ``payments`` in batches of ``size``, as if they had just arrived."""
    arrived_ms = int(payments.timestamps_ms.max()) + 1
    records = [
        StoredRecord(first_offset + i, arrived_ms, key, value)
        for i, (key, value) in enumerate(payments.records())
    ]
    for first in range(0, len(records), size):
        yield Batch("transactions", 0, records[first : first + size], arrived_ms)


if __name__ == "__main__":
    main()
