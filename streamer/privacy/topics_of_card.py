"""What topics have of a card: read whole, since nothing says where a card is; blocks.

A record is the card's by its fields of cards, else by its key.  A name of the card anywhere else in one
may be a merchant's or a payment's: of such a record of dead letters or of the audit topic it is told
where it lies, and nothing that it says.

The transactions topic is not among them: it belongs to the payment system, which has the card itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamer.privacy.card_names import CardNames
from streamer.settings import Settings
from streamer.store import rfc3339
from streamer.stream.publishing.topic_scan import ScannedRecord, TopicScan, scan_topic

__all__ = ["TopicsOfCard", "told_record", "topics_of_card"]

_REASON: Final = "streamer-reason"
_AUDIT: Final = "audit"
_Wanted = Callable[[bytes | None, bytes | None], bool]


@dataclass(slots=True)
class TopicsOfCard:
    """What was found, by what the topic is for; ``alert_ids`` and ``transactions`` are the card's.

    ``mentions`` are records that have one of its names and are not known to be its own.
    """

    scans: dict[str, TopicScan] = field(default_factory=dict)
    mentions: dict[str, list[ScannedRecord]] = field(default_factory=dict)
    alert_ids: set[str] = field(default_factory=set)
    transactions: set[str] = field(default_factory=set)

    def told(self, purpose: str) -> list[dict[str, Any]]:
        """Return the records of a topic as an export has them."""
        scan = self.scans.get(purpose)
        return [] if scan is None else [told_record(each) for each in scan.records]

    def mentioned(self) -> dict[str, list[dict[str, Any]]]:
        """Return where records lie that have one of the card's names, by purpose."""
        return {
            purpose: [_place(each) for each in records]
            for purpose, records in self.mentions.items()
        }


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
    for purpose, topic in exact.items():
        scan = found.scans[purpose] = scan_topic(settings, topic, names.own)
        _note_ids(found, scan)
    is_entry = _about(names, found.alert_ids)
    raw: dict[str, tuple[str, _Wanted]] = {
        "dead letters": (settings.dead_letters_topic, names.own),
        "dead letters of verdicts": (settings.feedback_dead_letters_topic, names.own),
        _AUDIT: (settings.audit_topic, is_entry),
    }
    for purpose, (topic, is_own) in raw.items():
        scan = found.scans[purpose] = scan_topic(settings, topic, _either(is_own, names.are_in))
        own = [each for each in scan.records if is_own(each.key, each.value)]
        if mentions := [each for each in scan.records if not is_own(each.key, each.value)]:
            found.mentions[purpose] = mentions
        scan.records = own
    return found


def told_record(record: ScannedRecord) -> dict[str, Any]:
    """Return a record as an export has it: what it says, where it lies and since when."""
    told = _place(record)
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


def _place(record: ScannedRecord) -> dict[str, Any]:
    return {
        "place": f"{record.topic}/{record.partition}/{record.offset}",
        "at": rfc3339(record.at_ms),
    }


def _either(one: _Wanted, other: _Wanted) -> _Wanted:
    return lambda key, value: one(key, value) or other(key, value)


def _about(names: CardNames, alert_ids: Collection[str]) -> _Wanted:
    """Return whether an audit entry is of the card, or of one of its alerts, alone or in a list."""

    def is_wanted(key: bytes | None, value: bytes | None) -> bool:
        del key
        entry = _json(value)
        if not isinstance(entry, dict):
            return False
        card = entry.get("card")
        subject, details = entry.get("subject") or {}, entry.get("details") or {}
        if isinstance(card, dict) and card.get("id") in names.all:
            return True
        if subject.get("id") in (names.all if subject.get("kind") == "card" else alert_ids):
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
