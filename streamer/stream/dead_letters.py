"""The headers of a dead letter: what was wrong, where, and where the record came from.

Header values are UTF-8 text.  None of them repeats a string of the message, which could be a card
number in the wrong field.
"""

from __future__ import annotations

from typing import Final

from streamer.batch import Batch
from streamer.decoding import DeadLetter

__all__ = ["dead_letter_headers", "shortened"]

Headers = list[tuple[str, bytes]]

_PREFIX: Final = "streamer-"


def dead_letter_headers(letter: DeadLetter, batch: Batch) -> Headers:
    """Return the headers of ``letter``, a record of ``batch``.

    ``streamer-first-seen`` is the time of the fetch, in milliseconds since the epoch.
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
    return [(_PREFIX + name, value.encode()) for name, value in fields.items()]


def shortened(value: bytes, headers: Headers, max_bytes: int) -> tuple[bytes, Headers]:
    """Return the first ``max_bytes`` of a value too large for the topic, and headers that say so."""
    note = (_PREFIX + "shortened-from-bytes", str(len(value)).encode())
    return value[:max_bytes], [*headers, note]
