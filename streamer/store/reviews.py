"""What was decided on an alert: one verdict, one correction, by who has it (`alert_claims`).

A verdict is written down before it is sent and marked when Kafka has acknowledged it; what was written
and not marked is sent again as it was, with the same time, which changes nothing if it had arrived.

Invariants:
* An alert has at most one holder, and only the holder, or who finds it free, decides on it.
* A verdict that was acknowledged is never sent again, and of one only one attempt at a time is under
  way: an attempt whose lock has run out sends nothing more (`still`), and each ends only its own.
* A correction follows a verdict of the same person within a minute, is decided later than it, and is
  the last word of this console.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from streamer.store.card_alerts import KEPT_MS
from streamer.store.client import Client, Pipe, asked
from streamer.store.judged_alerts import JudgedAlert, queue_judged
from streamer.store.open_alerts import queue_close

__all__ = ["SENDING_MS", "UNDO_MS", "Begun", "Review", "Reviews", "undo_key"]

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


@dataclass(frozen=True, slots=True)
class Reviews:
    """Verdicts; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def review(self, alert_id: str) -> Review | None:
        """Return what was decided on an alert, sent or not."""
        command = "GET", self.client.keys.review("verdict", alert_id)
        [stored] = await self.client.pipelined([command], atomic=False)
        return _decoded(stored)

    async def begin(self, wanted: Review, for_ms: int) -> Begun:
        """Write a verdict down, to be sent, if the alert is open and nobody else's.

        A verdict that was begun and never acknowledged may be replaced by another, decided later.
        """
        keys = self.client.keys
        verdict, claim, sending, alert = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            settled = await _settled(pipe, stored, wanted, sending)
            if settled is not None:
                return settled
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != wanted.who:
                return Begun("held", holder=holder.decode())
            if await asked(pipe, "ZSCORE", keys.review("ranked"), wanted.alert_id) is None:
                return Begun("gone")
            begun = wanted if stored is None else _after(stored, wanted)
            pipe.multi()
            pipe.execute_command("SET", claim, wanted.who, "PX", for_ms)
            return _queue_sending(pipe, verdict, sending, begun)

        return await self.client.transact([verdict, claim, sending, alert], attempt)

    async def correct(self, wanted: Review, now_ms: int) -> Begun:
        """Write down the other verdict of the same person, within a minute of the first."""
        verdict, _, sending, _ = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None:
                return Begun("gone")
            if stored.key == wanted.key or not stored.is_sent:
                settled = await _settled(pipe, stored, wanted, sending)
                if settled is not None:
                    return settled
                if not _is_same(stored, wanted):
                    return Begun("closed", stored)
                pipe.multi()
                return _queue_sending(pipe, verdict, sending, stored)
            is_named = wanted.key == undo_key(stored)
            if stored.who != wanted.who or stored.overrules or not is_named:
                return Begun("closed", stored)
            if now_ms - stored.decided_ms > UNDO_MS:
                return Begun("late", stored)
            other: Literal["fraud", "legitimate"] = (
                "legitimate" if stored.verdict == "fraud" else "fraud"
            )
            begun = msgspec.structs.replace(
                _after(stored, wanted),
                verdict=other,
                overrules=stored.verdict,
                comment=stored.comment,
            )
            pipe.multi()
            return _queue_sending(pipe, verdict, sending, begun)

        return await self.client.transact([verdict, sending], attempt)

    async def acknowledged(self, review: Review, entry: JudgedAlert) -> Begun:
        """Mark a verdict as sent, close its alert, and write ``entry`` of it to the log.

        Returns "sent", or "closed" where another stands.
        """
        keys = self.client.keys
        verdict, claim, sending, _ = self._watched(review.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None or _moment(stored) != _moment(review):
                return Begun("closed" if stored else "gone", stored)
            if stored.is_sent:
                return Begun("sent", stored)
            sent = msgspec.structs.replace(stored, is_sent=True)
            pipe.multi()
            pipe.execute_command("SET", verdict, msgspec.json.encode(sent), "PX", KEPT_MS)
            pipe.execute_command("DEL", claim, sending)
            queue_close(pipe, keys, review.alert_id)
            queue_judged(pipe, keys, entry)
            if not review.overrules:
                pipe.execute_command("HINCRBY", keys.review("counts"), "judged", 1)
            return Begun("sent", sent)

        return await self.client.transact([verdict], attempt)

    async def still(self, begun: Begun) -> bool:
        """Whether an attempt is the one under way, and say that it is for `SENDING_MS` from now on."""
        sending = self._sending(begun)

        async def attempt(pipe: Pipe) -> bool:
            if await asked(pipe, "GET", sending) != begun.attempt.encode():
                return False
            pipe.multi()
            pipe.execute_command("PEXPIRE", sending, SENDING_MS)
            return True

        return await self.client.transact([sending], attempt)

    async def given_up(self, begun: Begun) -> None:
        """Say that an attempt has ended without an acknowledgement: another may begin."""
        sending = self._sending(begun)

        async def attempt(pipe: Pipe) -> None:
            # After its time another's may be under way.
            if await asked(pipe, "GET", sending) == begun.attempt.encode():
                pipe.multi()
                pipe.execute_command("DEL", sending)

        await self.client.transact([sending], attempt)

    def _sending(self, begun: Begun) -> str:
        alert_id = "" if begun.review is None else begun.review.alert_id
        return self.client.keys.review("sending", alert_id)

    def _watched(self, alert_id: str) -> tuple[str, str, str, str]:
        names = "verdict", "claim", "sending", "alert"
        verdict, claim, sending, alert = (self.client.keys.review(n, alert_id) for n in names)
        return verdict, claim, sending, alert


async def _settled(pipe: Pipe, stored: Review | None, wanted: Review, sending: str) -> Begun | None:
    """Return what has become of a verdict where there is nothing to send; None where there may be."""
    if stored is None:
        return None
    if stored.is_sent:
        return Begun("sent" if _is_same(stored, wanted) else "closed", stored)
    if await asked(pipe, "EXISTS", sending):
        return Begun("sending", stored)
    # A correction that has not arrived is sent as it is, or not at all.
    return Begun("closed", stored) if stored.overrules and stored.key != wanted.key else None


def _is_same(stored: Review, wanted: Review) -> bool:
    """Whether ``wanted`` is the decision in ``stored``: another verdict or comment is another one.

    What a correction says follows from what it corrects, so its form alone names it.
    """
    if (stored.key, stored.who) != (wanted.key, wanted.who):
        return False
    said = stored.verdict, stored.comment
    return bool(stored.overrules) or said == (wanted.verdict, wanted.comment)


def undo_key(review: Review) -> str:
    """Return what names the form that corrects ``review``, and no other."""
    return f"undo-{review.key}"


def _moment(review: Review) -> tuple[str, int]:
    return review.key, review.decided_ms


def _after(stored: Review, wanted: Review) -> Review:
    """Return what is to be sent: ``stored`` as it was, or a new decision with a later time.

    Of two verdicts the later decision stands.
    """
    if _is_same(stored, wanted):
        return stored
    at = max(wanted.decided_ms, stored.decided_ms + 1)
    return msgspec.structs.replace(wanted, decided_ms=at)


def _queue_sending(pipe: Pipe, verdict: str, sending: str, review: Review) -> Begun:
    attempt = secrets.token_urlsafe(12)
    pipe.execute_command("SET", verdict, msgspec.json.encode(review), "PX", KEPT_MS)
    pipe.execute_command("SET", sending, attempt, "PX", SENDING_MS)
    return Begun("send", review, attempt=attempt)


def _decoded(stored: bytes | None) -> Review | None:
    return None if stored is None else msgspec.json.decode(stored, type=Review)
