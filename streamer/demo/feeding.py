"""Sends the demo's payments and, between them, the verdicts that are due by the payments' time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Final

from streamer.contract.messages import Alert
from streamer.demo.payment_source import PaymentBatch
from streamer.demo.verdict_sender import VerdictSender
from streamer.durations import DAY_S
from streamer.simulator import LateVerdicts
from streamer.stream.kafka.feeder import Feeder

__all__ = ["CHARGED_BACK_AFTER_DAYS", "JUDGED_AFTER_DAYS", "Feeding"]

JUDGED_AFTER_DAYS: Final = 1
CHARGED_BACK_AFTER_DAYS: Final = 7

# How long payments are sent before the verdicts are looked at; an eighth of an event-day by default.
_SLICE_S: Final = 0.2
_SLICE: Final = 500
# How far payments may be ahead of what is accounted for, in seconds at the rate, or in payments where
# there is none: on a machine that cannot keep up verdicts would be weeks late by the payments' time.
_AHEAD_S: Final = 4.0
_AHEAD: Final = 20_000
_WAIT_S: Final = 0.05


class Feeding:
    """One run's payments and verdicts; ``on_sending`` is told of each batch before it is sent.

    ``is_judged`` says whether people judge alerts at all: nobody can where nothing is labelled.
    """

    def __init__(
        self,
        feeder: Feeder,
        verdicts: VerdictSender,
        on_sending: Callable[[PaymentBatch], None],
    ) -> None:
        self._feeder = feeder
        self._verdicts = verdicts
        self._on_sending = on_sending
        self._found_out = LateVerdicts(JUDGED_AFTER_DAYS * DAY_S, CHARGED_BACK_AFTER_DAYS * DAY_S)
        self._now_s = 0.0
        self.n_done = 0
        """Payments that are accounted for, as far as whoever follows the run has said."""

    def judge(self, alert: Alert) -> None:
        """Let a reviewer see an alert when it is there, which is after its payment."""
        paid = alert.transaction
        self._found_out.alerted(
            alert.alert_id,
            paid.transaction_id,
            paid.card_id,
            paid.merchant_id,
            max(self._now_s, alert.event_time.timestamp()),
        )

    def run(self, payments: Iterator[PaymentBatch], rate: float | None) -> None:
        """Send everything, at ``rate`` per second or as fast as it is taken, until it is stopped."""
        step = max(int(rate * _SLICE_S), 1) if rate is not None else _SLICE
        ahead = max(int(rate * _AHEAD_S), _SLICE) if rate is not None else _AHEAD
        for batch in payments:
            self._on_sending(batch)
            for transaction_id, card_id, merchant_id, time_ms in batch.frauds():
                self._found_out.cheated(transaction_id, card_id, merchant_id, time_ms / 1000)
            # Without labels nobody judges, and nothing need wait.
            most = ahead if batch.labels is not None else sys.maxsize
            for first in range(0, len(batch.records), step):
                while self._feeder.n_sent - self.n_done > most and not self._feeder.is_stopped.wait(
                    _WAIT_S
                ):
                    pass
                if self._feeder.is_stopped.is_set():
                    return
                records = batch.records[first : first + step]
                if rate is None:
                    self._feeder.send(records)
                else:
                    self._feeder.send_at_rate(records, rate)
                self._pass_time(batch.times_ms[first : first + step])
        self._feeder.finish()
        self._verdicts.finish()

    def _pass_time(self, times_ms: list[int | None]) -> None:
        latest_ms = max((each for each in times_ms if each is not None), default=0)
        self._now_s = max(self._now_s, latest_ms / 1000)
        self._verdicts.send(self._found_out.due(self._now_s))
