"""The product as one function: a batch of bytes in, alerts and dead letters out, the model taught.

Nothing here knows of Kafka, Redis, Faust, a clock or the environment; the worker, the replay of a
file, the demo and the benchmarks call the same functions.

Invariants:
* Every offset of a batch, and between two batches, is accounted for (`Ledger.imbalance` is 0).
* A transaction is scored by a model version that existed before it, and then learned from, once.
* Features and scores do not depend on where batches begin and end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamer.alerts import AlertContext, build_alert, pseudonym
from streamer.batch import Batch
from streamer.decoding import DeadLetter, Decoded, TimestampRange, decode_batch
from streamer.errors import InvariantError
from streamer.events import Alert, Mode, Score, Source
from streamer.features import Columns, History, Tables, context_matrix, feature_matrix
from streamer.features.history import DAY
from streamer.labels import LabelConfig, LabelState, Waiting, remember
from streamer.ledger import Ledger
from streamer.model import (
    ModelConfig,
    ModelVersion,
    Scored,
    Sums,
    count_features,
    learn,
    learn_warming,
    may_teach,
    uniform_hash,
)

__all__ = [
    "Outcome",
    "PartitionState",
    "PipelineConfig",
    "Prepared",
    "decide",
    "may_be_taught",
    "prepare",
    "process",
    "remember_scored",
    "score",
    "teach",
]


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What the pipeline needs to know besides the model."""

    model: ModelConfig
    believable: TimestampRange
    card_key: bytes | None = None
    with_scores: bool = False
    labels: LabelConfig = field(default_factory=LabelConfig)


