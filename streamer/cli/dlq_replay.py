"""Sending dead letters again: first what would be sent, then the sending, each once.

Two passes over the topic, so that no message is held while a person thinks.

Invariant: a letter is noted as sent again when Kafka has all that it became, and not before.  A replay
that is interrupted notes what it has sent.  One that is killed has sent at most a chunk that is not
noted; the worker takes those for repeats, by card and transaction id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamer.cli.dlq_selection import Selection, mended
from streamer.cli.operator import now_ms, with_store
from streamer.contract.card_rule import CardRule
from streamer.errors import ConfigurationError
from streamer.intake import Intake
from streamer.settings import Settings
from streamer.starting.card_keys_in_use import card_rule_of
from streamer.starting.wiring import believable_times
from streamer.store import Store
from streamer.stream.publishing.dead_letter_topic import (
    Again,
    StoredLetter,
    dead_letters,
    send_again,
    topic_identity,
)

__all__ = ["Plan", "plan_replay", "run_replay", "sent_again"]

# After so many, and so many bytes, what was sent is noted: as much as a crash would send again.
_CHUNK: Final = 500
_CHUNK_BYTES: Final = 16_000_000


@dataclass(slots=True)
class Plan:
    """What a replay does; the counts are of letters, ``n_messages`` of what they become."""

    topic: str
    topic_id: str
    n_partitions: int
    selection: Selection
    intake: Intake | None
    cards: CardRule
    done: dict[int, set[int]]
    n_selected: int = 0
    n_messages: int = 0
    to_send: Counter[tuple[str, str]] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    first_offsets: dict[int, int] = field(default_factory=dict)


def plan_replay(
    settings: Settings, topic: str, selection: Selection, intake: Intake | None
) -> Plan:
    """Return what would be sent; blocks, and sends nothing."""
    topic_id, n_partitions = topic_identity(settings, topic)
    plan = Plan(topic, topic_id, n_partitions, selection, intake, card_rule_of(settings), {})
    plan.done = sent_again(settings, topic, topic_id, n_partitions)
    for letter, messages in _chosen(settings, plan):
        plan.n_selected += 1
        if isinstance(messages, str):
            plan.left[messages] += 1
        else:
            plan.to_send[letter.source_topic, letter.reason] += 1
            plan.n_messages += len(messages)
    return plan


def run_replay(settings: Settings, plan: Plan) -> int:
    """Send what ``plan`` counted, as far as it is still there; return how many messages it was."""
    n_sent = 0
    waiting: list[Again] = []
    n_bytes = 0
    for _, messages in _chosen(settings, plan):
        if isinstance(messages, str):
            continue
        waiting += messages
        n_bytes += sum(len(again.value or b"") for again in messages)
        if len(waiting) >= _CHUNK or n_bytes >= _CHUNK_BYTES:
            n_sent += _send(settings, plan, waiting)
            waiting, n_bytes = [], 0
    return n_sent + _send(settings, plan, waiting)


def _chosen(settings: Settings, plan: Plan) -> Iterator[tuple[StoredLetter, Sequence[Again] | str]]:
    """Yield every selected letter with what is sent for it, or why nothing is."""
    seen: set[tuple[str, int]] = set()
    believable = believable_times(settings)
    sources = (settings.transactions_topic, settings.feedback_topic)
    for letter in dead_letters(settings, plan.topic, plan.n_partitions):
        plan.first_offsets.setdefault(letter.partition, letter.offset)
        if not plan.selection.holds(letter):
            continue
        if letter.offset in plan.done.get(letter.partition, ()):
            yield letter, "sent again before"
        elif letter.source_topic not in sources:
            yield letter, f"from a topic that the settings do not read, {letter.source_topic}"
        elif plan.intake is not None and letter.source_topic == settings.feedback_topic:
            raise ConfigurationError("--intake must be of payments, got a topic of verdicts")
        elif (letter.source, hash(letter.value)) in seen:
            # A crash can have written a letter twice.
            yield letter, "the same as one before"
        else:
            seen.add((letter.source, hash(letter.value)))
            yield letter, mended(letter, plan.intake, plan.cards, believable, now_ms())


def _send(settings: Settings, plan: Plan, messages: Sequence[Again]) -> int:
    if not messages:
        return 0
    acknowledged: list[Again] = []
    try:
        send_again(settings, messages, acknowledged)
    finally:
        _note(settings, plan, messages, acknowledged)
    return len(messages)


def _note(
    settings: Settings, plan: Plan, messages: Sequence[Again], acknowledged: Sequence[Again]
) -> None:
    """Remember the letters of which Kafka has every message."""
    left = Counter(again.letter.place for again in messages)
    left.subtract(again.letter.place for again in acknowledged)
    offsets: dict[int, set[int]] = defaultdict(set)
    for again in acknowledged:
        if not left[again.letter.place]:
            offsets[again.letter.partition].add(again.letter.offset)
    if not offsets:
        return

    async def note(store: Store) -> None:
        for partition, sent in offsets.items():
            first = plan.first_offsets[partition]
            await store.replayed.add(plan.topic, plan.topic_id, partition, sorted(sent), first)

    with_store(note, settings)


def sent_again(
    settings: Settings, topic: str, topic_id: str, n_partitions: int
) -> dict[int, set[int]]:
    """Return the offsets of a topic's letters that were sent again, by partition; asks Redis."""

    async def asked(store: Store) -> dict[int, set[int]]:
        return {
            partition: await store.replayed.offsets(topic, topic_id, partition)
            for partition in range(n_partitions)
        }

    return with_store(asked, settings)
