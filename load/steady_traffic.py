"""What `load.steady` sends at a rate: payments, some twice, some that are none, and verdicts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from load.verdicts import verdicts
from streamer.settings import Settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.simulator.payments import Payments
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["Sent", "Traffic", "mixed"]

Record = tuple[bytes | None, bytes]

_CHUNK: Final = 1_000
_SLICE_S: Final = 0.05
# Every so many payments one comes again, and something that is none comes.
_REPEATED_EVERY: Final = 100
_BROKEN_EVERY: Final = 500
_JUDGED_EVERY: Final = 200
# Of so many chunks before: what comes again is known by its partition, whose window is far larger, and
# a verdict finds its payment scored.
_REPEATED_AFTER: Final = 2
_JUDGED_AFTER: Final = 20
_BROKEN: Final = b'{"transaction_id": "cut'


@dataclass(slots=True)
class Sent:
    """How much was sent of each kind."""

    payments: int = 0
    repeats: int = 0
    broken: int = 0
    verdicts: int = 0

    @property
    def records(self) -> int:
        """What lies in the transactions topic."""
        return self.payments + self.repeats + self.broken


def mixed(
    payments: list[tuple[bytes, bytes]], again: list[tuple[bytes, bytes]], sent: Sent
) -> Iterator[Record]:
    """Yield a chunk: the payments, each hundredth of ``again`` among them, and what is broken.

    ``sent`` (IN/OUT) counts them.
    """
    for i, (key, value) in enumerate(payments):
        yield key, value
        sent.payments += 1
        if i % _REPEATED_EVERY == 0 and i < len(again):
            yield again[i]
            sent.repeats += 1
        if i % _BROKEN_EVERY == 0:
            yield key, _BROKEN
            sent.broken += 1


class Traffic:
    """A thread that sends about ``rate`` records a second until it is told to stop."""

    def __init__(self, settings: Settings, rate: int, n_cards: int, seed: int) -> None:
        self.sent = Sent()
        self._rate = rate
        # Few payments of many cards: most of them have left the memory when they pay again.
        config = SimulatorConfig(
            seed=seed,
            n_customers=n_cards,
            n_merchants=max(n_cards // 3, 1_000),
            payments_per_customer_per_day=0.3,
        )
        self._simulator = Simulator(config)
        kafka = librdkafka_config(settings)
        self._transactions = Feeder(kafka, settings.transactions_topic)
        self._feedback = Feeder(kafka, settings.feedback_topic)
        self._before: deque[list[tuple[bytes, bytes]]] = deque(maxlen=_REPEATED_AFTER)
        self._unjudged: deque[Payments] = deque()
        self._is_over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def stop(self) -> Sent:
        """Send no more; return what Kafka has acknowledged, which is all, or an error is raised."""
        self._is_over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        self._transactions.finish()
        self._feedback.finish()
        return self.sent

    def check(self) -> None:
        """Raise what ended the thread, if something has."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            started = time.monotonic()
            while not self._is_over.is_set():
                for piece in self._chunk():
                    self._transactions.send(piece)
                    # What a day of payments takes to draw is made up for afterwards.
                    ahead_s = self._transactions.n_sent / self._rate - (time.monotonic() - started)
                    self._is_over.wait(max(ahead_s, 0.0))
        except Exception as error:
            self._error = error

    def _chunk(self) -> Iterator[list[Record]]:
        """Yield a chunk in slices; it is counted, so that all of it is to be sent."""
        payments = self._simulator.generate(_CHUNK)
        records = payments.records()
        again = self._before[0] if len(self._before) == _REPEATED_AFTER else []
        chunk = list(mixed(records, again, self.sent))
        self._before.append(records)
        self._judge(payments)
        step = max(int(self._rate * _SLICE_S), 1)
        for first in range(0, len(chunk), step):
            yield chunk[first : first + step]

    def _judge(self, payments: Payments) -> None:
        self._unjudged.append(payments)
        if len(self._unjudged) <= _JUDGED_AFTER:
            return
        judged = verdicts(self._unjudged.popleft(), _JUDGED_EVERY)
        told = [(v.card_id, msgspec.json.encode(v)) for _, v in judged]
        self._feedback.send((None if c is None else c.encode(), value) for c, value in told)
        self.sent.verdicts += len(told)
