"""Which answer, which score and which features are of one payment, in whatever order they come.

A score and features are of one payment where they name the same place on the transactions topic.  An
answer is of the payment with its card, its id and its time; where an id is used again at another time,
those are two payments.  Of several with the same time, as where a message was sent twice, it is the
first one that the answer's state did not have, else the last.  A payment that counts at another time
than was asked about, and no other, is what the answer is held against once it has waited long enough.
A payment that is asked about twice is compared twice, one that is scored twice, as after a crash, once.

While the key of pseudonyms is changed a card has a name under each, and who answers may take the new
up before or after who scores: a card is the same where any of its names is.

Invariants:
* Bounded: so many answers wait, so many scored payments are remembered; what that cost is an outcome.
* What came between is read off the features topic, which has a partition's payments in their order; a
  pair is compared once that topic has come as far as the payment.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from streamer.contract.decision_message import Decision
from streamer.contract.messages import FeatureRow, Score, Source
from streamer.skew.skew_outcomes import Between, Order, Outcome, outcome_of

__all__ = ["Compared", "Meetings", "Waiting"]

_WAITING: Final = 50_000
# Some 3 kB each.
_SCORED: Final = 20_000
# Of one partition: at 1,000 payments a second it has those of 20 s, and a checkpoint comes every two.
_WITNESSED: Final = 20_000

_T = TypeVar("_T")
# A name of a card and an id.
_Payment = tuple[str, str]
# A partition, its epoch, and an offset.
_Place = tuple[int, int, int]
_Met = tuple[Score, FeatureRow]
# Its kind, its name, and of a till the currency.
_Entity = tuple[str, str, str]


@dataclass(slots=True)
class Waiting:
    """An answer that waits for its score; ``place`` is the partition and offset of its decision.

    ``other`` is the payment of its id that is nearest to its time, but not at it.  ``is_behind`` is
    whether scores that were written after it had been forgotten before it came.
    """

    decision: Decision
    place: tuple[int, int]
    at_ms: int
    other: _Met | None = None
    is_behind: bool = False

    @property
    def payments(self) -> list[_Payment]:
        """What the answer is about, by each name of the card."""
        answer, others = self.decision.answer, self.decision.other_card_ids
        return [(name, answer.transaction_id) for name in (answer.card_id, *others)]

    def distance_s(self, row: FeatureRow) -> float:
        """Return how far a payment's time is from the one that was asked about."""
        return abs((self.decision.event_timestamp - row.event_timestamp).total_seconds())


class Compared(NamedTuple):
    """What came of an answer; score and features are None where it was compared with nothing."""

    outcome: Outcome
    waited: Waiting
    score: Score | None
    row: FeatureRow | None


