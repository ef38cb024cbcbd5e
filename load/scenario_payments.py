"""The messages of a scenario: simulated payments, what of them is changed, and the verdicts on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np

from load.scenario_file import Scenario
from load.verdicts import verdicts
from streamer.arrays import Flags, Floats, Integers
from streamer.simulator import Simulator, SimulatorConfig
from streamer.simulator.payments import Payments

__all__ = ["BAD", "Made", "Message", "ScenarioPayments"]

# Third word of the seed, beside those of the simulator's own.
_SCENARIO_STREAM: Final = 7
# As in the headline: by then most payments have been scored, in whatever partition they lie.
_JUDGED_AFTER: Final = 20_000
# Few cards pay for years within a run of millions, and no payment may be of the future.
_START: Final = datetime(2016, 1, 4, tzinfo=UTC)
_HOT: Final = "card-hot"
_RING: Final = "merchant-ring"

BAD: Final = (
    b"",
    b"not JSON at all",
    b'{"transaction_id": "cut off", "card_id": "card-0',
    b'{"transaction_id": "none", "card_id": "card-000001", "currency": "EUR", '
    b'"timestamp": "2026-01-05T10:00:00Z"}',
    b'{"transaction_id": "less than nothing", "card_id": "card-000001", "amount": "much", '
    b'"currency": "EUR", "timestamp": "2026-01-05T10:00:00Z"}',
    b"\xff\xfe\x00\x80",
)
"""No payments, of every kind that producers send: each is a dead letter."""


class Message(NamedTuple):
    """What goes to Kafka."""

    key: bytes | None
    value: bytes
    is_verdict: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """Payments ``first`` and those that follow, and verdicts with the payment that each comes with."""

    first: int
    payments: list[Message]
    verdicts: list[tuple[int, Message]]
    n_bad: int

    def in_order(self, due_s: Floats) -> tuple[list[Message], Floats, Integers]:
        """Return all messages in the order in which they are due, when that is, and their numbers.

        ``due_s`` (n,) is of the payments; a verdict has the number -1 and is due with its payment.
        """
        if not self.verdicts:
            return self.payments, due_s, np.arange(len(self.payments))
        last = len(self.payments) - 1
        behind = np.array([min(number, last) for number, _ in self.verdicts])
        numbers = np.concatenate(
            [np.arange(len(self.payments)), np.full(len(behind), -1, np.int64)]
        )
        due = np.concatenate([due_s, due_s[behind]])
        order = np.argsort(due, kind="stable")
        both = [*self.payments, *(message for _, message in self.verdicts)]
        return [both[i] for i in order.tolist()], due[order], numbers[order]


class ScenarioPayments:
    """An endless, seeded stream of a scenario's messages."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._simulator = Simulator(SimulatorConfig(scenario.seed, scenario.cards, start=_START))
        self._rng = np.random.default_rng([scenario.seed, 0, _SCENARIO_STREAM])
        self._n = 0
        # By the number of the payment that they come with.
        self._waiting: list[tuple[int, Message]] = []

    def make(self, n: int, due_s: Floats | None = None) -> Made:
        """Return the next ``n`` messages; ``due_s`` (n,) tells which of them lie in a wave.

        Without it they are a backlog, of which nothing is out of the ordinary or judged.
        """
        scenario, first = self._scenario, self._n
        payments = self._simulator.generate(n)
        self._n += n
        if due_s is None:
            return Made(first, [Message(*record) for record in payments.records()], [], 0)
        payments = self._changed(payments, due_s, first)
        messages = [Message(*record) for record in payments.records()]
        bad = np.flatnonzero(self._rng.random(n) < scenario.bad_share)
        for number in bad.tolist():
            messages[number] = Message(messages[number].key, BAD[number % len(BAD)])
        gone = set(bad.tolist())
        if scenario.judged_share:
            every = max(round(1 / scenario.judged_share), 1)
            self._waiting += [
                (
                    first + i + _JUDGED_AFTER,
                    Message(payments.card_ids[i].encode(), msgspec.json.encode(verdict), True),
                )
                for i, verdict in verdicts(payments, every)
                if i not in gone
            ]
        return Made(first, messages, list(self._due_with(first, first + n)), len(gone))

    def _due_with(self, first: int, following: int) -> Iterator[tuple[int, Message]]:
        waiting, self._waiting = self._waiting, []
        for number, message in waiting:
            if number < following:
                yield max(number - first, 0), message
            else:
                self._waiting.append((number, message))

    def _changed(self, payments: Payments, due_s: Floats, first: int) -> Payments:
        scenario, n = self._scenario, len(payments)
        cards, draws = list(payments.card_ids), self._rng.random((2, n))
        for i in np.flatnonzero(draws[0] < scenario.new_share).tolist():
            cards[i] = f"card-new-{first + i:09d}"
        for i in np.flatnonzero(draws[1] < scenario.hot_share).tolist():
            cards[i] = _HOT
        changed = replace(payments, card_ids=cards)
        return self._with_ring(changed, self._in_wave(due_s)) if scenario.waves else changed

    def _in_wave(self, due_s: Floats) -> Flags:
        drawn, chosen = self._rng.random(len(due_s)), np.zeros(len(due_s), bool)
        for wave in self._scenario.waves:
            during = (due_s >= wave.at_s) & (due_s < wave.at_s + wave.seconds)
            chosen |= during & (drawn < wave.share)
        return chosen

    def _with_ring(self, payments: Payments, chosen: Flags) -> Payments:
        """Return payments of which the ``chosen`` are tried-out cards at one online merchant."""
        amounts = np.where(chosen, np.round(self._rng.uniform(0.4, 2.5, len(chosen)), 2), 0.0)
        picked = chosen.tolist()
        return replace(
            payments,
            amounts=np.where(chosen, amounts, payments.amounts),
            latitudes=np.where(chosen, np.nan, payments.latitudes),
            longitudes=np.where(chosen, np.nan, payments.longitudes),
            merchant_ids=_where(picked, _RING, payments.merchant_ids),
            mccs=_where(picked, "5816", payments.mccs),
            channels=_where(picked, "ecommerce", payments.channels),
            patterns=_where(picked, "card_testing", payments.patterns),
        )


def _where(chosen: list[bool], value: str, others: list[str | None]) -> list[str | None]:
    return [value if is_it else other for is_it, other in zip(chosen, others, strict=True)]
