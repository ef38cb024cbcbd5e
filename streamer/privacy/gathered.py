"""Everything that is stored of a card, from every place, and how far each of them was read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from streamer.privacy.card_names import CardNames
from streamer.privacy.held_of_card import HeldOfCard, held_of_card
from streamer.privacy.topics_of_card import TopicsOfCard, topics_of_card
from streamer.settings import Settings
from streamer.store import ReviewStore, Store, rfc3339
from streamer.store.console_traces import ConsoleTraces, find_console_traces
from streamer.store.verdict_traces import VerdictTraces, find_verdict_traces

__all__ = ["Gathered", "as_document", "gather", "read_up_to"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found of the card that has ``names``."""

    names: CardNames
    held: list[HeldOfCard]
    topics: TopicsOfCard
    console: ConsoleTraces
    verdicts: VerdictTraces

    @property
    def transactions(self) -> list[str]:
        """The payments that are known to be the card's."""
        alerts = {each.transaction.transaction_id for each in self.console.alerts.values()}
        return sorted(self.topics.transactions | self.verdicts.transactions | alerts)

    @property
    def is_stored(self) -> bool:
        """Whether anything of it is in Redis."""
        held = any(not each.is_empty for each in self.held)
        return held or bool(self.console.n) or bool(self.verdicts.n)


async def gather(
    settings: Settings,
    store: Store,
    reviews: ReviewStore,
    names: CardNames,
    others: Collection[str] = (),
) -> Gathered:
    """Read all stores and topics; ``others`` as in `topics_of_card`."""
    topics = await asyncio.to_thread(topics_of_card, settings, names, others)
    console = await find_console_traces(reviews.client, names.all, topics.alert_ids)
    payments = topics.transactions | {
        each.transaction.transaction_id for each in console.alerts.values()
    }
    held = await held_of_card(store, settings.transactions_topic, names, payments)
    # A verdict may name its payment alone: of those that wait for one it is known whose they are.
    prints = {each.print_ for of_one in held for each in of_one.waiting}
    verdicts = await find_verdict_traces(reviews.client, names.all, payments, prints)
    if verdicts.transactions - payments:
        payments |= verdicts.transactions
        held = await held_of_card(store, settings.transactions_topic, names, payments)
    return Gathered(names, held, topics, console, verdicts)


def as_document(found: Gathered, made_at_ms: int, note: str) -> dict[str, Any]:
    """Return what was found as an export has it, in JSON's terms; ``note`` says what it is for."""
    names = found.names
    return {
        "card": names.card_id,
        "known_as": sorted(names.all - {names.card_id}),
        "made_at": rfc3339(made_at_ms),
        "note": note,
        "read": read_up_to(found),
        "state": [_state(each) for each in found.held if not each.is_empty],
        "verdicts": {
            f"{topic}/{partition}": [msgspec.to_builtins(verdict) for _, verdict in entries]
            for (topic, partition), entries in found.verdicts.verdicts.items()
        },
        "lessons": {
            f"{topic}/{partition}": [msgspec.to_builtins(lesson) for _, lesson in entries]
            for (topic, partition), entries in found.verdicts.lessons.items()
        },
        "console": _console(found.console),
        "topics": {
            purpose: told for purpose in found.topics.scans if (told := found.topics.told(purpose))
        },
        "mentions": found.topics.mentioned(),
        "not_read": [
            "The transactions topic: it belongs to the payment system, which has the payments "
            "themselves. Ask there.",
            "What systems that read alerts have made of them.",
        ],
    }


def read_up_to(found: Gathered) -> list[dict[str, Any]]:
    """Return which stores were read, and up to where."""
    read: list[dict[str, Any]] = [
        {
            "store": "Redis",
            "what": f"what workers keep of {each.topic}/{each.partition}",
            "up_to": f"offset {each.record.offset}",
            "saved_at": None
            if each.record.saved_at_ms is None
            else rfc3339(each.record.saved_at_ms),
        }
        for each in found.held
    ]
    read += [
        {"store": "Redis", "what": what, "up_to": "now"}
        for what in ("what the console keeps", "verdicts and lessons")
    ]
    for purpose, scan in found.topics.scans.items():
        for span in scan.spans:
            read.append(
                {
                    "store": "Kafka",
                    "what": f"{purpose}, {scan.topic}/{span.partition}",
                    "from": span.first,
                    "up_to": "empty" if span.last is None else f"offset {span.last}",
                }
            )
        if not scan.is_there:
            read.append({"store": "Kafka", "what": f"{purpose}, {scan.topic}", "up_to": "no topic"})
    return read


def _state(held: HeldOfCard) -> dict[str, Any]:
    return {
        "partition": f"{held.topic}/{held.partition}",
        "card": held.states,
        "verdicts_on_it": held.verdict_state,
        "payments_waiting_for_a_verdict": [each.told for each in held.waiting],
        "standing_verdicts": [msgspec.to_builtins(each) for each in held.rulings],
        "alerted_by_the_reserve_within_a_day": held.in_budget,
        "waves": held.n_waves,
    }


def _console(found: ConsoleTraces) -> dict[str, Any]:
    def text(value: bytes) -> Any:
        try:
            return msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return value.decode(errors="backslashreplace")

    # Messages of alerts are compressed, and told below.
    kept = {key: value for key, value in found.kept.items() if ":review:alert:" not in key}
    return {
        "alerts": [msgspec.to_builtins(each) for each in found.alerts.values()],
        "open": found.n_open,
        "of_its_alerts": {key: text(value) for key, value in kept.items()},
        "under_the_card": [text(each) for noted in found.card_keys.values() for each in noted],
        "logs": {key: [text(v) for _, v in entries] for key, entries in found.entries.items()},
        "put_off": [text(each) for each in found.snoozes.values()],
        "judged_together": [text(each) for each in found.joint.values()],
    }
