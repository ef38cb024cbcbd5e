"""From a file to a model version: measure each k, choose one, and run the real pipeline with it.

The choice looks at a sample; the version does not: it is what a worker would hold that had read the
whole file as one partition.  Only its threshold is another: who starts from it knows no card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final

import numpy as np

from streamer.datafiles import FileReport, PaymentFile
from streamer.errors import ConfigurationError
from streamer.extra import require
from streamer.fitting.choosing import choose
from streamer.fitting.code_version import code_version
from streamer.fitting.curve import Point, measure
from streamer.fitting.executing import HERE, Executor
from streamer.fitting.file_features import Traffic, read_traffic
from streamer.intake import Declaration
from streamer.model import ModelConfig, Sums
from streamer.model.codec import MadeOf, VersionHeader, encode_version, state_id
from streamer.model.recent import freshest, rows_of
from streamer.offline.offline_partition import OfflinePartition
from streamer.offline.replay import replay
from streamer.pipeline import PipelineConfig
from streamer.reports.summary import Summary

__all__ = [
    "COLD_ROWS",
    "DEFAULT_KS",
    "HELD_BACK_SHARE",
    "N_STARTS",
    "Choice",
    "Fit",
    "Request",
    "candidates",
    "finished",
    "fit",
    "selected",
]

DEFAULT_KS: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32)
HELD_BACK_SHARE: Final = 0.25
# As many as the settings ask of a warm-up; a half of the fitting stretch must have them.
_ROWS_PER_CLUSTER: Final = 20
N_STARTS: Final = 4
# As many payments as the threshold's half-life is by default.
COLD_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to fit to, with which settings; ``ks`` None takes those of `DEFAULT_KS` that can be had.

    ``shards`` other than 1 are for `streamer.fitting.sharded.fit_sharded`.
    """

    pipeline: PipelineConfig
    cards_capacity: int
    merchants_capacity: int
    checkpoint_max_transactions: int
    batch_size: int
    ks: Sequence[int] | None = None
    shards: int = 1

    def made_of(
        self, data: tuple[tuple[str, str], ...], declaration: Declaration, n_clusters: int
    ) -> MadeOf:
        """Return what a version of so many clusters, fitted to files of these digests, comes out of."""
        model = replace(self.pipeline.model, n_clusters=n_clusters)
        rest = self.pipeline.believable, self.pipeline.verdicts, self.pipeline.repeat_window
        tables = self.cards_capacity, self.merchants_capacity, self.checkpoint_max_transactions
        configuration = repr((astuple(model), rest, tables))
        return MadeOf(
            data=data,
            configuration=hashlib.sha256(configuration.encode()).hexdigest()[:16],
            intake=declaration.hash[:16],
            code=code_version(),
            shards=self.shards,
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """The curve, the choice, and the version as bytes of a safetensors file."""

    points: list[Point]
    chosen: Point
    n_fitting: int
    n_held_back: int
    transactions_seen: int
    dead_lettered: int
    model_versions: int
    version_id: str
    version: bytes


def fit(
    request: Request,
    report: FileReport,
    *,
    created_at: str,
    now_ms: Callable[[], int],
    monotonic: Callable[[], float],
    on_progress: Callable[[str, int, int], None],
) -> Fit:
    """Choose k and return the version fitted with it; ``report``, IN/OUT, has the file.

    ``created_at`` (RFC 3339) goes into the version's header.  ``on_progress`` gets a stage, the steps
    done since it was last called for it, and the stage's total.  Raises `ConfigurationError` when
    the file or the list of k is not usable.
    """
    require("sklearn.metrics")
    model = replace(request.pipeline.model, n_starts=N_STARTS)
    n_rows = report.file.n_rows
    traffic, cold = read_traffic(
        report.batches(request.batch_size),
        request.pipeline,
        cards_capacity=request.cards_capacity,
        merchants_capacity=request.merchants_capacity,
        now_ms=now_ms(),
        cold_from=max(n_rows - COLD_ROWS, 0),
        on_progress=lambda n: on_progress("features", n, n_rows),
        on_decoded=report.add,
    )
    report.require_payments()
    choice = selected(request, traffic, HERE, on_progress)
    learning = replace(model, n_clusters=choice.n_clusters)
    learned, summary = _run(
        request, learning, report.file, now_ms=now_ms, monotonic=monotonic, on_progress=on_progress
    )
    file = report.file
    made_of = request.made_of(file.digests, file.declaration, choice.n_clusters)
    counts = summary.ledger.dead_lettered, summary.model_versions
    return finished(request, choice, cold, learned, made_of, created_at, counts)


@dataclass(frozen=True, slots=True)
class Choice:
    """The curve, the point of it that was chosen, and how many payments they were measured by."""

    points: list[Point]
    chosen: Point
    n_fitting: int
    n_held_back: int

    @property
    def n_clusters(self) -> int:
        """The chosen k."""
        return self.chosen.n_clusters


def selected(
    request: Request,
    traffic: Traffic,
    executor: Executor,
    on_progress: Callable[[str, int, int], None],
) -> Choice:
    """Return which number of clusters describes ``traffic`` best."""
    model = replace(request.pipeline.model, n_starts=N_STARTS)
    _require(len(traffic), model.warmup)
    fitting, held_back = traffic.split(HELD_BACK_SHARE)
    ks = candidates(request.ks, len(fitting), model.warmup)
    points = measure(
        fitting,
        held_back,
        ks,
        model,
        np.random.default_rng(model.random_seed),
        lambda: on_progress("numbers of clusters", 1, len(ks)),
        executor,
    )
    return Choice(points, choose(points), len(fitting), len(held_back))


def finished(
    request: Request,
    choice: Choice,
    cold: Traffic,
    learned: Sums,
    made_of: MadeOf,
    created_at: str,
    counts: tuple[int, int],
) -> Fit:
    """Return the version that workers start from; ``counts`` are rows refused and versions made."""
    # A worker's configuration, which knows no number of starts: the first centers are behind it.
    worker = replace(request.pipeline.model, n_clusters=choice.n_clusters)
    sums = with_threshold_for(cold, learned, worker)
    header = VersionHeader("", created_at, "fit", worker.hash, made_of=made_of)
    n_refused, n_versions = counts
    return Fit(
        points=choice.points,
        chosen=choice.chosen,
        n_fitting=choice.n_fitting,
        n_held_back=choice.n_held_back,
        transactions_seen=sums.transactions_seen,
        dead_lettered=n_refused,
        model_versions=n_versions,
        version_id=state_id(sums),
        version=encode_version(sums, header, worker.feature_names),
    )


def _require(n_payments: int, warmup: int) -> None:
    if n_payments < warmup:
        raise ConfigurationError(
            f"file must hold at least {warmup:,} valid payments (STREAMER_WARMUP_TRANSACTIONS), got "
            f"{n_payments:,}"
        )


def candidates(ks: Sequence[int] | None, n_fitting: int, warmup: int) -> list[int]:
    """Return the numbers of clusters to try, ascending, each once.

    A cluster needs 20 payments, both of the warm-up and of a half of the ``n_fitting``; raises
    `ConfigurationError` when one of ``ks`` has fewer, or none of the default ones has as many.
    """
    by_warmup, by_rows = warmup // _ROWS_PER_CLUSTER, n_fitting // (2 * _ROWS_PER_CLUSTER)
    limit = min(by_warmup, by_rows)
    wanted = sorted(set(DEFAULT_KS if ks is None else ks))
    possible = [k for k in wanted if k <= limit]
    if ks is None and possible:
        return possible
    if len(possible) == len(wanted):
        return possible
    reason = (
        f"{_ROWS_PER_CLUSTER} payments per cluster of STREAMER_WARMUP_TRANSACTIONS = {warmup:,}"
        if by_warmup <= by_rows
        else f"{_ROWS_PER_CLUSTER} payments per cluster in half of the {n_fitting:,} to fit to"
    )
    raise ConfigurationError(f"k must be at most {limit} ({reason}), got {max(wanted)}")


def with_threshold_for(traffic: Traffic, sums: Sums, config: ModelConfig) -> Sums:
    """Return ``sums`` with the last of ``traffic`` as recent, as if the budget had been kept on it.

    Without histories, payments lie farther from the centers than the ones that these were learned
    from: a card's first payments always look like a faster pace.  With the threshold of known
    cards a worker would alert ten times the budget in its first 25,000 payments (Handbook).
    """
    if not len(traffic):
        return sums
    V = np.full((len(traffic), len(config.context_names)), np.nan)
    rows = rows_of(traffic.X.astype(float), V, traffic.currencies, np.ones(len(traffic)))
    return replace(
        sums,
        recent_rows=freshest(rows),
        scored_weight=np.array(float(len(traffic))),
        alerted_weight=np.array(config.alert_budget * len(traffic)),
    )


def _run(
    request: Request,
    model: ModelConfig,
    file: PaymentFile,
    *,
    now_ms: Callable[[], int],
    monotonic: Callable[[], float],
    on_progress: Callable[[str, int, int], None],
) -> tuple[Sums, Summary]:
    partition = OfflinePartition(
        replace(request.pipeline, model=model),
        request.cards_capacity,
        request.merchants_capacity,
        request.checkpoint_max_transactions,
    )
    summary = replay(
        file.batches(request.batch_size),
        partition,
        now_ms=now_ms,
        monotonic=monotonic,
        on_alert=lambda _: None,
        on_progress=lambda n: on_progress("the version", n, file.n_rows),
    )
    return partition.sums, summary
