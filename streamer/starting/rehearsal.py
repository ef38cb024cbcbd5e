"""Runs the pipeline once over payments of nobody, so that every kernel it has is loaded, or compiled.

A kernel is made for the types that it is called with, and nothing says these better than the product
itself: what is not rehearsed is compiled when the first payment needs it, while the others wait.  So
here is what a partition goes through: no model yet, the first centers, alerts by distance and by odds,
verdicts and their reversal, a version and entities that come out of the store.  Batches of one have
their turn too: an array of one row is contiguous where a longer one is not, which is another type.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import numpy as np

from streamer.compiled import Loaded, compile_for, loaded
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Feedback, Origin
from streamer.contract.record_format import Lot, unpacked
from streamer.durations import DAY_MS
from streamer.model import Scorer, Sums, advance
from streamer.model.codec import VersionHeader, decode_version, encode_version
from streamer.pipeline import PartitionState, PipelineConfig, process
from streamer.reports.center_watch import CenterWatch
from streamer.reports.drift_report import describe_drift
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from streamer.store.bulk import bulk_strings
from streamer.verdicts import LessonRecord, UnjudgedBuffer, VerdictConfig, apply_verdicts

__all__ = ["Rehearsal", "rehearse", "rehearse_on"]

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Payments in each batch of a round; a version is made after a round.
# The last is ranked by what the odds let lose.
_ROUNDS: Final = ((199, 1), (99, 1), (99, 1), (99, 1), (49, 1), (49, 1))
_N_CARDS: Final = 20
_N_UNJUDGED: Final = 5
_CURRENCIES: Final = ("EUR", "USD", "JPY")
_CAPACITY: Final = 1_000
# Long enough for verdicts to find their payments, and over before the last of them.
# One of Kafka's records as it lies in a fetch: seven numbers, of which two say that it has no key and
# no value.
_RECORD: Final = b"\x0c\0\0\0\x01\x01\0"

_FRAUDULENT: Final = "merchant-1"


Payment = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What it took and came to: alerts by what ranked them, and what this process has of kernels."""

    seconds: float
    by_distance: int
    by_odds: int
    loaded: Loaded


def rehearse() -> Rehearsal:
    """Go through it all: a fraction of a second where every kernel is in the cache."""
    started = monotonic()
    # Payments are none of Kafka's bytes here, and the loop's types do not depend on what is in them.
    unpacked(_RECORD, [Lot(0, len(_RECORD), 1, 0, 0, has_times=True, wanted=0)])
    alerted_by = list(_Run(_config()).alerted_by())
    by_distance = alerted_by.count("distance")
    by_odds = len(alerted_by) - by_distance
    return Rehearsal(monotonic() - started, by_distance, by_odds, loaded())


def rehearse_on(baseline: str) -> Rehearsal:
    """Go through it in a fresh process, with kernels for a processor of its choice."""
    compile_for(baseline)
    return rehearse()


