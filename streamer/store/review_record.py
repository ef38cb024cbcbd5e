"""A person's verdict as Redis keeps it, and what is to be done with one that comes, or comes again.

What was written down and never acknowledged is sent as it was; another decision of it is later.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from streamer.store.card_alerts import KEPT_MS
from streamer.store.client import Pipe, asked

__all__ = [
    "SENDING_MS",
    "UNDO_MS",
    "Begun",
    "Review",
    "is_same",
    "later",
    "moment",
    "queue_sending",
    "settled",
    "undo_key",
]

SENDING_MS: Final = 30_000
UNDO_MS: Final = 60_000


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verdict of a person.  ``key`` names the form it came by; ``overrules`` what it corrects."""

    alert_id: str
    key: str
    verdict: Literal["fraud", "legitimate"]
    who: str
    decided_ms: int
    comment: str = ""
    overrules: str = ""
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """What may be done with a verdict.

    ``send``: send ``review``.  ``sent``: the same decision was, by the same form.  ``sending``: an
    attempt is under way.  ``closed``: ``review`` stands.  ``held``: the alert is ``holder``'s.
    ``late``: too late to correct.  ``gone``: it is in the queue no more.
    """

    outcome: Literal["send", "sent", "sending", "closed", "held", "late", "gone"]
    review: Review | None = None
    holder: str = ""
    attempt: str = field(default="", compare=False)
    """What names the attempt that was begun."""


def undo_key(review: Review) -> str:
    """Return what names the form that corrects ``review``, and no other."""
    return f"undo-{review.key}"


def moment(review: Review) -> tuple[str, int]:
    """Return what tells a decision from another one on the same alert."""
    return review.key, review.decided_ms


def is_same(stored: Review, wanted: Review) -> bool:
    """Whether ``wanted`` is the decision in ``stored``: another verdict or comment is another one.

    What a correction says follows from what it corrects, so its form alone names it.
    """
    if (stored.key, stored.who) != (wanted.key, wanted.who):
        return False
    said = stored.verdict, stored.comment
    return bool(stored.overrules) or said == (wanted.verdict, wanted.comment)


def later(stored: Review, wanted: Review) -> Review:
    """Return what is to be sent: ``stored`` as it was, or a new decision with a later time.

    Of two verdicts the later decision stands.
    """
    if is_same(stored, wanted):
        return stored
    at = max(wanted.decided_ms, stored.decided_ms + 1)
    return msgspec.structs.replace(wanted, decided_ms=at)


async def settled(pipe: Pipe, stored: Review | None, wanted: Review, sending: str) -> Begun | None:
    """Return what has become of a verdict where there is nothing to send; None where there may be."""
    if stored is None:
        return None
    if stored.is_sent:
        return Begun("sent" if is_same(stored, wanted) else "closed", stored)
    if await asked(pipe, "EXISTS", sending):
        return Begun("sending", stored)
    # A correction that has not arrived is sent as it is, or not at all.
    return Begun("closed", stored) if stored.overrules and stored.key != wanted.key else None


def queue_sending(pipe: Pipe, place: str, value: bytes, sending: str, review: Review) -> Begun:
    """Queue the writes that note ``value``, which has ``review``, under ``place``, and lock it."""
    attempt = secrets.token_urlsafe(12)
    pipe.execute_command("SET", place, value, "PX", KEPT_MS)
    pipe.execute_command("SET", sending, attempt, "PX", SENDING_MS)
    return Begun("send", review, attempt=attempt)
