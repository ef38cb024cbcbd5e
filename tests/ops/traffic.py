"""Payments for as long as a block runs, changed while it runs: what faults are made with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from confluent_kafka import Producer

from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.stream.harness import Record, Service, payments

__all__ = ["BAD", "Amounts", "Traffic", "simulated"]

TICK_S: Final = 0.2
BAD: Final[list[Record]] = [(b"card", b'{"card_id": "card"}')] * 5
_PER_TICK: Final = 20

Make = Callable[[int], Iterable[Record]]


def simulated() -> Make:
    """Return what gives a tick's simulated payments, 100 a second."""
    records = payments(20_000)

    def make(tick: int) -> list[Record]:
        at = tick * _PER_TICK % len(records)
        return records[at : at + _PER_TICK]

    return make


class Amounts:
    """Payments of which only the amount can move: each by a card of its own, so no history fills.

    The reference that drift is held against settles after 1,640 of them where the half-life is 300.
    """

    def __init__(self, per_tick: int) -> None:
        self.per_tick = per_tick
        self.factor = 1.0
        self._burst = 0
        self._n = 0
        self._rng = np.random.default_rng(1)

    def shift(self, factor: float, burst: int) -> None:
        """Multiply amounts from now on; ``burst`` payments come at once."""
        self.factor = factor
        self._burst = burst

    def __call__(self, tick: int) -> list[Record]:
        burst, self._burst = self._burst, 0
        amounts = self.factor * np.exp(self._rng.normal(3, 1, self.per_tick + burst))
        return [self._payment(amount) for amount in amounts.round(2).tolist()]

    def _payment(self, amount: float) -> Record:
        self._n += 1
        card = f"card-{self._n}"
        content = {
            "transaction_id": f"t-{self._n}",
            "card_id": card,
            "amount": amount,
            "currency": "EUR",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        return card.encode(), json.dumps(content).encode()


class Traffic(threading.Thread):
    """Sends what ``make`` gives five times a second; nothing while `is_silent`."""

    def __init__(self, service: Service, make: Make) -> None:
        super().__init__(name=f"traffic of {service.id}")
        self.extra: list[Record] = []
        self.is_silent = False
        self._make = make
        self._service = service
        self._ended = threading.Event()

    def run(self) -> None:
        topic, n_partitions = self._service.settings.transactions_topic, self._service.n_partitions
        producer = Producer(librdkafka_config(self._service.settings))
        tick = 0
        while not self._ended.wait(TICK_S):
            if self.is_silent:
                continue
            for i, (key, value) in enumerate([*self._make(tick), *self.extra]):
                producer.produce(topic, value, key, i % n_partitions)
            producer.poll(0)
            tick += 1
        producer.purge()
        producer.flush(1)

    def __enter__(self) -> Traffic:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
