"""One alert looked for in the alerts topic: outwards from a place, in bounded steps, by whoever asks.

No consumer group takes part and nothing is committed.  Where a search begins is the broker's answer to
a time, or the end; a time that is wrong makes it longer, never incomplete.

Invariants:
* What a `Span` says was read, was: a step that did not come to its end counts for nothing.
* A search ends with what it looked for, with the whole topic, or at a limit, and says how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamer.contract.messages import Alert
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["FoundAlert", "Limits", "Searched", "Span", "search_alerts"]

_STEP: Final = 1_000
_ANSWER_S: Final = 3.0
_POLL_S: Final = 0.2
# An empty fetch, which tells the end, is answered after this; librdkafka asks for ten times as much.
_FETCH_MAX_WAIT_MS: Final = 50
# Of a step that is over the rest is not wanted.
_FETCHED_AHEAD_KB: Final = 8_192


@dataclass(frozen=True, slots=True)
class Limits:
    """What one search may take."""

    seconds: float = 10.0
    records: int = 20_000
    n_bytes: int = 160_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """What was read of a partition: offsets from ``first`` to before ``after``; None: to its end.

    ``oldest_ms`` is Kafka's time of the record at ``first``, 0 while none was read.
    """

    first: int
    after: int | None
    oldest_ms: int = 0

    def within(self, low: int, high: int) -> Span:
        """Return the span as far as the partition still has it, and no more than it has."""
        first = min(max(self.first, low), high)
        after = None if self.after is None else min(max(self.after, first), high)
        return replace(self, first=first, after=after)

    def step(self, low: int, high: int, size: int, *, is_back: bool) -> Step | None:
        """Return where to read next, to before where (None: the end), and the span then.

        ``low`` and ``high`` bound the partition; None is returned where all of it was read.

        >>> Span(10, 10).step(0, 12, 4, is_back=True)
        (6, 10, Span(first=6, after=10, oldest_ms=0))
        >>> Span(6, 10).step(0, 12, 4, is_back=False)
        (10, None, Span(first=6, after=None, oldest_ms=0))
        >>> Span(0, None).step(0, 12, 4, is_back=True) is None
        True
        """
        can_go_back = self.first > low
        if can_go_back and (is_back or self.after is None):
            start = max(self.first - size, low)
            return start, self.first, replace(self, first=start)
        if self.after is not None:
            is_last = self.after + size >= high
            stop = None if is_last else self.after + size
            return self.after, stop, replace(self, after=stop)
        return None


Step = tuple[int, int | None, Span]
"""Where to read, to before where, and the span then."""


@dataclass(frozen=True, slots=True)
class FoundAlert:
    """An alert, its message, where it lies, and Kafka's time of it."""

    alert: Alert
    raw: bytes
    partition: int
    offset: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Searched:
    """How a search went: ``is_whole`` where all that the topic has was read, by it and those before."""

    found: FoundAlert | None
    spans: Mapping[int, Span]
    n_read: int
    n_bytes: int
    is_whole: bool

    @property
    def since_ms(self) -> int:
        """Since when all of it was read, in Kafka's epoch milliseconds; 0 where nothing was."""
        return max((span.oldest_ms for span in self.spans.values()), default=0)


class _Payment(msgspec.Struct):
    transaction_id: str


class _Ids(msgspec.Struct):
    alert_id: str
    transaction: _Payment


