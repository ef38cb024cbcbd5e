"""Event envelopes: what event routers, outboxes and trackers put around a message, and their names.

An event's name may say that it is no payment: one that is called a refund is one, one that is called
declined, failed or cancelled was not paid, and updated and deleted are as in change capture.  So it is
where a payment needs no envelope and carries the name beside its fields.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from streamer.intake.envelopes.carriers import decoded_base64
from streamer.intake.envelopes.counted_changes import Counting
from streamer.intake.readings import Fault, Reading, Refund, Skipped

__all__ = [
    "EVENT_NAMES",
    "Event",
    "Name",
    "event_of",
    "is_tracked",
    "name_of",
    "told_by_itself",
    "told_by_name",
    "with_time",
]


class Name(NamedTuple):
    """An event's name, and the path to it."""

    name: Any = None
    name_at: str = ""


class Event(NamedTuple):
    """What an event carries and the path to it; its name, and the path to that."""

    data: Any
    at: str
    name: Any = None
    name_at: str = ""


_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFUNDS: Final = frozenset("refund refunds refunded reversal reversed chargeback".split())
_DECLINES: Final = frozenset(
    "declined decline denied rejected refused failed failure cancelled canceled voided".split()
)
_UPDATES: Final = frozenset("updated modified changed".split())
_DELETIONS: Final = frozenset("deleted removed".split())
_AGGREGATES: Final = frozenset(
    "aggregatetype aggregateid aggregate_type aggregate_id aggregateType aggregateId".split()
)
_PAYLOADS: Final = ("payload", "event_data", "eventData", "data", "body")
_NAMES: Final = ("event_type", "eventType", "event_name", "eventName", "event", "type")
EVENT_NAMES: Final = frozenset(_NAMES)
"""Where a message has its event's name."""
_TIMES: Final = (
    "occurredOn occurred_on occurredAt occurred_at eventTime event_time time timestamp".split()
)
_OF_A_TIME: Final = re.compile(
    r"[Tt]ime|TIME|[Dd]ate|DATE|[Cc]reated|_at$|_on$|[a-z](?:At|On)$|^ts|ts$"
)
# What has a space in it, or is longer, is said to people.
_LONGEST: Final = 64
_TRACKED: Final = frozenset("identify page screen group alias".split())


def event_of(message: dict[str, Any]) -> Event | None:
    """Return what an event carries, or None when the message is no event.

    Base64 is returned as bytes; text is returned as it is, to be looked at again.
    """
    if "specversion" in message and "type" in message:
        name, at = message["type"], ".type"
        if "data" in message:
            return Event(message["data"], ".data", name, at)
        if "data_base64" in message:
            data = decoded_base64(message["data_base64"], ".data_base64")
            return Event(data, ".data_base64", name, at)
        raise Fault("missing_field", "a CloudEvent must have data", at=".data")
    if "detail-type" in message and "detail" in message:  # Amazon EventBridge
        return Event(message["detail"], ".detail", message["detail-type"], '."detail-type"')
    if "eventType" in message and "data" in message and "dataVersion" in message:
        return Event(message["data"], ".data", message["eventType"], ".eventType")
    schema = message.get("schema")
    if isinstance(schema, str) and schema.startswith("iglu:") and "data" in message:
        return Event(message["data"], ".data", schema.split("/")[1:2], ".schema")
    if not _AGGREGATES.isdisjoint(message):
        payload = next((name for name in _PAYLOADS if name in message), None)
        if payload is not None:
            return Event(message[payload], f".{payload}", *name_of(message))
    return None


def with_time(data: Any, message: dict[str, Any]) -> Any:
    """Return an event's data with the event's time, where it has no time of its own.

    It keeps its name, but for a CloudEvent's, which is ``ce_time`` as where it travels as a header.
    """
    if type(data) is not dict or "timestamp" in data:
        return data
    if "specversion" in message:
        has_time = isinstance(message.get("time"), str)
        return {**data, "ce_time": message["time"]} if has_time else data
    name = next((name for name in _TIMES if isinstance(message.get(name), str | int)), None)
    if name is None or any(map(_OF_A_TIME.search, data)):
        return data
    return {**data, name: message[name]}


def is_tracked(message: dict[str, Any]) -> bool:
    """Whether a message is one of a tracker such as Segment, which may be a payment as it stands."""
    return "context" in message and ("anonymousId" in message or "userId" in message)


def name_of(message: dict[str, Any]) -> Name:
    """Return what a message calls itself, where it says so."""
    name = next((name for name in _NAMES if isinstance(message.get(name), str)), None)
    return Name() if name is None else Name(message[name], f".{name}")


def told_by_name(event: Event | Name, at: str, counting: Counting) -> Reading | None:
    """Return what an event is by its name alone, or None where that does not tell."""
    name, at = event.name, at + event.name_at
    if not isinstance(name, str) or len(name) > 200:
        return None
    if name in _TRACKED or name.startswith("Microsoft.EventGrid."):
        return Skipped("not_a_payment", at)
    return _told_by_words(name, at, counting)


def told_by_itself(message: dict[str, Any], at: str, counting: Counting) -> Reading | None:
    """Return what a message with a payment's fields is by its event's name, None for a payment.

    >>> told_by_itself({"amount": 42.5, "type": "payment.refunded"}, "$", Counting())
    Refund(path='$.type')
    """
    if EVENT_NAMES.isdisjoint(message):
        return None
    for field in _NAMES:
        name = message.get(field)
        if isinstance(name, str) and len(name) <= _LONGEST and " " not in name:
            told = _told_by_words(name, f"{at}.{field}", counting)
            if told is not None:
                return told
    return None


def _told_by_words(name: str, at: str, counting: Counting) -> Reading | None:
    words = {word.lower() for word in _WORD.findall(name)}
    if not _REFUNDS.isdisjoint(words):
        return Refund(at)
    if not _DECLINES.isdisjoint(words):
        return Skipped("declined", at)
    if not _DELETIONS.isdisjoint(words):
        return Skipped("deleted", at)
    is_update = not _UPDATES.isdisjoint(words)
    return Skipped("updated", at) if is_update and not counting.updates else None
