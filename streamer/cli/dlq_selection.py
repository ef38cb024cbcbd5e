"""Which dead letters a command is about, what they are counted by, and what is sent again for one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from streamer.contract.card_numbers import without_card_numbers
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.errors import ConfigurationError
from streamer.intake import Intake, Payment, Refused
from streamer.intake.judged_cards import judged
from streamer.intake.judged_times import timely
from streamer.intake.refused_records import TimestampRange
from streamer.stream.publishing.dead_letter_topic import Again, StoredLetter

__all__ = ["Selection", "counted", "mended", "moment_ms", "shown_ms", "without_what"]

_ALL_TIMES: Final = TimestampRange(-(2**62), 2**62)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Selection:
    """Empty and None select everything; times are of when a record was first seen."""

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    partition: int | None = None

    def holds(self, letter: StoredLetter) -> bool:
        """Return whether ``letter`` is selected."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since_ms is None or letter.first_seen_ms >= self.since_ms)
            and (self.until_ms is None or letter.first_seen_ms < self.until_ms)
            and (self.partition is None or letter.source_partition == self.partition)
        )


def counted(
    letters: Iterable[StoredLetter], sent: Mapping[int, Container[int]]
) -> list[dict[str, Any]]:
    """Return the counts by source, reason and path, the most frequent first.

    ``sent`` has the offsets that were sent again, by partition.
    """
    groups: dict[tuple[str, int, str, str], dict[str, Any]] = {}
    for letter in letters:
        number = -1 if letter.source_partition is None else letter.source_partition
        key = (letter.source_topic, number, letter.reason, letter.path)
        seen = letter.first_seen_ms
        group = groups.get(key)
        if group is None:
            group = groups[key] = {
                "source_topic": letter.source_topic,
                "partition": letter.source_partition,
                "reason": letter.reason,
                "path": letter.path,
                "count": 0,
                "sent_again": 0,
                "first_seen_ms": seen,
                "last_seen_ms": seen,
                "example": letter.place,
            }
        group["count"] += 1
        group["sent_again"] += letter.offset in sent.get(letter.partition, ())
        group["first_seen_ms"] = min(group["first_seen_ms"], seen)
        group["last_seen_ms"] = max(group["last_seen_ms"], seen)
    return [groups[key] for key in sorted(groups, key=lambda key: (-groups[key]["count"], key))]


def without_what(masked: str) -> str:
    """Return what a letter is without, as ``streamer-masked`` says it."""
    if masked == "too long":
        return "the message was too long to be looked through for card numbers, and was left out"
    what = "it" if masked == "in part" else "the whole message"
    return f"the message held a card's number, and {what} was left out when it was written"


def mended(
    letter: StoredLetter,
    intake: Intake | None,
    cards: CardRule = REFUSED,
    believable: TimestampRange = _ALL_TIMES,
    now_ms: int = 0,
) -> Sequence[Again] | str:
    """Return what is sent again for ``letter``, or why nothing is.

    What is sent arrives at ``now_ms``, and its time must be within ``believable`` then.  Without an
    intake the record goes as it came; with one its payments go in the contract's form, each under the
    id that its card has by ``cards``.
    """
    if letter.is_shortened:
        return "cut when it was written, as STREAMER_DEAD_LETTER_MAX_BYTES says"
    if letter.masked == "too long":
        return "left out, too long to be searched for card numbers: have the producer send it again"
    if letter.masked:
        return "without the card's number, which was masked: have the producer send it again"
    if intake is None:
        return (Again(letter, letter.key, letter.value),)
    # As the worker names the place of a record that has no id of its own.
    position = f"{letter.source_partition}-{letter.source_offset}"
    readings = [
        timely(judged(reading, cards, intake.card_path), believable, now_ms)
        for reading in intake.read(letter.value, position=position, arrived_ms=letter.first_seen_ms)
    ]
    refused = [reading for reading in readings if isinstance(reading, Refused)]
    if refused:
        path = without_card_numbers(refused[0].path)
        return f"not mended by the intake ({refused[0].reason} at {path})"
    payments = [reading.transaction for reading in readings if isinstance(reading, Payment)]
    if not payments:
        return "no payment by the intake"
    is_one = len(payments) == 1 and letter.key is not None
    # A key that is the number is the card's, too.
    has_number = is_one and cards.id_of((letter.key or b"").decode(errors="replace")) is None
    keeps = is_one and not has_number and not cards.is_key(letter.key, payments[0].card_id)
    return [
        Again(letter, letter.key if keeps else one.card_id.encode(), _encoder.encode(one))
        for one in payments
    ]


def moment_ms(text: str | None, option: str) -> int | None:
    """Return a time given as ISO 8601 in epoch milliseconds; UTC where it names no zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} must be a time such as 2026-11-28T06:00 or 2026-11-28T06:00+01:00, got {text}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def shown_ms(time_ms: int) -> str:
    """Return a time as people read it.

    >>> shown_ms(1795845480000)
    '2026-11-28T05:58:00Z'
    """
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