def search_alerts(
    settings: Settings,
    wanted: str,
    near_ms: int | None,
    before: Mapping[int, Span],
    limits: Limits,
    is_ended: Callable[[], bool] = lambda: False,
) -> Searched:
    """Return the alert with this id, or of the payment with it, if found within ``limits``; blocks.

    ``near_ms`` is about when it was published, if somebody knows; ``before`` is what an earlier search
    has read, which this one goes on from.  Raises `UnavailableError` where Kafka does not answer.
    """
    topic, deadline = settings.alerts_topic, time.monotonic() + limits.seconds
    consumer = _consumer(settings)
    try:
        bounds = _bounds(consumer, topic, deadline)
        size = max(_STEP // max(len(bounds), 1), 1)
        spans = _places(consumer, topic, bounds, near_ms, size)
        spans |= {p: span.within(*bounds[p]) for p, span in before.items() if p in bounds}
        search = _Search(consumer, topic, wanted, deadline, limits)
        n_turns = 0 if near_ms is not None or before else 1
        while True:
            is_back = n_turns % 2 == 0
            steps = {
                p: step
                for p, span in spans.items()
                if (step := span.step(*bounds[p], size, is_back=is_back)) is not None
            }
            if not steps or search.is_over() or is_ended():
                return search.told(None, spans, is_whole=not steps)
            found, oldest = search.step(steps)
            if found is not None or oldest is None:
                return search.told(found, spans, is_whole=False)
            spans |= {p: _with_time(step, oldest.get(p)) for p, step in steps.items()}
            n_turns += 1
    except KafkaException as error:
        raise UnavailableError(f"{topic} must be readable, got {in_words(error)}") from None
    finally:
        consumer.close()


@dataclass(slots=True)
class _Search:
    """A search under way, and what it has read so far."""

    consumer: Any
    topic: str
    wanted: str
    deadline: float
    limits: Limits
    n_records: int = 0
    n_bytes: int = 0

    def is_over(self) -> bool:
        """Whether it has read as much as it may."""
        return self.n_records >= self.limits.records or self.n_bytes >= self.limits.n_bytes

    def _is_cut(self) -> bool:
        """Whether a step ends before its end: it may go beyond the records, by less than a step."""
        return time.monotonic() > self.deadline or self.n_bytes >= self.limits.n_bytes

    def told(
        self, found: FoundAlert | None, spans: Mapping[int, Span], *, is_whole: bool
    ) -> Searched:
        """Return how it went; raises where Kafka has given nothing that it has."""
        if found is None and spans and not is_whole and not self.n_records:
            raise UnavailableError(f"{self.topic} must be readable, got nothing in time")
        return Searched(found, spans, self.n_records, self.n_bytes, is_whole)

    def step(self, steps: Mapping[int, Step]) -> tuple[FoundAlert | None, dict[int, int] | None]:
        """Return what was looked for, and the time of each partition's first record in the step.

        None instead of the times where the step did not come to its end in time, or within its bytes.
        """
        places = [TopicPartition(self.topic, p, start) for p, (start, _, _) in steps.items()]
        self.consumer.assign(places)
        # What the step before has paused stays so.
        self.consumer.resume(places)
        left, oldest = set(steps), dict[int, int]()
        needle = msgspec.json.encode(self.wanted)[1:-1]
        while left:
            if self._is_cut():
                return None, None
            for message in self.consumer.consume(_STEP, timeout=_POLL_S):
                p, offset = int(message.partition() or 0), int(message.offset() or 0)
                if message.error() is not None:
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(message.error())
                    left.discard(p)
                    continue
                stop = steps[p][1]
                if stop is not None and offset + 1 >= stop and p in left:
                    left.discard(p)
                    self.consumer.pause([TopicPartition(self.topic, p)])
                if stop is not None and offset >= stop:
                    continue
                value = message.value() or b""
                self.n_records += 1
                self.n_bytes += len(value)
                oldest.setdefault(p, int(message.timestamp()[1]))
                if needle in value and (found := _alert(message, value, self.wanted)):
                    return found, oldest
                if left and self._is_cut():
                    return None, None
        return None, oldest


def _with_time(step: Step, at_ms: int | None) -> Span:
    """Return the span of a step that was read, whose first record is of a time."""
    start, _, span = step
    is_first = at_ms is not None and start == span.first
    return replace(span, oldest_ms=at_ms or 0) if is_first else span


def _alert(message: Message, value: bytes, wanted: str) -> FoundAlert | None:
    try:
        ids = msgspec.json.decode(value, type=_Ids)
        if wanted not in (ids.alert_id, ids.transaction.transaction_id):
            return None
        alert = msgspec.json.decode(value, type=Alert)
    except msgspec.MsgspecError:
        return None
    p, offset, at_ms = message.partition(), message.offset(), message.timestamp()[1]
    return FoundAlert(alert, value, int(p or 0), int(offset or 0), int(at_ms))


def _bounds(consumer: Any, topic: str, deadline: float) -> dict[int, tuple[int, int]]:
    """Return where each partition that has anything begins and ends.

    The embedded broker's end is that of the first record of the last batch: the last step of a
    partition goes on to where a fetch finds nothing.
    """
    found = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    bounds = {}
    for p in sorted(found.partitions):
        if time.monotonic() > deadline:
            raise UnavailableError(f"{topic} must be readable, got no answer in time")
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=_ANSWER_S)
        if high > low:
            bounds[p] = low, high
    return bounds


def _places(
    consumer: Any,
    topic: str,
    bounds: Mapping[int, tuple[int, int]],
    near_ms: int | None,
    size: int,
) -> dict[int, Span]:
    """Return spans of nothing, where the search begins: at a time, or a step before the end."""
    asked: Sequence[Any] = ()
    if near_ms is not None and bounds:
        times = [TopicPartition(topic, p, near_ms) for p in bounds]
        asked = consumer.offsets_for_times(times, timeout=_ANSWER_S)
    at = {int(place.partition): int(place.offset) for place in asked if place.error is None}
    spans = {}
    for p, (low, high) in bounds.items():
        # What is later than all of it has no offset.
        place = at.get(p, -1)
        place = place if low <= place < high else max(high - size, low)
        spans[p] = Span(place, place)
    return spans


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        librdkafka_config(
            settings,
            **{
                "group.id": f"{settings.consumer_group}-older",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # A place that retention has removed meanwhile.
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
                "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
                "queued.max.messages.kbytes": _FETCHED_AHEAD_KB,
            },
        )
    )
