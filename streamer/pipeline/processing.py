"""The product as one function: a batch of bytes in, alerts and dead letters out, the model taught.

Nothing here knows of Kafka, Redis, Faust, a clock or the environment; the worker, the replay of a
file, the demo and the benchmarks call the same functions.

Invariants:
* Every offset of a batch, and between two batches, is accounted for (`Ledger.imbalance` is 0).
* A transaction is scored by a model version that existed before it, and then learned from, once; one
  that comes again is neither.
* Features and scores do not depend on where batches begin and end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Integers
from streamer.contract.batch import Batch
from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert, FeatureRow, Mode, Score
from streamer.errors import InvariantError
from streamer.explaining.alerts import AlertContext, build_alerts
from streamer.features import Columns, History
from streamer.intake.decoding import DeadLetter, Decoded, decode_batch
from streamer.intake.readings import PassedOver, Refusal
from streamer.model import Scored, Scorer
from streamer.pipeline.budgets import still_known
from streamer.pipeline.deciding import Decision, decide
from streamer.pipeline.feature_messages import feature_messages
from streamer.pipeline.fuse import still_counted
from streamer.pipeline.partition_state import PartitionState, PipelineConfig
from streamer.pipeline.score_messages import score_messages
from streamer.pipeline.taking_in import learn_scored, remember_scored

__all__ = [
    "Outcome",
    "Prepared",
    "prepare",
    "process",
    "process_in_steps",
    "process_prepared",
]

Beside = Callable[[Decoded, History, Scored | None, Decision], None]
_NOTHING: Final = np.zeros(0)
_NO_PRINTS: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoded batch, before anything has been looked up or changed.

    ``fingerprints`` are those of its transactions, empty where none are kept; ``n_repeated``
    transactions that had been there before are left out.
    """

    decoded: Decoded
    columns: Columns | None
    fingerprints: Integers
    n_repeated: int


class Outcome(NamedTuple):
    """What one batch brought about.

    ``alerts`` are for reviewers, ``overflow`` is what the fuse held back; ``places`` are those of all
    of them (`streamer.pipeline.fuse`), by offset.
    """

    alerts: list[Alert]
    overflow: list[Alert]
    places: dict[int, int]
    dead_letters: list[DeadLetter]
    scores: list[Score]
    ledger: Ledger
    n_key_mismatches: int
    n_late: int
    n_suppressed: int
    passed_over: Mapping[PassedOver, int]
    left_out: Mapping[tuple[str, Refusal], int]
    scored: Scored | None
    """Of the transactions in their order; None while warming, and where there was none."""
    features: list[FeatureRow]


