"""Simulated payments, and what people find out about them: verdicts of reviewers, and chargebacks.

A reviewer judges an alert after a while, rightly.  A fraud that nobody alerted comes back as a
chargeback, later.  The payments begin a year ago and pass faster than life; they end at the present.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from confluent_kafka import Producer

from streamer.contract.messages import Alert
from streamer.simulator import Simulator, SimulatorConfig
from streamer.stream.kafka.feeder import Feeder

__all__ = ["Traffic"]

_CHUNK: Final = 500
_BEGAN: Final = timedelta(days=365)
# Frauds of the last hours of traffic; older ones nobody alerts any more.
_REMEMBERED: Final = 100_000
_TICK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Due:
    at: float
    transaction_id: str
    card_id: str
    verdict: dict[str, Any]


class Traffic(threading.Thread):
    """Sends payments at ``rate`` per second and verdicts when they are due, until `stop`."""

    def __init__(
        self,
        config: dict[str, Any],
        topics: tuple[str, str],
        rate: float,
        seed: int,
        verdict_delay_s: float,
    ) -> None:
        """``config`` is librdkafka's; ``topics`` are those of transactions and of feedback."""
        super().__init__(name="traffic", daemon=True)
        transactions, self._feedback = topics
        self._rate = rate
        self._delay_s = verdict_delay_s
        self._feeder = Feeder(config, transactions)
        self._producer = Producer(config | {"partitioner": "murmur2_random"})
        start = datetime.now(UTC) - _BEGAN
        self._simulator = Simulator(SimulatorConfig(seed=seed, start=start))
        self._lock = threading.Lock()
        self._frauds: dict[str, str] = {}
        self._due: deque[_Due] = deque()
        self._chargebacks: deque[_Due] = deque()
        self._judged: set[str] = set()
        self.n_verdicts = 0
        self.is_at_present = False
        self.error: Exception | None = None

    @property
    def n_sent(self) -> int:
        """Payments sent so far."""
        return self._feeder.n_sent

    def judge(self, alert: Alert) -> None:
        """Let a reviewer see an alert; what is decided comes after the delay."""
        transaction = alert.transaction
        with self._lock:
            is_fraud = transaction.transaction_id in self._frauds
            self._judged.add(transaction.transaction_id)
            verdict = {
                "alert_id": alert.alert_id,
                "transaction_id": transaction.transaction_id,
                "card_id": transaction.card_id,
                "merchant_id": transaction.merchant_id,
                "origin": "reviewer",
                "is_fraud": is_fraud,
            }
            self._due.append(
                _Due(
                    time.monotonic() + self._delay_s,
                    transaction.transaction_id,
                    transaction.card_id,
                    verdict,
                )
            )

    def run(self) -> None:
        try:
            while not self._feeder.is_stopped.is_set() and not self.is_at_present:
                self._send_some()
            while not self._feeder.is_stopped.wait(_TICK_S):
                self._send_due()
        except Exception as error:
            self.error = error

    def stop(self) -> None:
        """Stop sending, and wait until it has."""
        self._feeder.is_stopped.set()
        self.join()

    def _send_some(self) -> None:
        payments = self._simulator.generate(_CHUNK)
        if payments.timestamps_ms[-1] > time.time() * 1000:
            self.is_at_present = True
            return
        with self._lock:
            for i, pattern in enumerate(payments.patterns):
                if pattern is not None:
                    self._remember(
                        payments.transaction_ids[i], payments.card_ids[i], payments.merchant_ids[i]
                    )
        records = payments.records()
        # Slices, so that verdicts go out and an end is noticed in between.
        step = max(int(self._rate * _TICK_S), 1)
        for first in range(0, len(records), step):
            if self._feeder.is_stopped.is_set():
                return
            self._feeder.send_at_rate(list(records[first : first + step]), self._rate)
            self._send_due()

    def _remember(self, transaction_id: str, card_id: str, merchant_id: str | None) -> None:
        self._frauds[transaction_id] = card_id
        while len(self._frauds) > _REMEMBERED:
            forgotten = next(iter(self._frauds))
            del self._frauds[forgotten]
            self._judged.discard(forgotten)
        verdict = {
            "transaction_id": transaction_id,
            "card_id": card_id,
            "merchant_id": merchant_id,
            "origin": "chargeback",
            "is_fraud": True,
        }
        # Time for the payment to be sent and, perhaps, alerted and judged.
        at = time.monotonic() + 3 * self._delay_s + _CHUNK / self._rate
        self._chargebacks.append(_Due(at, transaction_id, card_id, verdict))

    def _send_due(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = _taken(self._due, now)
            due += [
                e for e in _taken(self._chargebacks, now) if e.transaction_id not in self._judged
            ]
        for each in due:
            self._producer.produce(self._feedback, orjson.dumps(each.verdict), each.card_id)
            self.n_verdicts += 1
        self._producer.poll(0)


def _taken(waiting: deque[_Due], now: float) -> list[_Due]:
    taken = []
    while waiting and waiting[0].at <= now:
        taken.append(waiting.popleft())
    return taken
