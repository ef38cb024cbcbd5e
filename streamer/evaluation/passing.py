"""One pass of the pipeline over a file, keeping for every row its score, features and label.

The same functions and the same model versions as `streamer.replay`.  Two things are added: verdicts
are handed to a teacher before the batches that come after them, and every batch's feature matrix is
computed a second time from tables of its own.  Rivals get that one: no label can reach it, whatever
the pipeline's own features learn from labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamer.batch import Batch, StoredRecord
from streamer.datafiles import UNLABELLED, FileBatch, OnDecoded
from streamer.decoding import Decoded, decode_batch
from streamer.errors import ConfigurationError
from streamer.evaluation.drift_trace import DriftTrace
from streamer.evaluation.rows import NO_LABEL, Rows
from streamer.evaluation.verdicts import MAX_LAG_MS, LabelFeed, Teacher, cuts, teach
from streamer.events import Score
from streamer.features import FEATURE_NAMES, History, Tables
from streamer.labels import LabelConfig
from streamer.model import ModelVersion, Sums, advance, delta_limit, drift_of
from streamer.model.codec import state_id
from streamer.pipeline import PartitionState, PipelineConfig, prepare, score

__all__ = ["Pass", "PassConfig", "ranking_score", "run_pass"]

_TOPIC: Final = "file"
_ARRAYS: Final = ("times_ms", "cards", "amounts", "scenarios", "scores", "alerted", "X")
# The log-odds of fraud of a payment at the bottom of the ranking: one in a thousand.
_BASE_LOG_ODDS: Final = -7.0


@dataclass(frozen=True, slots=True)
class PassConfig:
    """What a pass is run with; ``label_delay_ms`` None withholds the labels altogether."""

    pipeline: PipelineConfig
    cards_capacity: int
    merchants_capacity: int
    checkpoint_max_transactions: int
    label_delay_ms: int | None = None
    teach: Teacher = teach


@dataclass(frozen=True, slots=True)
class Pass:
    """What came of a pass: the rows, the last model version, and what was taught."""

    rows: Rows
    version: ModelVersion
    n_verdicts: int
    drift: DriftTrace


def ranking_score(score: Score, *, with_labels: bool) -> float:
    """Return what rows are ranked by, higher being more suspicious; NaN while warming.

    Without labels it is the distance.  With them it is the head's log-odds, and before there is a head
    the distance brought to about that scale by its rank among recent payments.
    """
    if score.distance is None or score.score is None:
        return float("nan")
    if not with_labels:
        return score.distance
    if score.ranked_by == "log_odds" and score.log_odds is not None:
        return score.log_odds
    beyond = 1e-6 * math.log1p(score.distance)
    return beyond - math.log(1.0 - score.score + 1e-6) + _BASE_LOG_ODDS


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
    runner = _Runner(config, _Columns(n_rows), now_ms)
    offset = 0
    for file_batch in batches:
        if file_batch.labels is None:
            raise ConfigurationError(
                "file must have a column label (1 = fraud), got none; map it with --map label=COLUMN"
            )
        records = [
            StoredRecord(offset + i, now_ms, key, value)
            for i, (key, value) in enumerate(zip(file_batch.keys, file_batch.values, strict=True))
        ]
        runner.columns.add_labels(offset, file_batch.labels)
        for decoded in runner.run(records):
            on_decoded(file_batch, offset, decoded)
        offset += len(records)
        on_progress(len(records))
    return Pass(runner.columns.rows(), runner.version, runner.n_verdicts, runner.drift)


class _Columns:
    """The columns of `Rows` while they fill up; ``n`` rows are expected, and there may be more."""

    def __init__(self, n: int) -> None:
        self.times_ms = np.full(n, -1, dtype=np.int64)
        self.cards = np.full(n, -1, dtype=np.int64)
        self.amounts = np.full(n, np.nan)
        self.scenarios = np.full(n, -1, dtype=np.int64)
        self.scores = np.full(n, np.nan)
        self.alerted = np.zeros(n, dtype=bool)
        self.X = np.full((n, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
        self._n = 0
        self._card_numbers: dict[str, int] = {}
        self._names: dict[str, int] = {}

    def add_labels(self, first: int, labels: Sequence[str | None]) -> None:
        self._n = first + len(labels)
        if self._n > len(self.times_ms):
            self._grow(2 * self._n)
        for row, label in enumerate(labels, first):
            if label == UNLABELLED:
                self.scenarios[row] = NO_LABEL
            elif label is not None:
                self.scenarios[row] = self._names.setdefault(label, len(self._names))

    def add(
        self,
        decoded: Decoded,
        X: NDArray[np.float64],
        scores: Sequence[Score],
        *,
        with_labels: bool,
    ) -> None:
        rows = decoded.offsets
        numbers = self._card_numbers
        self.times_ms[rows] = decoded.times_ms
        self.cards[rows] = [
            numbers.setdefault(t.card_id, len(numbers)) for t in decoded.transactions
        ]
        self.amounts[rows] = [t.amount for t in decoded.transactions]
        self.X[rows] = X
        at = [score.source.offset for score in scores]
        self.scores[at] = [ranking_score(score, with_labels=with_labels) for score in scores]
        self.alerted[at] = [score.alerted for score in scores]

    def _grow(self, n: int) -> None:
        # A message may hold several payments, and rows of a file are counted before they are read.
        more = _Columns(n - len(self.times_ms))
        for name in _ARRAYS:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))

    def rows(self) -> Rows:
        arrays = {name: getattr(self, name)[: self._n] for name in _ARRAYS}
        return Rows(scenario_names=tuple(self._names), **arrays)


@dataclass(slots=True)
class _Runner:
    config: PassConfig
    columns: _Columns
    now_ms: int
    sums: Sums = field(init=False)
    version: ModelVersion = field(init=False)
    state: PartitionState = field(init=False)
    label_free: Tables = field(init=False)
    feed: LabelFeed = field(init=False)
    pipeline: PipelineConfig = field(init=False)
    clock_ms: int = -1
    n_verdicts: int = 0
    drift: DriftTrace = field(default_factory=DriftTrace)
    latest_ms: int = -1

    def __post_init__(self) -> None:
        config, model = self.config, self.config.pipeline.model
        # Every row's score is wanted here, whatever the worker publishes.
        self.pipeline = replace(config.pipeline, with_scores=True)
        if config.label_delay_ms is None:
            # Nothing will ever be judged, so nothing need wait for it.
            self.pipeline = replace(self.pipeline, labels=LabelConfig(capacity=0))
        sizes = config.cards_capacity, config.merchants_capacity
        self.sums = Sums.zero(model)
        self.version = ModelVersion.of(state_id(self.sums), self.sums, model)
        self.state = PartitionState.empty(self.pipeline, *sizes)
        self.label_free = Tables.empty(*sizes)
        self.feed = LabelFeed(config.label_delay_ms)

    def run(self, records: list[StoredRecord]) -> Iterator[Decoded]:
        """Score ``records``, and yield them decoded, a piece at a time."""
        for piece, clock_ms in self._pieces(records):
            verdicts = self.feed.due(clock_ms)
            if verdicts:
                self.n_verdicts += len(verdicts)
                self.config.teach(verdicts, self.state, self.version)
            while piece:
                seen = self.sums.transactions_seen
                limit = delta_limit(seen, self.config.checkpoint_max_transactions)
                n_next = limit - self.state.delta.transactions_seen
                part, piece = piece[:n_next], piece[n_next:]
                yield self._score(Batch(_TOPIC, 0, part, self.now_ms))
                if self.state.delta.transactions_seen >= limit:
                    self._advance()

    def _pieces(self, records: list[StoredRecord]) -> Iterator[tuple[list[StoredRecord], int]]:
        """Cut ``records`` so that verdicts are in time; without labels there is nothing to cut for."""
        if self.config.label_delay_ms is None:
            yield records, self.clock_ms
            return
        decoded = decode_batch(Batch(_TOPIC, 0, records, self.now_ms), self.pipeline.believable)
        first = 0
        times_ms = decoded.times_ms.tolist()
        for _, end, clock_ms in cuts(times_ms, self.clock_ms, MAX_LAG_MS):
            # Dead letters go with the piece before the next valid record.
            is_last = end == len(times_ms)
            stop = len(records) if is_last else decoded.records[end].offset - records[0].offset
            yield records[first:stop], clock_ms
            first = stop
        if first < len(records):
            yield records[first:], self.clock_ms
        self.clock_ms = max(self.clock_ms, *times_ms) if times_ms else self.clock_ms

    def _score(self, batch: Batch) -> Decoded:
        prepared = prepare(batch, self.pipeline)
        decoded = prepared.decoded
        outcome = score(prepared, self.state, self.version, self.pipeline, now_ms=self.now_ms)
        if prepared.columns is None:
            return decoded
        self.latest_ms = max(self.latest_ms, int(decoded.times_ms.max()))
        X = History.observe(prepared.columns, self.label_free).X
        with_labels = self.config.label_delay_ms is not None
        self.columns.add(decoded, X, outcome.scores, with_labels=with_labels)
        rows = decoded.offsets
        labels = self.columns.scenarios[rows].tolist()
        self.feed.add(decoded.transactions, decoded.times_ms.tolist(), labels)
        return decoded

    def _advance(self) -> None:
        model = self.pipeline.model
        self.sums = advance(self.sums, self.state.delta, model)
        self.state.delta = Sums.zero(model)
        self.version = ModelVersion.of(state_id(self.sums), self.sums, model)
        self.drift.add(self.latest_ms, drift_of(self.sums, model))