@dataclass(slots=True)
class _Scored:
    """What the stream has told of one payment so far, the last of it at a time of Kafka's."""

    payments: list[_Payment]
    score: Score | None = None
    row: FeatureRow | None = None
    at_ms: int = 0

    def met(self) -> _Met | None:
        """Return both, once both are there."""
        return None if self.score is None or self.row is None else (self.score, self.row)


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
    """Return what a payment moves on, the card by each of its names."""
    cards: list[_Entity] = [("card", name, "") for name in (row.card_id, *row.other_card_ids)]
    if row.merchant_id is None:
        return cards
    till = "till", row.merchant_id, row.currency
    return [*cards, till, ("merchant", row.merchant_id, "")]


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
    # By when they came; and of each payment which.
    _waiting: OrderedDict[int, Waiting] = field(default_factory=OrderedDict)
    _numbers: dict[_Payment, list[int]] = field(default_factory=dict)
    _scored: OrderedDict[_Place, _Scored] = field(default_factory=OrderedDict)
    _places: dict[_Payment, list[_Place]] = field(default_factory=dict)
    _partitions: dict[int, _Partition] = field(default_factory=dict)
    _n_answers: int = 0
    _forgotten_ms: int = -1

    @property
    def n_waiting(self) -> int:
        """How many answers wait."""
        return len(self._waiting)

    def waiting(self) -> Iterator[Waiting]:
        """Yield the answers that wait."""
        yield from self._waiting.values()

    def answered(self, decision: Decision, place: tuple[int, int], at_ms: int) -> list[Compared]:
        """Take an answer; return what could be compared, and what had to make room for it."""
        waited = Waiting(decision, place, at_ms)
        places = {each for name in waited.payments for each in self._places.get(name, ())}
        mets = (self._scored[each].met() for each in sorted(places))
        told = [met for met in mets if met is not None]
        same = [met for met in told if not waited.distance_s(met[1])]
        if same:
            return [self._compared(waited, *_first_new(same, decision.state))]
        waited.other = min(told, key=lambda met: waited.distance_s(met[1]), default=None)
        waited.is_behind = at_ms <= self._forgotten_ms
        self._n_answers += 1
        self._waiting[self._n_answers] = waited
        for name in waited.payments:
            self._numbers.setdefault(name, []).append(self._n_answers)
        if len(self._waiting) <= self.most_waiting:
            return []
        return [_given_up(self._left(next(iter(self._waiting))))]

    def told(self, what: Score | FeatureRow, at_ms: int) -> list[Compared]:
        """Take a score, or features; return what could be compared, and what never can be."""
        source, others = what.source, () if isinstance(what, Score) else what.other_card_ids
        place = source.partition, source.epoch, source.offset
        scored = self._scored.setdefault(place, _Scored([]))
        for payment in ((name, what.transaction_id) for name in (what.card_id, *others)):
            if payment not in scored.payments:
                scored.payments.append(payment)
                self._places.setdefault(payment, []).append(place)
        was_met, scored.at_ms = scored.met() is not None, at_ms
        if isinstance(what, Score):
            scored.score = scored.score or what
        else:
            self._witness(what)
            scored.row = scored.row or what
        met = scored.met()
        found = [] if met is None or was_met else self._met(scored, met)
        return found if len(self._scored) <= self.most_scored else found + self._forget()

    def passed(self, now_ms: int) -> list[Compared]:
        """Return the answers that have waited for too long; everything before ``now_ms`` was read."""
        late: list[Compared] = []
        while self._waiting:
            number, waited = next(iter(self._waiting.items()))
            if waited.at_ms + self.within_ms > now_ms:
                # They came in this order.
                break
            late.append(self._late(self._left(number)))
        return late

    def ended(self) -> list[Compared]:
        """Return the answers that wait while a payment of their id has come; no more will come."""
        numbers = [number for number, each in self._waiting.items() if each.other is not None]
        return [self._late(self._left(number)) for number in numbers]

    def _met(self, scored: _Scored, met: _Met) -> list[Compared]:
        """Return the answers that a payment is compared with, the others note how near it is."""
        found = []
        for number in self._asked_about(scored):
            waited = self._waiting[number]
            distance_s = waited.distance_s(met[1])
            if not distance_s:
                found.append(self._compared(self._left(number), *met))
            elif waited.other is None or distance_s < waited.distance_s(waited.other[1]):
                waited.other = met
        return found

    def _forget(self) -> list[Compared]:
        """Forget what was told longest ago; return the answers that half of that is missing for."""
        place, scored = self._scored.popitem(last=False)
        self._forgotten_ms = max(self._forgotten_ms, scored.at_ms)
        for payment in scored.payments:
            _removed(self._places, payment, place)
        if scored.met() is not None:
            return []
        return [
            _given_up(self._left(number))
            for number in self._asked_about(scored)
            if scored.row is None or not self._waiting[number].distance_s(scored.row)
        ]

    def _left(self, number: int) -> Waiting:
        """Return an answer that waits no more."""
        waited = self._waiting.pop(number)
        for payment in waited.payments:
            _removed(self._numbers, payment, number)
        return waited

    def _asked_about(self, scored: _Scored) -> list[int]:
        """Return the numbers of the answers that wait for a payment, each once."""
        named = (self._numbers.get(payment, ()) for payment in scored.payments)
        return sorted({number for numbers in named for number in numbers})

    def _late(self, waited: Waiting) -> Compared:
        if waited.other is not None:
            return self._compared(waited, *waited.other)
        return _given_up(waited) if waited.is_behind else Compared("never_met", waited, None, None)

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
        entities = _entities(row)
        came = {each[0] for each in entities if partition.came(each, state.offset, offset)}
        return Between(
            card="card" in came,
            till="till" in came,
            merchant="merchant" in came,
            is_known=partition.first <= state.offset,
            is_past=state.offset > offset,
        )


def _given_up(waited: Waiting) -> Compared:
    return Compared("given_up", waited, None, None)


def _removed(of: dict[_Payment, list[_T]], payment: _Payment, what: _T) -> None:
    of[payment].remove(what)
    if not of[payment]:
        del of[payment]


def _first_new(told: list[_Met], state: Source | None) -> _Met:
    """Return the first that was not in ``state``, else the last; ``told`` are in their order."""
    if state is None:
        return told[0]
    for score, row in told:
        is_there = (row.source.partition, row.source.epoch) == (state.partition, state.epoch)
        if not is_there or row.source.offset >= state.offset:
            return score, row
    return told[-1]