def _config() -> PipelineConfig:
    """Return the defaults, but for what would need thousands of payments to come to pass."""
    config = pipeline_config(load_settings({}))
    model = replace(
        config.model,
        n_clusters=4,
        warmup=sum(_ROUNDS[0]),
        alert_budget=0.1,
        maturity_weight=1.0,
        odds_min_frauds=2.0,
    )
    verdicts = VerdictConfig(horizon_ms=DAY_MS, whole_ms=DAY_MS // 2, presumed_after_ms=DAY_MS // 2)
    return replace(config, model=model, with_scores=True, verdicts=verdicts)


def _is_fraud(payment: Payment) -> bool:
    """By its merchant alone, which the odds can learn and a distance cannot see."""
    return payment.get("merchant_id") == _FRAUDULENT


class _Run:
    """One partition from its first payment on; every round ends with a version and verdicts."""

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self._rng = np.random.default_rng(0)
        self._offset = 0
        self._state = PartitionState.empty(config, _CAPACITY, _CAPACITY)
        self._state.verdicts.record = LessonRecord(_CAPACITY)
        self._sums = Sums.zero(config.model)
        self._waiting: dict[str, bytes] = {}
        self._version = Scorer.of("rehearsal", self._sums, config.model)

    def alerted_by(self) -> Iterator[str]:
        """Run, and return for each alert what ranked it."""
        for left, sizes in reversed(list(enumerate(reversed(_ROUNDS)))):
            if not left:
                self._rank_by_loss()
            payments = [[self._payment() for _ in range(size)] for size in sizes]
            for batch in payments:
                yield from self._process(batch)
            judged = [payment for batch in payments for payment in batch]
            # The last are judged by nobody, and presumed legitimate.
            self._judge(judged[:-_N_UNJUDGED], "reviewer", _is_fraud)
            # Which overrules the reviewer's.
            self._judge(judged[:1], "chargeback", lambda payment: not _is_fraud(payment))
            self._merge()
            self._store_and_load()

    def _rank_by_loss(self) -> None:
        model = replace(self._config.model, rank_by="expected_loss", review_cost=1e-3)
        self._config = replace(self._config, model=model)
        self._version = Scorer.of("rehearsal", self._sums, model)

    def _payment(self) -> Payment:
        n, rng = self._offset, self._rng
        self._offset += 1
        card = int(rng.integers(_N_CARDS))
        # Every tenth is out of all proportion, so that something alerts, and would not for less.
        amount = float(rng.lognormal(3, 0.3)) * (40 if n % 10 == 9 else 1)
        payment: Payment = {
            "transaction_id": f"rehearsal-{n}",
            "card_id": f"card-{card}",
            "amount": round(amount, 2),
            "currency": _CURRENCIES[card % len(_CURRENCIES)],
            "timestamp": (_START + timedelta(minutes=7 * n)).isoformat(),
        }
        if n % 3:
            payment |= {"merchant_id": f"merchant-{n % 7}", "mcc": "5411", "country": "DE"}
        if n % 16 == 5:
            # Which is for the decoder to read, between others that are scanned.
            payment["note"] = {"lines": [n]}
        if n % 4:
            payment |= {"latitude": 50.0 + card / 10, "longitude": 8.0, "channel": "pos"}
        if n % 16 == 6:
            # What few have: 17 digits, a power of ten, more bytes than characters, and nothing.
            payment |= {"latitude": 0.1 + 0.2, "longitude": 5e-07, "channel": "é" * 20}
            payment["note"] = None
        return payment

    def _process(self, payments: list[Payment]) -> Iterator[str]:
        state = self._state
        first = state.next_offset or 0
        now_ms = round((_START + timedelta(days=300)).timestamp() * 1000)
        records = [
            StoredRecord(
                first + i,
                now_ms,
                payment["card_id"].encode(),
                json.dumps(payment, ensure_ascii=False).encode(),
            )
            for i, payment in enumerate(payments)
        ]
        batch = Batch("rehearsal", 0, records, now_ms)
        outcome = process(batch, state, self._version, self._config, now_ms=now_ms)
        if outcome is None:
            return
        if outcome.scored is not None:
            CenterWatch().add(self._version, outcome.scored, 0.0)
        yield from (alert.ranked_by for alert in outcome.alerts)

    def _judge(
        self, payments: list[Payment], origin: Origin, is_fraud: Callable[[Payment], bool]
    ) -> None:
        verdicts = [
            Feedback(
                transaction_id=payment["transaction_id"],
                card_id=payment["card_id"],
                verdict="fraud" if is_fraud(payment) else "legitimate",
                origin=origin,
                decided_at=datetime.fromisoformat(payment["timestamp"]) + timedelta(days=1),
                merchant_id=payment.get("merchant_id"),
            )
            for payment in payments
        ]
        state = self._state
        for part in (verdicts[:1], verdicts[1:]):
            apply_verdicts(part, state.verdicts, state.tables, state.delta, self._version)

    def _merge(self) -> None:
        model = self._config.model
        self._sums = advance(self._sums, self._state.delta, model)
        self._state.delta = Sums.zero(model)

    def _store_and_load(self) -> None:
        """Have the version and the entities as they come from Redis: out of bytes."""
        model, names = self._config.model, self._config.model.feature_names
        header = VersionHeader("", "", "merge", model.hash)
        sums, _ = decode_version(encode_version(self._sums, header, names), model)
        self._sums, self._version = sums, Scorer.of("rehearsal", sums, model)
        describe_drift(sums, model)
        state, fresh = self._state, PartitionState.empty(self._config, _CAPACITY, _CAPACITY)
        for noted in state.verdicts.record.take():
            noted.encoded()
        buffer = state.verdicts.buffer
        self._waiting |= buffer.take_changed()
        for name in buffer.take_removed():
            del self._waiting[name]
        late = PartitionState.empty(self._config, _CAPACITY, _CAPACITY)
        for i, ours in enumerate(state.tables.all()):
            stored = ours.take_changed()
            bulk_strings(stored)
            fresh.tables.all()[i].load(stored)
            # As after an outage of Redis, when rows are there before what is stored of them.
            late.tables.all()[i].mark_unloaded(stored)
            late.tables.all()[i].load(stored)
        fresh.verdicts, fresh.ledger = state.verdicts, state.ledger
        fresh.verdicts.buffer = UnjudgedBuffer(model.n_inputs, self._config.verdicts.capacity)
        fresh.verdicts.buffer.load(self._waiting)
        fresh.next_offset = state.next_offset
        self._state = fresh
