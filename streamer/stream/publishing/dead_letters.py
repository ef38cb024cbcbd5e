"""The headers of a dead letter: what was wrong, where, and where the record came from.

Header values are UTF-8 text.  None of them repeats a string of the message, which could be a card
number in the wrong field.

Invariant: key, value and headers together take at most as many bytes as were allowed, so that no
record that Kafka let in is too large to come out: the value is cut first, then the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamer.contract.batch import Batch
from streamer.intake.decoding import DeadLetter

__all__ = ["DeadLetterMessage", "dead_letter_message", "source_name"]

Headers = list[tuple[str, bytes]]

_PREFIX: Final = "streamer-"
_VALUE_NOTE: Final = _PREFIX + "shortened-from-bytes"
_KEY_NOTE: Final = _PREFIX + "key-shortened-from-bytes"
# A topic's name has 249 bytes at most.  All headers with both notes then stay below the 1,024 bytes
# that are the least that may be set for a whole dead letter.
_MAX_BYTES: Final = {"source-topic": 249, "path": 100, "detail": 170, "hint": 200}
_MAX_OTHER_BYTES: Final = 24
# What a note of a number that is missing takes, its hint has less.
_HINT_BESIDE_A_NOTE: Final = 170


@dataclass(frozen=True, slots=True)
class DeadLetterMessage:
    """A dead letter as it goes to its topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def source_name(letter: DeadLetter, batch: Batch) -> str:
    """Return the name of the place that a record came from."""
    return f"{batch.topic}-{batch.partition}-{letter.record.offset}"


def dead_letter_message(
    letter: DeadLetter, batch: Batch, max_bytes: int, trace: Headers | None = None
) -> DeadLetterMessage:
    """Return ``letter``, a record of ``batch``, in at most ``max_bytes``.

    ``streamer-first-seen`` is the time of the fetch, in milliseconds since the epoch.  ``trace`` are
    headers for which nothing is cut: they are left out where there is no room.
    """
    fields = {
        "reason": letter.reason,
        "path": letter.path,
        "detail": letter.detail,
        "source-topic": batch.topic,
        "source-partition": str(batch.partition),
        "source-offset": str(letter.record.offset),
        "first-seen": str(batch.received_at_ms),
    }
    if letter.hint:
        fields["hint"] = letter.hint
    if letter.masked:
        fields["masked"] = letter.masked
    most = _MAX_BYTES | ({"hint": _HINT_BESIDE_A_NOTE} if letter.masked else {})
    headers = [
        (_PREFIX + name, _bounded(value, most.get(name, _MAX_OTHER_BYTES)))
        for name, value in fields.items()
    ]
    key, value = letter.record.key, letter.record.value
    room = max_bytes - _size(headers)
    room -= _length(key) + _length(value)
    if room >= 0:
        if trace is not None and _size(trace) <= room:
            headers += trace
        return DeadLetterMessage(key, value, headers)
    if value:
        headers.append((_VALUE_NOTE, str(len(value)).encode()))
    # There is room for the second note whether it is needed or not.
    note = (_KEY_NOTE, str(_length(key)).encode())
    room = max_bytes - _size([*headers, note])
    if key is not None and len(key) > room:
        key = key[:room]
        headers.append(note)
    if value:
        value = value[: room - _length(key)]
    return DeadLetterMessage(key, value, headers)


def _bounded(text: str, max_bytes: int) -> bytes:
    return text.encode(errors="replace")[:max_bytes].decode(errors="ignore").encode()


def _length(part: bytes | None) -> int:
    return 0 if part is None else len(part)


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)
