"""Which answer, which score and which features are of one payment, in whatever order they come.

A payment is known by its card and its id.  A payment that is asked about twice is compared twice, one
that is scored twice, as after a crash, once.

Invariants:
* Bounded: so many answers wait, so many scored payments are remembered; what that cost is an outcome.
* What came between is read off the features topic, which has a partition's payments in their order; a
  pair is compared once that topic has come as far as the payment.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from streamer.contract.decision_message import Decision
from streamer.contract.messages import FeatureRow, Score, Source
from streamer.skew.skew_outcomes import Between, Order, Outcome, outcome_of

__all__ = ["Compared", "Meetings", "Waiting"]

_WAITING: Final = 50_000
# Some 3 kB each.
_SCORED: Final = 20_000
# Of one partition: at 1,000 payments a second it has those of 20 s, and a checkpoint comes every two.
_WITNESSED: Final = 20_000

_Payment = tuple[str, str]
# Its kind, its name, and of a till the currency.
_Entity = tuple[str, str, str]


class Waiting(NamedTuple):
    """An answer that waits for its score; ``place`` is the partition and offset of its decision."""

    decision: Decision
    place: tuple[int, int]
    at_ms: int


class Compared(NamedTuple):
    """What came of an answer; score and features are None where it was compared with nothing."""

    outcome: Outcome
    waited: Waiting
    score: Score | None
    row: FeatureRow | None


@dataclass(slots=True)
class _Scored:
    """What the stream has told of one payment so far."""

    score: Score | None = None
    row: FeatureRow | None = None


@dataclass(slots=True)
class _Partition:
    """The latest payments of a partition, and from which offset on all of them are there.

    ``offsets`` are those of each card, merchant and till, in order.
    """

    epoch: int = 0
    first: int = 0
    seen: deque[tuple[int, list[_Entity]]] = field(default_factory=deque)
    offsets: dict[_Entity, deque[int]] = field(default_factory=dict)

    def add(self, row: FeatureRow, most: int) -> None:
        """Take the next payment; of more than ``most`` the one longest ago is let go."""
        offset, entities = row.source.offset, _entities(row)
        self.seen.append((offset, entities))
        for entity in entities:
            self.offsets.setdefault(entity, deque()).append(offset)
        if len(self.seen) <= most:
            return
        gone, entities = self.seen.popleft()
        self.first = gone + 1
        for entity in entities:
            self.offsets[entity].popleft()
            if not self.offsets[entity]:
                del self.offsets[entity]

    def came(self, entity: _Entity, first: int, before: int) -> bool:
        """Whether a payment of ``entity`` lies from ``first`` on and before ``before``."""
        for offset in reversed(self.offsets.get(entity, ())):
            if offset < before:
                return offset >= first
        return False


def _entities(row: FeatureRow) -> list[_Entity]:
    """Return what a payment moves on."""
    card: _Entity = ("card", row.card_id, "")
    if row.merchant_id is None:
        return [card]
    till = "till", row.merchant_id, row.currency
    return [card, till, ("merchant", row.merchant_id, "")]


@dataclass(slots=True)
class Meetings:
    """Puts together what belongs together; ``order`` tells which of two versions is newer.

    ``within_ms`` is how long an answer waits for its score, by Kafka's clock.
    """

    order: Callable[[str, str], Order]
    within_ms: int
    most_waiting: int = _WAITING
    most_scored: int = _SCORED
    most_witnessed: int = _WITNESSED
    _waiting: OrderedDict[_Payment, list[Waiting]] = field(default_factory=OrderedDict)
    _scored: OrderedDict[_Payment, _Scored] = field(default_factory=OrderedDict)
    _partitions: dict[int, _Partition] = field(default_factory=dict)
    _n_waiting: int = 0

    @property
    def n_waiting(self) -> int:
        """How many answers wait."""
        return self._n_waiting

    def waiting(self) -> Iterator[Waiting]:
        """Yield the answers that wait."""
        for of_payment in self._waiting.values():
            yield from of_payment

    def answered(self, decision: Decision, place: tuple[int, int], at_ms: int) -> list[Compared]:
        """Take an answer; return what could be compared, and what had to make room for it."""
        payment = decision.answer.card_id, decision.answer.transaction_id
        waited = Waiting(decision, place, at_ms)
        scored = self._scored.get(payment)
        if scored is not None and scored.score is not None and scored.row is not None:
            return [self._compared(waited, scored.score, scored.row)]
        self._waiting.setdefault(payment, []).append(waited)
        self._n_waiting += 1
        if self._n_waiting <= self.most_waiting:
            return []
        return self._left(next(iter(self._waiting)), "given_up")

    def told(self, what: Score | FeatureRow) -> list[Compared]:
        """Take a score, or features; return what could be compared."""
        payment = what.card_id, what.transaction_id
        scored = self._scored.setdefault(payment, _Scored())
        if isinstance(what, Score):
            scored.score = scored.score or what
        else:
            self._witness(what)
            scored.row = scored.row or what
        if len(self._scored) > self.most_scored:
            self._scored.popitem(last=False)
        if scored.score is None or scored.row is None:
            return []
        of_payment = self._waiting.pop(payment, [])
        self._n_waiting -= len(of_payment)
        return [self._compared(each, scored.score, scored.row) for each in of_payment]

    def passed(self, now_ms: int) -> list[Compared]:
        """Return the answers that have waited for too long; everything before ``now_ms`` was read."""
        late: list[Compared] = []
        for payment, of_payment in list(self._waiting.items()):
            if of_payment[0].at_ms + self.within_ms > now_ms:
                # They came in this order.
                break
            late += self._left(payment, "never_met")
        return late

    def _left(self, payment: _Payment, outcome: Outcome) -> list[Compared]:
        of_payment = self._waiting.pop(payment)
        self._n_waiting -= len(of_payment)
        return [Compared(outcome, each, None, None) for each in of_payment]

    def _compared(self, waited: Waiting, score: Score, row: FeatureRow) -> Compared:
        decision = waited.decision
        answered_by, scored_by = decision.answer.model_version, score.model_version
        order: Order = "newer" if answered_by == scored_by else self.order(answered_by, scored_by)
        between = self._between(decision.state, row)
        return Compared(outcome_of(decision, score, row, between, order), waited, score, row)

    def _witness(self, row: FeatureRow) -> None:
        source = row.source
        partition = self._partitions.get(source.partition)
        if partition is None or partition.epoch != source.epoch:
            partition = _Partition(source.epoch, source.offset)
            self._partitions[source.partition] = partition
        if partition.seen and source.offset <= partition.seen[-1][0]:
            # Told again, after a crash.
            return
        partition.add(row, self.most_witnessed)

    def _between(self, state: Source | None, row: FeatureRow) -> Between:
        offset = row.source.offset
        partition = self._partitions.get(row.source.partition)
        if state is None or partition is None or partition.epoch != row.source.epoch:
            return Between(False, False, False, False, False)
        came = {
            kind: partition.came((kind, name, currency), state.offset, offset)
            for kind, name, currency in _entities(row)
        }
        return Between(
            card=came["card"],
            till=came.get("till", False),
            merchant=came.get("merchant", False),
            is_known=partition.first <= state.offset,
            is_past=state.offset > offset,
        )
