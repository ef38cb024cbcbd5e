"""An entry as it lies on the topic or in a file: what can be read of it, and whether its hash fits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from streamer.audit.audit_entry import Link, split_value

__all__ = ["PARTITION_BITS", "StoredEntry", "place_code", "stored_entry"]

PARTITION_BITS: Final = 48
"""A place is a partition's number above so many bits, and an offset, or a line's number, below."""


def place_code(partition: int, offset: int) -> int:
    """Return partition and offset as one number, by which places of a partition are in order."""
    return (partition << PARTITION_BITS) | offset


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What could be read.  ``is_sound``: it is an entry, and its hash is that of its bytes.

    Of one that is not, ``writer`` and ``sequence`` are what it says: "" and None where it does not.
    """

    place: int
    value: bytes
    writer: str
    sequence: int | None
    previous: str = ""
    hash: str = ""
    at_ms: int = 0
    previous_ms: int = 0
    heads: tuple[Link, ...] = ()
    is_sound: bool = False


class _Chained(msgspec.Struct):
    """What makes a chain of entries, whatever else a later release writes into them."""

    writer: str
    sequence: int
    previous: str
    at: str
    previous_at: str = ""
    heads: list[Link] = []


def stored_entry(value: bytes, place: int, key: str = "") -> StoredEntry:
    """Return what ``value`` says; ``key`` is the message's, and names the writer."""
    found = split_value(value)
    if found is not None:
        body, told = found
        digest = hashlib.sha256(body).hexdigest()
        entry = _entry(body) if digest == told else None
        if entry is not None and key in ("", entry.writer):
            return StoredEntry(
                place,
                value,
                entry.writer,
                entry.sequence,
                entry.previous,
                digest,
                _ms(entry.at),
                _ms(entry.previous_at),
                tuple(entry.heads),
                is_sound=True,
            )
    writer, sequence = _claimed(value)
    return StoredEntry(place, value, key or writer, sequence)


def _entry(body: bytes) -> _Chained | None:
    try:
        entry = msgspec.json.decode(body, type=_Chained)
        _ms(entry.at), _ms(entry.previous_at)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return None
    return entry if entry.sequence >= 0 else None


def _claimed(value: bytes) -> tuple[str, int | None]:
    """Return writer and number that an entry claims which cannot be believed."""
    try:
        told: Any = msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return "", None
    if not isinstance(told, dict):
        return "", None
    writer, sequence = told.get("writer"), told.get("sequence")
    is_number = isinstance(sequence, int) and not isinstance(sequence, bool) and sequence >= 0
    return writer if isinstance(writer, str) else "", sequence if is_number else None


def _ms(at: str) -> int:
    return 0 if not at else round(datetime.fromisoformat(at).timestamp() * 1000)