@dataclass(slots=True)
class PartitionState:
    """What one partition remembers between batches; everything in it is in its checkpoint.

    ``next_offset`` is the first offset not processed, None before the first batch.  ``published``
    holds offsets at or beyond it whose alerts are already on the topic, from before a crash.
    """

    tables: Tables
    delta: Sums
    labels: LabelState
    next_offset: int | None = None
    ledger: Ledger = field(default_factory=Ledger)
    published: set[int] = field(default_factory=set)

    @classmethod
    def empty(
        cls, config: PipelineConfig, cards_capacity: int, merchants_capacity: int
    ) -> PartitionState:
        """Return the state of a partition that was never read."""
        return cls(
            Tables.empty(cards_capacity, merchants_capacity),
            Sums.zero(config.model),
            LabelState.empty(config.model.n_inputs, config.labels.capacity),
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoded batch, before anything has been looked up or changed."""

    decoded: Decoded
    columns: Columns | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one batch brought about."""

    alerts: list[Alert]
    dead_letters: list[DeadLetter]
    scores: list[Score]
    ledger: Ledger
    n_key_mismatches: int
    n_late: int
    n_suppressed: int
    distances_sq: NDArray[np.float64]
    """Of the transactions in their order; empty while warming."""


def process(
    batch: Batch,
    state: PartitionState,
    version: ModelVersion,
    config: PipelineConfig,
    *,
    now_ms: int,
    mode: Mode = "normal",
) -> Outcome | None:
    """Score ``batch``, learn from it, and return what came of it; ``state`` is IN/OUT.

    Records before ``state.next_offset`` have been processed already and are passed over; None when
    nothing is left.  ``now_ms`` stamps the alerts (milliseconds since the epoch).
    """
    fresh = batch if state.next_offset is None else batch.starting_at(state.next_offset)
    if fresh is None:
        return None
    return score(prepare(fresh, config), state, version, config, now_ms=now_ms, mode=mode)


def prepare(batch: Batch, config: PipelineConfig) -> Prepared:
    """Decode and validate ``batch``; a caller may then load the entities that it will need."""
    decoded = decode_batch(batch, config.believable)
    columns = None
    if decoded.transactions:
        columns = Columns.of(decoded.transactions, decoded.times_ms)
    return Prepared(decoded, columns)


def score(
    prepared: Prepared,
    state: PartitionState,
    version: ModelVersion,
    config: PipelineConfig,
    *,
    now_ms: int,
    mode: Mode = "normal",
) -> Outcome:
    """Score what `prepare` returned; ``state`` is IN/OUT."""
    decoded, batch = prepared.decoded, prepared.decoded.batch
    alerts: list[Alert] = []
    scores: list[Score] = []
    n_late = n_suppressed = n_alerted = 0
    scored = None
    if prepared.columns is not None:
        columns = prepared.columns
        history = History.observe(columns, state.tables)
        n_late = history.n_late
        X = feature_matrix(columns, history)
        V = context_matrix(history)
        scored = (
            None
            if version.is_warming
            else version.score(X, columns.currencies, V, columns.times_ms)
        )
        alerted, is_published = decide(decoded, state, scored)
        n_alerted, n_suppressed = int(alerted.sum()), int(is_published.sum())
        teaching = may_be_taught(decoded, history, alerted, config.model)
        teach(state.delta, version, X, columns, scored, alerted, teaching)
        if scored is not None:
            remember_scored(decoded, state, version, scored, alerted, config.labels)
            context = AlertContext(
                batch, version, columns, history, X, V, scored, mode, now_ms, config.card_key
            )
            alerts = [
                build_alert(context, i, decoded.records[i], decoded.transactions[i])
                for i in np.flatnonzero(alerted & ~is_published).tolist()
            ]
        if config.with_scores:
            scores = _scores(decoded, version, scored, alerted, config.card_key)
    n_scored = len(decoded.transactions)
    n_lost = _n_lost(state, batch)
    ledger = Ledger(
        consumed=n_lost + batch.next_offset - batch.first_offset,
        scored=n_scored,
        dead_lettered=len(decoded.dead_letters),
        alerted=n_alerted,
        warming=n_scored if version.is_warming else 0,
        skipped=batch.n_skipped,
        lost=n_lost,
    )
    _advance(state, batch, ledger)
    return Outcome(
        alerts,
        decoded.dead_letters,
        scores,
        ledger,
        decoded.n_key_mismatches,
        n_late,
        n_suppressed,
        np.zeros(0) if scored is None else scored.distances_sq,
    )


def decide(
    decoded: Decoded, state: PartitionState, scored: Scored | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which transactions count as alerted, and which of those a reviewer already has.

    An alert that went out before a crash stays an alert, even if the model that the transaction
    meets after the recovery would let it pass.
    """
    n = len(decoded.transactions)
    is_published = np.zeros(n, dtype=bool)
    if state.published:
        is_published[:] = [record.offset in state.published for record in decoded.records]
    alerted = is_published.copy() if scored is None else scored.alerted | is_published
    return alerted, is_published


def may_be_taught(
    decoded: Decoded, history: History, alerted: NDArray[np.bool_], model: ModelConfig
) -> NDArray[np.bool_]:
    """Return which transactions may teach: those that do not alert, no card too often."""
    of_the_day = history.card_sums[:, DAY]
    return ~alerted & may_teach(_offsets(decoded), of_the_day, model.card_daily_lessons)


def _offsets(decoded: Decoded) -> NDArray[np.int64]:
    return np.array([record.offset for record in decoded.records], dtype=np.int64)


def teach(
    delta: Sums,
    version: ModelVersion,
    X: NDArray[np.float64],
    columns: Columns,
    scored: Scored | None,
    alerted: NDArray[np.bool_],
    teaching: NDArray[np.bool_],
) -> None:
    """Learn from a batch: features ``X``, scores, and which of it alerted; ``delta`` is IN/OUT."""
    if scored is None:
        learn_warming(delta, X, columns.currencies, columns.times_ms)
    else:
        learn(delta, scored, teaching, alerted, X[:, 0], columns.currencies, columns.times_ms)
        usual, floors = version.sums.reference_currency_means, version.config.spread_floors
        count_features(delta.feature_histograms, X, columns.currencies, usual, floors)


def remember_scored(
    decoded: Decoded,
    state: PartitionState,
    version: ModelVersion,
    scored: Scored,
    alerted: NDArray[np.bool_],
    config: LabelConfig,
) -> None:
    """Keep a scored batch for its labels; ``state`` is IN/OUT."""
    if not config.capacity:
        return
    waiting = Waiting(
        np.asarray(decoded.times_ms, dtype=np.int64), alerted, scored.inputs, scored.ranks
    )
    ids = [t.transaction_id for t in decoded.transactions]
    draws = uniform_hash(_offsets(decoded))
    remember(state.labels, state.delta, version, config, ids, draws, waiting)


def _scores(
    decoded: Decoded,
    version: ModelVersion,
    scored: Scored | None,
    alerted: NDArray[np.bool_],
    card_key: bytes | None,
) -> list[Score]:
    topic, partition = decoded.batch.topic, decoded.batch.partition
    return [
        Score(
            transaction_id=transaction.transaction_id,
            card_id=transaction.card_id
            if card_key is None
            else pseudonym(transaction.card_id, card_key),
            score=None if scored is None else float(scored.scores[i]),
            distance=None if scored is None else float(scored.distances_sq[i]) ** 0.5,
            alerted=bool(alerted[i]),
            status="warming" if scored is None else "scored",
            log_odds=None
            if scored is None or scored.log_odds is None
            else float(scored.log_odds[i]),
            ranked_by="log_odds" if version.is_head_active else "distance",
            model_version=version.id,
            source=Source(topic, partition, record.offset),
        )
        for i, (record, transaction) in enumerate(
            zip(decoded.records, decoded.transactions, strict=True)
        )
    ]


def _n_lost(state: PartitionState, batch: Batch) -> int:
    """Return how many offsets were gone before they were read: the log began behind them."""
    return 0 if state.next_offset is None else max(batch.first_offset - state.next_offset, 0)


def _advance(state: PartitionState, batch: Batch, ledger: Ledger) -> None:
    if ledger.imbalance:
        raise InvariantError(
            f"every offset must be accounted for, got {ledger.imbalance} that are not "
            f"in {batch.topic}/{batch.partition} from {batch.first_offset} to {batch.next_offset}"
        )
    state.ledger = state.ledger + ledger
    state.next_offset = batch.next_offset
    if state.published:
        state.published = {o for o in state.published if o >= state.next_offset}
