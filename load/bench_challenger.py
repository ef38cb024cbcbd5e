"""What a challenger costs per payment: ``python -m load.bench_challenger``.

Everything runs in this process on simulated payments, on a partition as `load.stages` trains
it.  Each batch goes from its bytes to its outcome; every other one has a challenger beside it, which
has learned the same, so that a machine that others use too slows both alike.
"""

from __future__ import annotations

import statistics
from time import thread_time
from typing import Final

import click

from load.stages import batches_of, trained
from streamer.challenging.challenge import Challenge
from streamer.challenging.shadow import Shadow
from streamer.challenging.standing import Contender, Standing
from streamer.contract.batch import Batch
from streamer.model import Sums
from streamer.offline.offline_partition import OfflinePartition
from streamer.pipeline import prepare, process_in_steps
from streamer.simulator import Simulator, SimulatorConfig
from streamer.verdicts import Overheard

__all__ = ["main"]

_BATCH: Final = 4_000
_WARM: Final = 40_000


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--pairs", type=click.IntRange(1), default=12, show_default=True)
@click.option("--batch", "size", type=click.IntRange(1), default=_BATCH, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def main(rounds: int, pairs: int, size: int, seed: int) -> None:
    """Measure pairs of batches, without and with a challenger; in each round."""
    for with_odds in (False, True):
        simulator = Simulator(SimulatorConfig(seed=seed))
        partition = trained(simulator, with_odds=with_odds)
        beside = _Beside(partition)
        found, offset = [], _WARM
        for _ in range(rounds):
            batches = list(batches_of(simulator.generate(2 * size * pairs), size, offset))
            offset += 2 * size * pairs
            alone, with_it = [], []
            for first, second in zip(batches[::2], batches[1::2], strict=True):
                alone.append(_spent(partition, first, None))
                with_it.append(_spent(partition, second, beside))
            one, both = (statistics.fmean(each) / size * 1e6 for each in (alone, with_it))
            # A checkpoint is behind one batch in five: the sum knows of it, a median would not.
            found.append((one, both, both / one - 1.0))
        name = "with odds" if with_odds else "without odds"
        for one, both, more in found:
            click.echo(f"{name}: {one:.2f} µs alone, {both:.2f} with a challenger, {more:+.1%}")
        more = statistics.median(each for _, _, each in found)
        click.echo(f"{name}: median of {rounds}: {more:+.1%}")


class _Beside:
    """A challenger that has learned what the partition's model has."""

    def __init__(self, partition: OfflinePartition) -> None:
        main, challenge = partition.config.model, Challenge()
        sums: Sums = partition.sums
        standing = Standing(
            name="one",
            run="run",
            challenge=challenge,
            version=partition.version.id,
            transactions_seen=sums.transactions_seen,
            started_at="",
            started_by="",
        )
        self._contender = Contender.of(standing, sums, main)
        self._shadow = Shadow(self._contender)
        self.overheard = Overheard()
        self._n_batches = 0

    def __call__(self, *seen: object) -> None:
        self._shadow.follow(self._contender, *seen)  # type: ignore[arg-type]

    def is_due(self) -> bool:
        """Whether a checkpoint comes behind this batch: one in five, as a worker makes them."""
        self._n_batches += 1
        return self._n_batches % 5 == 0

    def checkpoint(self) -> None:
        """Let it learn from what it has overheard, and a checkpoint take what there is."""
        self._shadow.teach(self._contender, self.overheard)
        self.overheard.clear()
        self._shadow.take(self._contender)


def _spent(partition: OfflinePartition, batch: Batch, beside: _Beside | None) -> float:
    """Return the seconds of a batch; the partition's delta is begun anew behind it."""
    state, config = partition.state, partition.config
    state.verdicts.overheard = None if beside is None else beside.overheard
    began_s = thread_time()
    prepared = prepare(batch, config, state)
    steps = process_in_steps(
        prepared,
        state,
        partition.version,
        config,
        now_ms=batch.received_at_ms,
        beside=beside,
    )
    for _ in steps:
        pass
    if beside is not None and beside.is_due():
        beside.checkpoint()
    took_s = thread_time() - began_s
    state.delta = Sums.zero(config.model)
    return took_s


if __name__ == "__main__":
    main()
