"""Event envelopes: what event routers, outboxes and trackers put around a message, and their names.

An event's name may say that it is no payment: one that is called a refund is one, and one that is
called declined, failed or cancelled was not paid, whatever is in it.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from streamer.intake.envelopes.carriers import decoded_base64
from streamer.intake.readings import Fault, Reading, Refund, Skipped

__all__ = ["Event", "event_of", "told_by_name"]


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
_AGGREGATES: Final = frozenset(
    "aggregatetype aggregateid aggregate_type aggregate_id aggregateType aggregateId".split()
)
_PAYLOADS: Final = ("payload", "event_data", "eventData", "data", "body")
_NAMES: Final = ("event_type", "eventType", "event_name", "eventName", "event", "type")
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
            name, at = _name_of(message)
            return Event(message[payload], f".{payload}", name, at)
    return None


def told_by_name(message: dict[str, Any], event: Event | None, at: str) -> Reading | None:
    """Return what a message is by its name alone, or None where that does not tell.

    Without an ``event`` the name is that of a message which does not say that it is one.
    """
    if event is None:
        if message.get("type") in _TRACKED and ("anonymousId" in message or "userId" in message):
            return Skipped("not_a_payment", at + ".type")
        name, name_at = _name_of(message)
    else:
        name, name_at = event.name, event.name_at
    if not isinstance(name, str) or len(name) > 200:
        return None
    if name.startswith("Microsoft.EventGrid."):
        return Skipped("not_a_payment", at + name_at)
    words = {word.lower() for word in _WORD.findall(name)}
    if not _REFUNDS.isdisjoint(words):
        return Refund(at + name_at)
    return None if _DECLINES.isdisjoint(words) else Skipped("declined", at + name_at)


def _name_of(message: dict[str, Any]) -> tuple[Any, str]:
    name = next((name for name in _NAMES if isinstance(message.get(name), str)), None)
    return (None, "") if name is None else (message[name], f".{name}")
