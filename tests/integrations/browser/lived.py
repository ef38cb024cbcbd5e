"""Weeks that a service has lived: payments with frauds among them, verdicts on its alerts, and those
that nobody has judged yet.

A person judges an alert two hours after the payment, rightly, in the console; a fraud that nobody was
alerted to comes back as a chargeback after five days.  What is a fraud is known here and written to a
file apart: no page has it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from load.stored_service import by_murmur2
from streamer.console.console import Console
from streamer.console.people.accounts import Account
from streamer.console.sending.audit_trail import Acting
from streamer.contract.messages import Alert
from streamer.durations import DAY_MS, HOUR_MS
from streamer.simulator import Payments, Simulator, SimulatorConfig
from streamer.store import Review
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.stream.harness import Record, Service, Worker

__all__ = ["PER_DAY", "SHARE", "Life"]

_N_CUSTOMERS: Final = 8_000
_N_MERCHANTS: Final = 2_000
PER_DAY: Final = 3 * _N_CUSTOMERS
"""Payments."""
SHARE: Final = 0.005
"""Of payments that alert."""

_CHUNK: Final = 4_000
_JUDGED_AFTER_MS: Final = 2 * HOUR_MS
_CHARGED_AFTER_MS: Final = 5 * DAY_MS
_QUIET_S: Final = 0.5
_JUDGE: Final = Account("noor", ("reviewer",), "")


class Life:
    """What becomes of a service whose ``worker`` and console run."""

    def __init__(self, service: Service, worker: Worker, seed: int, days: float) -> None:
        """Payments begin ``days`` ago."""
        self._service, self._worker = service, worker
        start = datetime.now(UTC) - timedelta(days=days)
        self._simulator = Simulator(
            SimulatorConfig(
                seed=seed, n_customers=_N_CUSTOMERS, n_merchants=_N_MERCHANTS, start=start
            )
        )
        self._console = Console(service.settings)
        self._reader = Consumer(
            librdkafka_config(service.settings, **{"group.id": "life", "enable.auto.commit": False})
        )
        n = range(service.n_partitions)
        topic = service.settings.alerts_topic
        self._reader.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in n])
        self._frauds: dict[str, tuple[str, str, str | None, int]] = {}
        self._uncharged: deque[str] = deque()
        self._alerts: dict[str, Alert] = {}
        self._waiting: deque[Alert] = deque()
        self._n_sent, self._now_ms = 0, 0

    def live(self, judged_days: float, n_open: int, truth: Path) -> dict[str, Any]:
        """Let alerts of so many days be judged, and then ``n_open`` wait; write the truth of these."""
        with asyncio.Runner() as loop:
            while self._n_sent < judged_days * PER_DAY:
                self._send()
                loop.run(self._judge())
            since_ms = self._now_ms
            while len(self._since(since_ms)) < n_open:
                self._send()
                loop.run(self._judge(since_ms))
            loop.run(self._console.store.close())
            loop.run(self._console.model_store.close())
        self._reader.close()
        waiting = self._since(since_ms)
        truth.parent.mkdir(parents=True, exist_ok=True)
        truth.write_text(json.dumps(self._truth(waiting, since_ms), indent=1), encoding="utf-8")
        return {"payments": self._n_sent, "alerts": len(self._alerts), "open": len(waiting)}

    def _since(self, since_ms: int) -> list[Alert]:
        return [each for each in self._alerts.values() if _event_ms(each) > since_ms]

    def _truth(self, waiting: list[Alert], since_ms: int) -> dict[str, Any]:
        alerted = {each.transaction.transaction_id for each in self._alerts.values()}
        of = {each.alert_id: self._frauds.get(each.transaction.transaction_id) for each in waiting}
        missed = [
            pattern
            for name, (pattern, _, _, at_ms) in self._frauds.items()
            if at_ms > since_ms and name not in alerted
        ]
        return {
            "alerts": {name: "" if fraud is None else fraud[0] for name, fraud in of.items()},
            "frauds_without_an_alert": Counter(missed),
        }

    def _send(self) -> None:
        made = self._simulator.generate(_CHUNK)
        self._note_frauds(made)
        n = self._service.n_partitions
        records: list[list[Record]] = [[] for _ in range(n)]
        for key, value in made.records():
            records[by_murmur2(key, n)].append((key, value))
        before = sum(self._worker.n_scored().values())
        for p, each in enumerate(records):
            self._service.produce(each, partition=p)
        self._n_sent += len(made)
        self._now_ms = int(made.timestamps_ms[-1])
        self._worker.wait_scored(before + len(made))
        while found := self._reader.consume(500, _QUIET_S):
            for message in found:
                if message.error() is None:
                    alert = msgspec.json.decode(message.value(), type=Alert)
                    self._alerts[alert.alert_id] = alert
                    self._waiting.append(alert)

    def _note_frauds(self, made: Payments) -> None:
        for i, pattern in enumerate(made.patterns):
            if pattern is not None:
                name = made.transaction_ids[i]
                at_ms = int(made.timestamps_ms[i])
                self._frauds[name] = pattern, made.card_ids[i], made.merchant_ids[i], at_ms
                self._uncharged.append(name)

    async def _judge(self, before_ms: int | None = None) -> None:
        kept: deque[Alert] = deque()
        while self._waiting:
            alert = self._waiting.popleft()
            due_ms = _event_ms(alert) + _JUDGED_AFTER_MS
            is_ours = before_ms is None or _event_ms(alert) <= before_ms
            if is_ours and (due_ms > self._now_ms or not await self._decided(alert, due_ms)):
                kept.append(alert)
        self._waiting = kept
        self._charge_back()

    async def _decided(self, alert: Alert, at_ms: int) -> bool:
        """Whether it was decided; the console may not have read it yet."""
        is_fraud = alert.transaction.transaction_id in self._frauds
        wanted = Review(
            alert.alert_id,
            f"life-{alert.alert_id}",
            "fraud" if is_fraud else "legitimate",
            _JUDGE.name,
            at_ms,
        )
        begun = await self._console.decider.decide(alert, wanted, Acting(_JUDGE))
        return begun.outcome == "sent"

    def _charge_back(self) -> None:
        alerted = {each.transaction.transaction_id for each in self._alerts.values()}
        due: list[Record] = []
        while self._uncharged:
            name = self._uncharged[0]
            _, card, merchant, at_ms = self._frauds[name]
            if at_ms + _CHARGED_AFTER_MS > self._now_ms:
                break
            self._uncharged.popleft()
            if name not in alerted:
                told = {"transaction_id": name, "card_id": card, "merchant_id": merchant}
                said = {"origin": "chargeback", "verdict": "fraud"}
                value = told | said | {"decided_at": at_ms + _CHARGED_AFTER_MS}
                due.append((card.encode(), json.dumps(value).encode()))
        n = self._service.n_partitions
        for p in range(n):
            theirs = [(key, value) for key, value in due if by_murmur2(key or b"", n) == p]
            self._service.produce(theirs, self._service.settings.feedback_topic, p)


def _event_ms(alert: Alert) -> int:
    return round(alert.event_time.timestamp() * 1000)