def process(
    batch: Batch,
    state: PartitionState,
    version: Scorer,
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
    prepared = prepare(fresh, config, state)
    return process_prepared(prepared, state, version, config, now_ms=now_ms, mode=mode)


def prepare(batch: Batch, config: PipelineConfig, state: PartitionState | None = None) -> Prepared:
    """Decode and validate ``batch``; a caller may then load the entities that it will need.

    Payments that ``state`` (IN) has seen before are left out; without it every one is scored.
    """
    decoded = decode_batch(batch, config.believable, config.intake, config.cards)
    n_decoded, prints = len(decoded), _NO_PRINTS
    if state is not None and config.repeat_window:
        repeated = state.repeats.recognise(decoded.offsets, decoded.payments.prints)
        if np.count_nonzero(repeated):
            decoded = decoded.only(np.flatnonzero(~repeated))
        prints = decoded.payments.prints
    columns = decoded.columns if len(decoded) else None
    return Prepared(decoded, columns, prints, n_decoded - len(decoded))


def process_prepared(
    prepared: Prepared,
    state: PartitionState,
    version: Scorer,
    config: PipelineConfig,
    *,
    now_ms: int,
    mode: Mode = "normal",
    lap: Callable[[str], object] = lambda _: None,
) -> Outcome:
    """Score what `prepare` returned; ``state`` is IN/OUT.

    ``lap`` is called with the name of each stage when it is done, for whoever holds a clock.
    """
    steps = process_in_steps(prepared, state, version, config, now_ms=now_ms, mode=mode, lap=lap)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def process_in_steps(
    prepared: Prepared,
    state: PartitionState,
    version: Scorer,
    config: PipelineConfig,
    *,
    now_ms: int,
    mode: Mode = "normal",
    lap: Callable[[str], object] = lambda _: None,
    beside: Beside | None = None,
) -> Generator[None, None, Outcome]:
    """Do as `process_prepared` does, with a pause wherever some alerts have been built.

    Where all of a batch alert, as after a shift, that takes seconds.  ``state`` (IN/OUT) is nobody
    else's until the last step is done, and useless when it is not: the pauses are for other work.
    ``beside`` is called once a batch with payments has been learned, with what was known of it.
    """
    decoded, columns = prepared.decoded, prepared.columns
    made: tuple[list[Alert], list[Alert]] = ([], [])
    messages: tuple[list[Score], list[FeatureRow]] = ([], [])
    n_late, scored, payments_1d, is_warming = 0, None, _NOTHING, version.is_warming
    if columns is not None:
        history = History.observe(columns, state.tables, state.n_partitions)
        n_late, payments_1d = history.n_late, history.card_payments_1d
        lap("features")
        if not is_warming:
            scored = version.score(history.X, columns.currencies, history.V, columns.times_ms)
            lap("score")
    decision = decide(decoded, state, version, scored, payments_1d)
    rows = decision.rows
    if columns is not None:
        lap("decide")
        learn_scored(state.delta, version, history.X, columns, scored, decision)
        if scored is not None:
            remember_scored(decoded, state, version, scored, decision, config.verdicts)
        if beside is not None:
            beside(decoded, history, scored, decision)
        lap("learn")
        if scored is not None and rows:
            source = decoded.batch.topic, decoded.batch.partition, state.epoch
            of_all = functools.partial(AlertContext, *source, version, columns, history, mode)
            decided = decision.shares, decision.lanes, decision.weights, decision.waves
            context = of_all(now_ms, config.card_key, rows, *decided)
            made = yield from _alerts(context, decoded, decision)
        messages = _messages(decoded, history, state, version, scored, decision, config, now_ms)
    first_place = state.ledger.scored
    ledger = _ledger(prepared, state, decision, is_warming=is_warming)
    _advance(state, prepared, ledger, decision)
    lap("explain")
    return Outcome(
        *made,
        {int(decoded.offsets[i]): first_place + i for i in rows},
        decoded.dead_letters,
        messages[0],
        ledger,
        decoded.n_key_mismatches,
        n_late,
        int(decision.is_out.sum()) if rows else 0,
        decoded.passed_over,
        decoded.left_out,
        scored,
        messages[1],
    )


def _messages(
    decoded: Decoded,
    history: History,
    state: PartitionState,
    version: Scorer,
    scored: Scored | None,
    decision: Decision,
    config: PipelineConfig,
    now_ms: int,
) -> tuple[list[Score], list[FeatureRow]]:
    """Return what goes out of every payment, as far as the configuration asks for it."""
    scores: list[Score] = []
    features: list[FeatureRow] = []
    if config.with_scores:
        scores = score_messages(decoded, state, version, scored, decision, config.card_key)
    if config.with_features:
        features = feature_messages(decoded, history.X, state, now_ms, config.card_key)
    return scores, features


def _alerts(
    context: AlertContext, decoded: Decoded, decision: Decision
) -> Generator[None, None, tuple[list[Alert], list[Alert]]]:
    """Return the alerts for reviewers and those held back, without what is out already."""
    parts = context, decoded.offsets, decoded.transaction
    new = [i for i in decision.rows if not decision.is_out[i]]
    alerts = yield from build_alerts(*parts, [i for i in new if decision.alerted[i]])
    overflow = yield from build_alerts(*parts, [i for i in new if not decision.alerted[i]])
    return alerts, overflow


def _ledger(
    prepared: Prepared, state: PartitionState, decision: Decision, *, is_warming: bool
) -> Ledger:
    batch, n_scored = prepared.decoded.batch, len(prepared.decoded)
    # Offsets that were gone before they were read: the log began behind them.
    n_lost = 0 if state.next_offset is None else max(batch.first_offset - state.next_offset, 0)
    n_alerted = int(decision.alerted.sum()) if decision.rows else 0
    return Ledger(
        consumed=n_lost + batch.next_offset - batch.first_offset,
        scored=n_scored,
        dead_lettered=len(prepared.decoded.dead_letters),
        alerted=n_alerted,
        warming=n_scored if is_warming else 0,
        repeated=prepared.n_repeated,
        skipped=batch.n_skipped + sum(prepared.decoded.passed_over.values()),
        lost=n_lost,
        overflowed=len(decision.rows) - n_alerted,
    )


def _advance(state: PartitionState, prepared: Prepared, ledger: Ledger, decision: Decision) -> None:
    batch = prepared.decoded.batch
    if ledger.imbalance:
        raise InvariantError(
            f"every offset must be accounted for, got {ledger.imbalance} that are not "
            f"in {batch.topic}/{batch.partition} from {batch.first_offset} to {batch.next_offset}"
        )
    first_place = state.ledger.scored
    state.ledger = state.ledger + ledger
    state.next_offset = batch.next_offset
    if ledger.alerted:
        alerted = (first_place + np.flatnonzero(decision.alerted)).tolist()
        state.recent_alerts = state.recent_alerts + alerted
    state.recent_alerts = still_counted(state.recent_alerts, state.ledger.scored)
    oldest = state.recent_alerts[0] if state.recent_alerts else state.ledger.scored
    state.budgets = still_known(state.budgets, oldest)
    if ledger.overflowed:
        last = int(np.flatnonzero(decision.overflowed)[-1])
        state.held_back_until = first_place + last + 1
    if len(prepared.fingerprints):
        state.repeats.add(prepared.decoded.offsets, prepared.fingerprints)
    if state.has_published:
        following = batch.next_offset
        state.published = {o: place for o, place in state.published.items() if o >= following}
        state.overflowed = {offset for offset in state.overflowed if offset >= following}
        state.published_samples = {
            offset: weight
            for offset, weight in state.published_samples.items()
            if offset >= following
        }
