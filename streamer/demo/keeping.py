"""What goes on after the summary: the whole stack, a trickle of payments, and nobody who judges."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streamer.demo.payment_source import PaymentBatch
from streamer.dev.page import page_of_stack
from streamer.dev.stack import Stack
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["KEPT_RATE", "keep_running"]

KEPT_RATE: Final = 20.0
"""Payments per second: an alert every ten seconds at the default budget, which a person can follow."""
_TICK_S: Final = 0.5


def keep_running(
    stack: Stack, payments: Iterator[PaymentBatch] | None, say: Callable[[str], None]
) -> None:
    """Start the console, print the page and go on until KeyboardInterrupt; blocks.

    ``payments`` go on slowly, None for none.  What they come to is in no summary.
    """
    try:
        say("starting the console")
        stack.start_console()
        say(page_of_stack(stack))
        if payments is None:
            say("The file has ended: no more payments. The alerts that nobody judged are yours.")
        else:
            say(
                f"Payments go on, {KEPT_RATE:g} a second. Nobody judges any more but you:\n"
                "alerts that wait are in the console."
            )
        with _trickle(stack, payments):
            while True:
                time.sleep(_TICK_S)
                stack.restart_dead()
    except KeyboardInterrupt:
        # This is how it ends.
        say("stopping")


@contextmanager
def _trickle(stack: Stack, payments: Iterator[PaymentBatch] | None) -> Iterator[None]:
    """Send ``payments`` slowly while the block runs."""
    if payments is None:
        yield
        return
    settings = stack.settings
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)

    def send() -> None:
        for batch in payments:
            if feeder.is_stopped.is_set():
                return
            feeder.send_at_rate(batch.records, KEPT_RATE)

    thread = threading.Thread(target=send, name="trickle", daemon=True)
    thread.start()
    try:
        yield
    finally:
        feeder.is_stopped.set()
        thread.join()
