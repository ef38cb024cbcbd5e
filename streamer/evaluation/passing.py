"""One pass of the pipeline over a file, keeping for every row its score, features and label.

The same partition and the same model versions as in `streamer.offline.replay`.  Two things are
added: verdicts are applied before the batches that come after them, and every batch's feature
matrix is computed a second time from tables of its own.  Rivals get that one: no label can reach
it, whatever the pipeline's own features learn from labels.

Verdicts are due by event times, which are known when a batch has been decoded: so it is decoded as a
whole and once, and what was decoded is then cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from streamer.contract.batch import Batch
from streamer.datafiles import UNLABELLED, FileBatch, OnDecoded
from streamer.errors import ConfigurationError
from streamer.evaluation.drift_trace import DriftTrace
from streamer.evaluation.label_plan import NO_LABELS, LabelPlan
from streamer.evaluation.late_labels import MAX_LAG_MS, Applier, LabelFeed, cuts
from streamer.evaluation.rows import Rows
from streamer.evaluation.rows_so_far import RowsSoFar
from streamer.features import History, Tables
from streamer.intake.decoding import Decoded, decode_batch
from streamer.model import Scorer, Sums, drift_of
from streamer.offline.offline_partition import OfflinePartition, ScoredPart
from streamer.pipeline import PipelineConfig, Prepared
from streamer.verdicts import VerdictConfig

__all__ = ["Pass", "PassConfig", "run_pass", "run_passes"]


@dataclass(frozen=True, slots=True)
class PassConfig:
    """What a pass is run with; ``keeps_inputs`` for detectors that learn from what the odds do.

    ``start`` is the model to begin with, None for one that has learned nothing.  ``on_part`` gets
    every part of a batch when it has been scored.
    """

    pipeline: PipelineConfig
    cards_capacity: int
    merchants_capacity: int
    checkpoint_max_transactions: int
    labels: LabelPlan = NO_LABELS
    apply: Applier = OfflinePartition.teach
    keeps_inputs: bool = False
    start: Sums | None = None
    on_part: Callable[[ScoredPart], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class Pass:
    """What came of a pass: the rows, the last model version, and what was taught."""

    rows: Rows
    version: Scorer
    n_verdicts: int
    drift: DriftTrace


def run_pass(
    batches: Iterable[FileBatch],
    n_rows: int,
    config: PassConfig,
    *,
    now_ms: int,
    on_progress: Callable[[int], None],
    on_decoded: OnDecoded = lambda *_: None,
) -> Pass:
    """Score ``batches``, about ``n_rows`` in all, as one partition; they must have labels.

    ``now_ms`` is the time of arrival of every row.  ``on_progress`` gets the number of rows since it
    was last called, ``on_decoded`` what `FileReport.add` takes.
    """
    (passed,) = run_passes(
        batches, n_rows, [config], now_ms=now_ms, on_progress=on_progress, on_decoded=on_decoded
    )
    return passed


def run_passes(
    batches: Iterable[FileBatch],
    n_rows: int,
    configs: Sequence[PassConfig],
    *,
    now_ms: int,
    on_progress: Callable[[int], None],
    on_decoded: OnDecoded = lambda *_: None,
    needs_labels: bool = True,
) -> list[Pass]:
    """Do as `run_pass` does for several configurations, which have to read records alike.

    Without ``needs_labels`` a file may have none: no row of it is known to be a fraud, or not to be.
    """
    first, n_inputs = configs[0].pipeline, configs[0].pipeline.model.n_inputs
    runners = [
        _Runner(c, RowsSoFar(n_rows, n_inputs if c.keeps_inputs else 0), now_ms) for c in configs
    ]
    offset = 0
    for file_batch in batches:
        labels = file_batch.labels
        if labels is None and needs_labels:
            raise ConfigurationError(
                "file must have a column label (1 = fraud), got none; map it with --map label=COLUMN"
            )
        batch = file_batch.as_fetched(offset, now_ms)
        decoded = decode_batch(batch, first.believable, first.intake, first.cards)
        on_decoded(file_batch, offset, decoded)
        for runner in runners:
            runner.rows.add_labels(offset, labels or [UNLABELLED] * len(batch))
            runner.run(decoded)
        offset += len(batch)
        on_progress(len(batch))
    return [runner.passed() for runner in runners]


class _Runner:
    """A pass under way: the partition, the labels that wait for it, and what has been noted."""

    def __init__(self, config: PassConfig, rows: RowsSoFar, now_ms: int) -> None:
        self.rows = rows
        self.n_verdicts = 0
        self.drift = DriftTrace()
        self._config = config
        self._now_ms = now_ms
        # Every row's score is wanted here, whatever the worker publishes, a payment sent twice too.
        pipeline = replace(config.pipeline, with_scores=True, repeat_window=0)
        if not config.labels.teaches:
            # Nothing will ever be judged, so nothing need wait for it.
            pipeline = replace(pipeline, verdicts=VerdictConfig(capacity=0))
        sizes = config.cards_capacity, config.merchants_capacity
        self.partition = OfflinePartition(
            pipeline, *sizes, config.checkpoint_max_transactions, self._note_drift, config.start
        )
        self._label_free = Tables.empty(*sizes)
        self._feed = LabelFeed(config.labels)
        self._clock_ms = -1
        self._latest_ms = -1

    def run(self, decoded: Decoded) -> None:
        """Score what was ``decoded``, each verdict taught before the payments that come after it."""
        for piece, clock_ms in self._pieces(decoded):
            verdicts = self._feed.due(clock_ms)
            if verdicts:
                self.n_verdicts += len(verdicts)
                self._config.apply(self.partition, verdicts)
            prepared = partial(_prepared, decoded)
            for part in self.partition.run(piece, now_ms=self._now_ms, prepared=prepared):
                self._note(part)

    def passed(self) -> Pass:
        """Return what came of it."""
        return Pass(self.rows.rows(), self.partition.version, self.n_verdicts, self.drift)

    def _pieces(self, decoded: Decoded) -> Iterator[tuple[Batch, int]]:
        """Cut a batch so that verdicts are in time; without labels there is nothing to cut for."""
        batch = decoded.batch
        if not self._config.labels.teaches:
            yield batch, self._clock_ms
            return
        first, times_ms = 0, decoded.times_ms.tolist()
        for _, end, clock_ms in cuts(times_ms, self._clock_ms, MAX_LAG_MS):
            # Dead letters go with the piece before the next valid record.
            is_last = end == len(times_ms)
            stop = len(batch) if is_last else decoded.offsets.item(end) - batch.first_offset
            yield replace(batch, records=batch.records[first:stop]), clock_ms
            first = stop
        if first < len(batch):
            yield replace(batch, records=batch.records[first:]), self._clock_ms
        self._clock_ms = max(self._clock_ms, *times_ms) if times_ms else self._clock_ms

    def _note(self, part: ScoredPart) -> None:
        self._config.on_part(part)
        decoded, columns = part.prepared.decoded, part.prepared.columns
        if columns is None:
            return
        self._latest_ms = max(self._latest_ms, int(decoded.times_ms.max()))
        X = History.observe(columns, self._label_free).X
        rows, at = self.rows, decoded.offsets
        rows.add(decoded, X, part, with_labels=self._config.labels.teaches)
        told = rows.scenarios[at].tolist(), rows.alerted[at].tolist()
        names, times_ms = decoded.payments.names, decoded.times_ms.tolist()
        rows.judged_ms[at] = self._feed.add(names, times_ms, *told)

    def _note_drift(self, sums: Sums) -> None:
        self.drift.add(self._latest_ms, drift_of(sums, self._config.pipeline.model))


def _prepared(decoded: Decoded, part: Batch) -> Prepared:
    """Return the records of ``part``, a stretch of a ``decoded`` batch, as if decoded by themselves.

    What was passed over is counted for the batch only: here it is an offset without a record.
    """
    covers = part.first_offset, part.next_offset
    first, end = np.searchsorted(decoded.offsets, covers).tolist()
    own = decoded.only(np.arange(first, end))
    letters = [of for of in decoded.dead_letters if covers[0] <= of.record.offset < covers[1]]
    refused = np.array([of.record.offset for of in letters], dtype=np.int64)
    kept = np.union1d(own.offsets, refused)
    places = np.searchsorted(decoded.batch.offsets, kept).tolist()
    records = [decoded.batch.records[place] for place in places]
    own = replace(
        own,
        batch=replace(part, records=records, covers=covers),
        places=np.searchsorted(kept, own.offsets),
        dead_letters=letters,
        n_key_mismatches=0,
        passed_over={},
        left_out={},
    )
    columns = own.columns if len(own) else None
    return Prepared(own, columns, fingerprints=np.zeros(0, np.int64), n_repeated=0)
