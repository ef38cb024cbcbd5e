"""A version fitted to payments in shards by card: what a service of so many partitions would hold.

Invariant: it depends on the payments in their order, the configuration and the number of shards; not on
how the payments are cut into files, nor on who computes.  What a shard learns is a sum of its own; the
sums of all are added here in the shards' order, after as many payments as a version takes, whoever
learned them.  With one shard it is the version of `fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, Final

import numpy as np

from streamer.arrays import Integers
from streamer.errors import NothingToScoreError
from streamer.fitting.executing import Executor
from streamer.fitting.file_features import Traffic
from streamer.fitting.fit import COLD_ROWS, N_STARTS, Fit, Request, finished, selected
from streamer.fitting.shards import FileFacts, FileSpec, ShardWorker, Shared, Tabled, read_shards
from streamer.model import Sums, advance, delta_limit
from streamer.pipeline import PipelineConfig

__all__ = ["SHARDS", "fit_sharded"]

SHARDS: Final = 8
"""As many as `streamer fit --ray` takes: more workers than that have nothing to do."""


def fit_sharded(
    request: Request,
    files: Sequence[FileSpec],
    executor: Executor,
    *,
    created_at: str,
    now_ms: int,
    on_progress: Callable[[str, int, int], None],
) -> tuple[Fit, list[FileFacts]]:
    """Choose k and return the version fitted with it to ``files``, one after the other.

    ``created_at`` and ``on_progress`` are those of `fit`.
    """
    model = replace(request.pipeline.model, n_starts=N_STARTS)
    shared = Shared(
        request.pipeline,
        request.cards_capacity,
        request.merchants_capacity,
        request.shards,
        now_ms,
    )
    read = executor.parts(read_shards, files, shared, request.shards + 1)
    facts: list[FileFacts] = executor.got([parts[-1] for parts in read])
    _require_payments(files, facts)
    n_records = sum(each.n_records for each in facts)
    shards = _Shards(executor, shared)
    shards.load([parts[:-1] for parts in read], facts)
    traffic, cold = shards.traffic(max(sum(each.n_rows for each in facts) - COLD_ROWS, 0))
    on_progress("features", n_records, n_records)
    choice = selected(request, traffic, executor, on_progress)
    learning = replace(request.pipeline, model=replace(model, n_clusters=choice.n_clusters))
    learned, n_versions = shards.learned(
        learning, request.checkpoint_max_transactions, n_records, on_progress
    )
    digests = tuple(pair for each in facts for pair in each.digests)
    made_of = request.made_of(digests, files[0].declaration, choice.n_clusters)
    n_refused = sum(each.n_refused for each in facts)
    return finished(
        request, choice, cold, learned, made_of, created_at, (n_refused, n_versions)
    ), facts


def _require_payments(files: Sequence[FileSpec], facts: Sequence[FileFacts]) -> None:
    if any(each.n_payments for each in facts):
        return
    n_records = sum(each.n_records for each in facts)
    notes = "; ".join(note for each in facts for note in each.told["notes"])
    raise NothingToScoreError(
        f"{', '.join(each.path for each in files)} must hold payments, got none in {n_records:,} rows"
        + (f": {notes}" if notes else "")
    )


class _Shards:
    """Every shard with the worker that has it."""

    def __init__(self, executor: Executor, shared: Shared) -> None:
        self._executor = executor
        n_workers = max(1, min(executor.n_workers, shared.n_shards))
        self._workers = [executor.worker(ShardWorker, shared) for _ in range(n_workers)]
        self._of = {n: self._workers[n % n_workers] for n in range(shared.n_shards)}

    def _asked(self, method: str, *arguments: Any) -> list[Any]:
        """Return what every worker answers."""
        ask = self._executor.ask
        return self._executor.got([ask(each, method, *arguments) for each in self._workers])

    def load(self, buckets: Sequence[Sequence[Any]], facts: Sequence[FileFacts]) -> None:
        """Give each shard its parts of the files."""
        starts = np.cumsum([0, *(each.n_records for each in facts)])[:-1].tolist()
        ask = self._executor.ask
        self._executor.got(
            [
                ask(worker, "load", n, starts, *(of_file[n] for of_file in buckets))
                for n, worker in self._of.items()
            ]
        )

    def traffic(self, cold_from: int) -> tuple[Traffic, Traffic]:
        """Return the features of all payments in their order, and those that are seen cold."""
        ask = self._executor.ask
        tabled: list[Tabled] = self._executor.got(
            [ask(worker, "features", n, cold_from) for n, worker in self._of.items()]
        )
        warm = _in_order([(each.traffic, each.places) for each in tabled])
        return warm, _in_order([(each.cold, each.cold_places) for each in tabled])

    def learned(
        self,
        config: PipelineConfig,
        max_delta: int,
        n_records: int,
        on_progress: Callable[[str, int, int], None],
    ) -> tuple[Sums, int]:
        """Return what all shards have learned together, and in how many versions."""
        self._asked("begin", config)
        sums, at, n_versions = Sums.zero(config.model), 0, 0
        while at < n_records:
            limit = delta_limit(sums.transactions_seen, max_delta)
            self._asked("use", sums)
            n_seen = 0
            while n_seen < limit and at < n_records:
                before, at = at, min(at + limit - n_seen, n_records)
                n_seen = sum(self._asked("learn", at))
                on_progress("the version", at - before, n_records)
            if n_seen:
                sums = advance(sums, self._delta(), config.model)
                n_versions += 1
        return sums, n_versions

    def _delta(self) -> Sums:
        found: dict[int, Sums] = {}
        for deltas in self._asked("deltas"):
            found |= deltas
        return reduce(Sums.merged, (found[n] for n in sorted(found)))


def _in_order(parts: Sequence[tuple[Traffic, Integers]]) -> Traffic:
    traffic = Traffic.joined([part for part, _ in parts])
    return traffic.at(np.argsort(np.concatenate([places for _, places in parts]), kind="stable"))
