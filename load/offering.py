"""Offers payments to a worker in an open loop: ``python -m load.offering PLAN``, a process of its own.

It takes orders from a folder, one after the other (`Mailbox`), so that one simulator makes all payments
of a measurement: cards keep their histories and ids go on.  What an order asks for is simulated and
encoded before its clock starts, and nothing is collected while it runs.  Payments go out every
millisecond, idempotently, with Kafka's own default linger, as payment systems send that lose nothing.

When Kafka had a payment is asked of one in a few: a report of each would take a third more of the
processor that the worker needs.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from confluent_kafka import KafkaError, Producer

from load.mailbox import Mailbox
from load.open_loop import Step, due_times
from load.scenario_file import Scenario
from load.scenario_payments import Message, ScenarioPayments
from streamer.arrays import Floats, Integers
from streamer.errors import UnavailableError
from streamer.settings import load_settings
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["NEVER", "Offered", "Order", "main", "offer"]

NEVER: Final = -1
"""In place of a time that is not known."""

_TICK_S: Final = 0.001
_BEGINS_IN_S: Final = 0.2
_FLUSH_S: Final = 60.0
# Reports a second at most; beyond that one payment in so many is asked of.
_REPORTS_PER_S: Final = 5_000
_QUEUE: Final = 500_000
# Java's client has had it since Kafka 4.0 (KIP-1030).
_LINGER_MS: Final = 5
# Of a backlog that is sent as fast as it goes.
_AT_ONCE: Final = 2_000


class Order(msgspec.Struct, frozen=True):
    """What to offer: payments by a profile, or ``n_backlog`` of them as fast as Kafka takes them."""

    profile: tuple[Step, ...] = ()
    n_backlog: int = 0


class Offered(msgspec.Struct, frozen=True):
    """What was offered: payments ``first`` to ``next``, exclusively, of which ``n_bad`` are none.

    ``started_ns`` is since the epoch; ``busy`` the share of a processor that sending took.
    """

    first: int
    next: int
    n_bad: int
    n_verdicts: int
    started_ns: int
    seconds: float
    busy: float


class Plan(msgspec.Struct, frozen=True):
    """Where orders come from and of what scenario the payments are."""

    folder: str
    scenario: Scenario


Send = Callable[[Message, Any], None]


def offer(
    messages: Sequence[Message], due_s: Floats, send: Send, poll: Callable[[], Any]
) -> tuple[int, Integers, Integers]:
    """Send each message when it is due; return when it began, and when each was sent and stored (ns).

    ``send`` gets a message, and for one in a few what is to be called with its delivery.  Blocks.
    """
    n = len(messages)
    sent_ns, stored_ns = np.zeros(n, np.int64), np.full(n, NEVER, np.int64)
    rate = n / max(float(due_s[-1]), 1.0) if n else 1.0
    every = max(round(rate / _REPORTS_PER_S), 1)
    clock = time.time_ns

    def stored(number: int, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            raise UnavailableError(f"Kafka must take every payment, got {error}")
        stored_ns[number] = sent_ns[number] + round(message.latency() * 1e9)

    started = clock() + round(_BEGINS_IN_S * 1e9)
    number = 0
    while number < n:
        until = int(np.searchsorted(due_s, (clock() - started) / 1e9, side="right"))
        for each in range(number, until):
            send(messages[each], partial(stored, each) if each % every == 0 else None)
        # At the end of what went out together: nobody is told to have been sent too early.
        sent_ns[number:until] = clock()
        poll()
        number = until
        if number < n:
            time.sleep(max(min(started / 1e9 + due_s[number] - clock() / 1e9, _TICK_S), 0.0002))
    return started, sent_ns, stored_ns


def _offer_backlog(messages: Sequence[Message], send: Send, poll: Callable[[], Any]) -> None:
    for number, message in enumerate(messages):
        send(message, None)
        if number % _AT_ONCE == 0:
            poll()


class _Topic:
    """The producer."""

    def __init__(self) -> None:
        settings = load_settings()
        self._transactions, self._feedback = settings.transactions_topic, settings.feedback_topic
        own: dict[str, Any] = {
            "enable.idempotence": True,
            "linger.ms": _LINGER_MS,
            "queue.buffering.max.messages": _QUEUE,
            "queue.buffering.max.kbytes": 1_000_000,
            # The partitioner of the Java client, so that cards land where its producers put them.
            "partitioner": "murmur2_random",
        }
        self._producer = Producer(librdkafka_config(settings, **own))

    def send(self, message: Message, on_delivery: Any) -> None:
        topic = self._feedback if message.is_verdict else self._transactions
        while True:
            try:
                if on_delivery is None:
                    self._producer.produce(topic, message.value, message.key)
                else:
                    self._producer.produce(
                        topic, message.value, message.key, on_delivery=on_delivery
                    )
                return
            except BufferError:
                self._producer.poll(0.05)

    def poll(self) -> None:
        self._producer.poll(0)

    def finish(self) -> None:
        left = self._producer.flush(_FLUSH_S)
        if left:
            raise UnavailableError(f"Kafka must take all within {_FLUSH_S:g} s, got {left} left")


def _carry_out(order: Order, payments: ScenarioPayments, topic: _Topic) -> tuple[Offered, Any]:
    if order.n_backlog:
        made = payments.make(order.n_backlog)
        due_s = np.zeros(order.n_backlog)
    else:
        due_s = due_times(order.profile)
        made = payments.make(len(due_s), due_s)
    messages, due_s, numbers = made.in_order(due_s)
    gc.collect()
    gc.freeze()
    gc.disable()
    cpu_s, began = time.process_time(), time.monotonic()
    if order.n_backlog:
        started, sent_ns = time.time_ns(), np.full(len(messages), time.time_ns())
        stored_ns = np.full(len(messages), NEVER, np.int64)
        _offer_backlog(messages, topic.send, topic.poll)
    else:
        started, sent_ns, stored_ns = offer(messages, due_s, topic.send, topic.poll)
    seconds = time.monotonic() - began
    busy = (time.process_time() - cpu_s) / seconds
    topic.finish()
    gc.enable()
    gc.unfreeze()
    due_ns = started + np.round(due_s * 1e9).astype(np.int64)
    times = np.stack([due_ns, sent_ns, stored_ns], axis=1)[numbers >= 0]
    offered = Offered(
        made.first,
        made.first + len(times),
        made.n_bad,
        len(messages) - len(times),
        started,
        seconds,
        busy,
    )
    return offered, times


def main() -> None:
    """Carry out orders until the process is ended."""
    plan = msgspec.json.decode(sys.argv[1].encode(), type=Plan)
    mailbox = Mailbox(Path(plan.folder))
    payments, topic = ScenarioPayments(plan.scenario), _Topic()
    while True:
        order = mailbox.next_order(Order)
        offered, times = _carry_out(order, payments, topic)
        mailbox.answer(offered, times)


if __name__ == "__main__":
    main()
