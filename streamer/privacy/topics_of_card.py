"""What topics have of a card: read whole, since nothing says where a card is; blocks.

The transactions topic is not among them: it belongs to the payment system, which has the card itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamer.privacy.card_names import CardNames, names_in
from streamer.settings import Settings
from streamer.store import rfc3339
from streamer.stream.publishing.topic_scan import ScannedRecord, TopicScan, scan_topic

__all__ = ["TopicsOfCard", "told_record", "topics_of_card"]

_REASON: Final = "streamer-reason"
_AUDIT: Final = "audit"


@dataclass(slots=True)
class TopicsOfCard:
    """What was found, by what the topic is for; ``alert_ids`` and ``transactions`` are the card's."""

    scans: dict[str, TopicScan] = field(default_factory=dict)
    alert_ids: set[str] = field(default_factory=set)
    transactions: set[str] = field(default_factory=set)

    def told(self, purpose: str) -> list[dict[str, Any]]:
        """Return the records of a topic as an export has them."""
        scan = self.scans.get(purpose)
        return [] if scan is None else [told_record(each) for each in scan.records]


def topics_of_card(
    settings: Settings, names: CardNames, others: Collection[str] = ()
) -> TopicsOfCard:
    """Read what is published of a card, and what is said of its alerts.

    ``others`` are topics that somebody mirrors these to, or those of `streamer serve`.
    """
    found = TopicsOfCard()
    exact: dict[str, str] = {
        "alerts": settings.alerts_topic,
        "alerts held back": settings.overflow_topic,
        "scores": settings.scores_topic,
        "features": settings.features_topic,
        "verdicts": settings.feedback_topic,
        **{f"topic {name}": name for name in others},
    }
    raw = {
        "dead letters": settings.dead_letters_topic,
        "dead letters of verdicts": settings.feedback_dead_letters_topic,
    }
    for purpose, topic in exact.items():
        scan = scan_topic(settings, topic, _exactly(names))
        found.scans[purpose] = scan
        _note_ids(found, scan)
    for purpose, topic in raw.items():
        # What they have could not be read: it is looked for as it is written.
        found.scans[purpose] = scan_topic(settings, topic, names.are_in)
    is_entry = _about(names, found.alert_ids)
    found.scans[_AUDIT] = scan_topic(settings, settings.audit_topic, is_entry)
    return found


def told_record(record: ScannedRecord) -> dict[str, Any]:
    """Return a record as an export has it: what it says, where it lies and since when."""
    told: dict[str, Any] = {
        "place": f"{record.topic}/{record.partition}/{record.offset}",
        "at": rfc3339(record.at_ms),
    }
    content = _json(record.value)
    if content is None and record.value is not None:
        told["text"] = record.value.decode(errors="backslashreplace")
    else:
        told["content"] = content
    headers = {name: value.decode(errors="backslashreplace") for name, value in record.headers}
    if _REASON in headers:
        told["headers"] = headers
    return told


def _json(value: bytes | None) -> Any:
    try:
        return msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _exactly(names: CardNames) -> Callable[[bytes | None, bytes | None], bool]:
    def is_wanted(key: bytes | None, value: bytes | None) -> bool:
        if not names.are_in(key, value):
            return False
        content = _json(value)
        is_key = key is not None and key.decode(errors="replace") in names.all
        return is_key or content is None or names_in(content, names.all)

    return is_wanted


def _about(
    names: CardNames, alert_ids: Collection[str]
) -> Callable[[bytes | None, bytes | None], bool]:
    """Return whether an audit entry names the card, or one of its alerts, alone or in a list."""

    def is_wanted(key: bytes | None, value: bytes | None) -> bool:
        del key
        if names.are_in(None, value):
            return True
        entry = _json(value) if alert_ids else None
        if not isinstance(entry, dict):
            return False
        subject, details = entry.get("subject") or {}, entry.get("details") or {}
        if subject.get("id") in alert_ids:
            return True
        return any(each in alert_ids for each in str(details.get("alerts", "")).split())

    return is_wanted


def _note_ids(found: TopicsOfCard, scan: TopicScan) -> None:
    """Note which alerts and payments records are of."""
    for record in scan.records:
        content = _json(record.value)
        if not isinstance(content, Mapping):
            continue
        payment = content.get("transaction")
        payment = payment if isinstance(payment, Mapping) else content
        transaction_id, alert_id = payment.get("transaction_id"), content.get("alert_id")
        if transaction_id is not None:
            found.transactions.add(str(transaction_id))
        if isinstance(alert_id, str):
            found.alert_ids.add(alert_id)
