"""Simulated payments, and what people find out about them: verdicts of reviewers, and chargebacks.

The payments begin a year ago and pass faster than life; they end at the present.  How late the
verdicts are is counted by the clock of this machine.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from confluent_kafka import Producer

from streamer.contract.messages import Alert
from streamer.simulator import LateVerdicts, Simulator, SimulatorConfig
from streamer.stream.kafka.feeder import Feeder

__all__ = ["Traffic"]

_CHUNK: Final = 500
_BEGAN: Final = timedelta(days=365)
_TICK_S: Final = 0.2
_STOP_WITHIN_S: Final = 5.0


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
        # Time for the payment to be sent and, perhaps, alerted and judged.
        self._found_out = LateVerdicts(verdict_delay_s, 3 * verdict_delay_s + _CHUNK / rate)
        self._feeder = Feeder(config, transactions)
        self._producer = Producer(config | {"partitioner": "murmur2_random"})
        start = datetime.now(UTC) - _BEGAN
        self._simulator = Simulator(SimulatorConfig(seed=seed, start=start))
        self.n_verdicts = 0
        self.is_at_present = False
        self.error: Exception | None = None

    @property
    def n_sent(self) -> int:
        """Payments sent so far."""
        return self._feeder.n_sent

    def judge(self, alert: Alert) -> None:
        """Let a reviewer see an alert; what is decided comes after the delay."""
        paid = alert.transaction
        self._found_out.alerted(
            alert.alert_id,
            paid.transaction_id,
            paid.card_id,
            paid.merchant_id,
            time.monotonic(),
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
        """Stop sending, and wait until it has, though not for a broker that answers nothing."""
        self._feeder.is_stopped.set()
        self.join(_STOP_WITHIN_S)

    def _send_some(self) -> None:
        payments = self._simulator.generate(_CHUNK)
        if payments.timestamps_ms[-1] > time.time() * 1000:
            self.is_at_present = True
            return
        now = time.monotonic()
        for i, pattern in enumerate(payments.patterns):
            if pattern is not None:
                self._found_out.cheated(
                    payments.transaction_ids[i],
                    payments.card_ids[i],
                    payments.merchant_ids[i],
                    now,
                )
        records = payments.records()
        # Slices, so that verdicts go out and an end is noticed in between.
        step = max(int(self._rate * _TICK_S), 1)
        for first in range(0, len(records), step):
            if self._feeder.is_stopped.is_set():
                return
            self._feeder.send_at_rate(list(records[first : first + step]), self._rate)
            self._send_due()

    def _send_due(self) -> None:
        for each in self._found_out.due(time.monotonic()):
            self._producer.produce(self._feedback, orjson.dumps(each.message), each.card_id)
            self.n_verdicts += 1
        self._producer.poll(0)
